"""The whole embedded stack: Kafka, schema registry and Postgres for one data folder. Either all three answer, or
the start fails with one sentence and the end of the log of the one that failed, and nothing is left running.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core.errors import ConfigurationError, FatalError
from embedded.artifacts import ensure_files
from embedded.data_dir import DataDir
from embedded.kafka import kafka_command
from embedded.lockfile import read_lock
from embedded.ports import HOST, choose_ports
from embedded.postgres import database_url, postgres_command
from embedded.process import ChildProcess, Command
from embedded.progress import SilentProgress, StartProgress
from embedded.registry import API_PATH, registry_command, unpacked
from embedded.supervisor import Supervisor

_START_DEADLINE_S = 90.0
_OPEN_FILES = 512


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the services' settings of the same names take. The database URL holds a password."""

    kafka_bootstrap_servers: str
    schema_registry_url: str
    database_url: str


@dataclass(frozen=True, slots=True)
class FixedPorts:
    """Ports that must be used; None means any free one, the last one used if possible."""

    kafka: int | None = None
    registry: int | None = None
    postgres: int | None = None


class EmbeddedStack:
    """`with EmbeddedStack(folder) as stack: addresses = stack.start()`; leaving the block stops everything."""

    def __init__(self, data_dir: Path, *, ports: FixedPorts | None = None) -> None:
        self._root = data_dir
        self._fixed = ports or FixedPorts()
        self.supervisor = Supervisor()
        self._data: DataDir | None = None

    def start(self, progress: StartProgress | None = None) -> Addresses:
        """Blocks until all three answer. FatalError or ConfigurationError, one sentence each, when they do not."""
        progress = progress or SilentProgress()
        check_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        self._data = data = DataDir.open(self._root)
        try:
            return self._start_in(data, progress)
        except OSError as error:
            self.stop()
            raise FatalError(
                f"Cannot use {error.filename or data.root} ({error.strerror}): make room or check its owner, or choose "
                "another --data."
            ) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends everything and releases the data folder. Can be called again."""
        self.supervisor.stop()
        if self._data is not None:
            self._data.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _start_in(self, data: DataDir, progress: StartProgress) -> Addresses:
        fixed = {"kafka": self._fixed.kafka, "registry": self._fixed.registry, "postgres": self._fixed.postgres}
        ports = choose_ports(data.root / "ports.json", {**fixed, "kafka-controller": None})
        paths = ensure_files(read_lock(), progress)
        jars = [path for file, path in paths.items() if file.component == "kafka"]
        ((archive_file, archive),) = ((file, path) for file, path in paths.items() if file.component == "registry")
        preparations: list[Callable[[], Command]] = [
            lambda: kafka_command(data, jars, port=ports["kafka"], controller_port=ports["kafka-controller"]),
            lambda: registry_command(data, unpacked(archive_file, archive), port=ports["registry"]),
            lambda: postgres_command(data, port=ports["postgres"]),
        ]
        self.supervisor.start(
            [ChildProcess(command) for command in _prepared(preparations)], deadline_s=_START_DEADLINE_S
        )
        return Addresses(
            kafka_bootstrap_servers=f"{HOST}:{ports['kafka']}",
            schema_registry_url=f"http://{HOST}:{ports['registry']}{API_PATH}",
            database_url=database_url(data, port=ports["postgres"]),
        )


def check_open_files(hard_limit: int) -> None:
    """ConfigurationError if the registry, which opens each of its 310 libraries, could not start."""
    if 0 <= hard_limit < _OPEN_FILES:
        raise ConfigurationError(
            f"The hard limit of open files is {hard_limit}, the schema registry needs {_OPEN_FILES}: raise it "
            f"(ulimit -Hn {_OPEN_FILES}, LimitNOFILE= of the service, or --ulimit nofile of the container)."
        )


def _prepared(preparations: list[Callable[[], Command]]) -> list[Command]:
    """Side by side: on the first start each makes its folder, which takes a second or two."""
    with ThreadPoolExecutor(len(preparations), thread_name_prefix="prepare") as pool:
        return [done.result() for done in [pool.submit(prepare) for prepare in preparations]]
