"""A console as a process of its own, and a way to its database that tests can cut."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from core.settings import Settings

START_S = 60.0
_READY = re.compile(r"console_ready.*address=(\S+)")


@dataclass(frozen=True, slots=True)
class Console:
    """A console that listens. `log` is what it says on standard error."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    def get(self, path: str) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=20) as client:
            return client.get(self.address + path)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(START_S)


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {START_S:.0f} s: {what}"
        time.sleep(0.05)


def console_process(settings: Settings, log: Path, **changes: str) -> subprocess.Popen[bytes]:
    """`protiv-buildertrend console` on any free port, with nothing but DATABASE_URL."""
    ours = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"DATABASE_URL": settings.database_url.get_secret_value(), "CONSOLE_PORT": "0", **changes}
    with log.open("wb") as out:
        return subprocess.Popen([sys.executable, "-m", "cli", "console"], env=environment, stdout=out, stderr=out)


@contextmanager
def running_console(settings: Settings, folder: Path, **changes: str) -> Iterator[Console]:
    log = folder / "console.log"
    process = console_process(settings, log, **changes)
    try:
        eventually(lambda: process.poll() is not None or bool(_READY.search(log.read_text())), "console_ready")
        found = _READY.search(log.read_text())
        assert found, log.read_text()
        yield Console(process, found[1], log)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait(START_S)


class Cable:
    """A port that leads to another one while it is plugged in; pulled out, every connection breaks at once."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: list[socket.socket] = []
        self._listening: socket.socket | None = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]

    def plug(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def pull(self) -> None:
        if self._listening is not None:
            with suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=ends, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def companies(console: Console) -> dict[str, Any]:
    """What /api/status says, by company id."""
    return {one["company_id"]: one for one in console.get("/api/status").json()["companies"]}
