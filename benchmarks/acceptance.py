"""A command that was sent while every service was down: seconds from the start of the services until it is accepted.

Poller, streams, sink and console start together, as after a reboot; Kafka, registry and Postgres are running.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from benchmarks._stack import running_stack
from benchmarks.figures import arguments, percentile, report
from cli.connect import Entered, store
from cli.following import CommandLine
from cli.local import SERVICES
from core.errors import FatalError
from core.settings import Settings
from embedded.ports import choose_ports
from schemas.command_sender import CommandOrder

_COMPANY = "bench"
_QUIET_S = 60.0
# Nothing listens there: the sync itself fails, but only the acceptance of its command is measured.
_NO_SOURCE = {"BUILDERTREND_APP_URL": "http://127.0.0.1:9", "BUILDERTREND_LOGIN_URL": "http://127.0.0.1:9"}


def main() -> int:
    """Prints the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="starts of all services")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as (settings, environment):
        store(settings, Entered(_COMPANY, "nobody", "no password", "America/Denver"))
        started = _Started(Path(folder), environment | _NO_SOURCE)
        took_s = [_round(settings, started) for _ in range(options.rounds)]
    figures = {"starts": options.rounds, "accepted_after_s_p50": round(percentile(took_s, 0.5), 2)}
    report(figures | {"accepted_after_s_max": round(max(took_s), 2)}, as_json=options.json)
    return 0


class _Started:
    """Every service as a process; they end with the block."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> None:
        ports = choose_ports(self._folder / "ports.json", dict.fromkeys(SERVICES))
        for name in SERVICES:
            port = str(ports[name])
            with (self._folder / f"{name}.log").open("ab") as log:
                self._processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "cli", name],
                        env={**self._environment, "METRICS_PORT": port, "CONSOLE_PORT": port},
                        stdout=log,
                        stderr=log,
                    )
                )

    def __exit__(self, *_exception: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(60)
        self._processes.clear()


def _round(settings: Settings, started: _Started) -> float:
    with closing(CommandLine(settings)) as line:
        line.listen(_COMPANY)
        command_id = line.send(CommandOrder("sync", _COMPANY), requested_by="benchmark")
        began = time.monotonic()
        with started:
            for event in line.events(command_id, quiet_s=_QUIET_S):
                if event["type"] == "accepted" and event["command_id"] == command_id:
                    return time.monotonic() - began
    raise FatalError("The command ended without having been accepted.")


if __name__ == "__main__":
    sys.exit(main())
