"""Kills: nothing outlives the stack's owner, the next start works, and a broker that dies is reported."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
import pytest

from embedded.ports import HOST

GONE_WITHIN_S = 10
END_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Owner:
    """A `python -m embedded` that is up, with everything below it."""

    process: subprocess.Popen[str]
    addresses: dict[str, str]
    below: list[psutil.Process]

    def command(self, part: str) -> psutil.Process:
        """The broker itself, not its guard."""
        (found,) = (each for each in self.below if part in each.cmdline() and not _is_guard(each))
        return found


StartOwner = Callable[[], Owner]


@pytest.fixture
def data() -> Iterator[Path]:
    """Not below pytest's own folder, which every pytest run closes to the user that Postgres runs as under root."""
    with tempfile.TemporaryDirectory(prefix="embedded-stack-") as folder:
        yield Path(folder)


@pytest.fixture
def start(data: Path) -> Iterator[StartOwner]:
    started: list[subprocess.Popen[str]] = []

    def start_owner() -> Owner:
        process = subprocess.Popen(
            [sys.executable, "-m", "embedded", "--data", str(data), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        return Owner(process, addresses, psutil.Process(process.pid).children(recursive=True))

    yield start_owner
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate()


def test_owner_killed_leaves_no_process_and_the_next_start_has_the_data(start: StartOwner) -> None:
    owner = start()
    _execute(owner, "CREATE TABLE kept (id int)")
    assert len(owner.below) >= 6
    owner.process.kill()
    assert _left(owner.below) == []
    assert start().addresses == owner.addresses
    _execute(owner, "SELECT id FROM kept")


def test_owner_killed_next_start_at_once_waits_for_the_leftovers(start: StartOwner) -> None:
    owner = start()
    owner.process.kill()
    assert start().addresses == owner.addresses
    assert _left(owner.below) == []


def test_everything_killed_at_once_the_next_start_recovers(start: StartOwner) -> None:
    owner = start()
    _execute(owner, "CREATE TABLE kept (id int)")
    for process in [psutil.Process(owner.process.pid), *owner.below]:
        process.kill()
    assert _left(owner.below) == []
    assert start().addresses == owner.addresses
    _execute(owner, "SELECT id FROM kept")


def test_guards_and_owner_killed_leaves_no_process(start: StartOwner) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux ends a process with its parent; elsewhere a killed owner and guard leave the command")
    owner = start()
    guards = [process for process in owner.below if _is_guard(process)]
    owner.process.kill()
    for guard in guards:
        guard.kill()
    assert _left(owner.below) == []


def test_broker_killed_is_reported_and_ends_the_rest(start: StartOwner) -> None:
    owner = start()
    owner.command("kafka.Kafka").kill()
    _, errors = owner.process.communicate(timeout=END_WITHIN_S)
    assert owner.process.returncode == 1
    assert errors.startswith("kafka ended by itself (signal SIGKILL). The end of ")
    assert "Performing controller activation" in errors
    assert "Traceback" not in errors
    assert _left(owner.below) == []


def test_postgres_killed_is_reported_with_its_log(start: StartOwner) -> None:
    owner = start()
    (postmaster,) = (each for each in owner.below if each.name() == "postgres" and _is_guard(each.parent()))
    postmaster.kill()
    _, errors = owner.process.communicate(timeout=END_WITHIN_S)
    assert errors.startswith("postgres ended by itself (signal SIGKILL).")
    assert "database system is ready to accept connections" in errors
    assert _left(owner.below) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_owner_told_to_end_exits_0_and_leaves_nothing(start: StartOwner, number: signal.Signals) -> None:
    owner = start()
    owner.process.send_signal(number)
    _, errors = owner.process.communicate(timeout=END_WITHIN_S)
    assert (owner.process.returncode, errors) == (0, "")
    assert _left(owner.below) == []


def test_fixed_port_taken_is_one_sentence(data: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        ended = _run_embedded("--data", str(data), "--kafka-port", str(port))
    assert ended.returncode == 1
    assert ended.stderr == (
        f"Port {port} for kafka is in use by another program: choose another port (or end that program).\n"
    )
    assert not (data / "kafka").exists()


def test_broker_that_cannot_read_its_folder_fails_with_its_log(start: StartOwner, data: Path) -> None:
    owner = start()
    owner.process.terminate()
    owner.process.communicate()
    (data / "kafka" / "log" / "meta.properties").write_text("node.id=7\ncluster.id=another\nversion=1\n")
    ended = _run_embedded("--data", str(data))
    assert ended.returncode == 1
    assert ended.stderr.startswith("kafka ended by itself (exit code 1). The end of ")
    assert "configured node id matches" in ended.stderr
    assert "Traceback" not in ended.stderr


def _run_embedded(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "embedded", *arguments],
        capture_output=True,
        text=True,
        timeout=END_WITHIN_S,
        check=False,
    )


def _execute(owner: Owner, statement: LiteralString) -> None:
    with psycopg.connect(owner.addresses["database_url"]) as connection:
        connection.execute(statement)


def _is_guard(process: psutil.Process | None) -> bool:
    return process is not None and any(argument.endswith("guard.py") for argument in process.cmdline())


def _left(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run after the time that is allowed; one that only waits to be reaped runs no more."""
    limit = time.monotonic() + GONE_WITHIN_S
    while running := [process for process in processes if _runs(process)]:
        if time.monotonic() > limit:
            return running
        psutil.wait_procs(running[:1], timeout=0.05)
    return []


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
