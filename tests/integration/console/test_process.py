"""The console as an operator runs it: one process, its addresses, its end, and a database that comes and goes."""

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

import httpx
import pytest
from psycopg.conninfo import conninfo_to_dict

from control.database import migrate_control
from core.settings import Settings, reveal
from sinks.migrate import migrate_protiv
from tests.fix_stack import Stack

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
    """`protiv-buildertrend console` on any free port."""
    ours = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    needed = (
        "kafka_bootstrap_servers",
        "schema_registry_url",
        "database_url",
        "credential_public_key",
        "console_secret",
    )
    environment |= {name.upper(): str(reveal(getattr(settings, name))) for name in needed}
    environment |= {"CONSOLE_PORT": "0", **changes}
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


def is_ready(console: Console) -> bool:
    return console.get("/ready").status_code == 200


def test_console_serves_counts_and_ends_when_it_is_asked_to(own_database: Settings, tmp_path: Path) -> None:
    with running_console(own_database, tmp_path) as console:
        eventually(lambda: is_ready(console), "ready")
        assert console.get("/health").json() == {"alive": True}
        assert console.get("/").headers["location"] == "/sign-in?next=/"
        assert "Sign in" in console.get("/sign-in").text
        assert console.get("/c/some%20company/jobs").status_code == 303
        assert console.get("/made-up-by-somebody").status_code == 404
        metrics = console.get("/metrics").text
        assert 'protiv_console_requests_total{path="/sign-in",status="200"} 1.0' in metrics
        assert "made-up" not in metrics
        assert "some" not in re.sub(r"^#.*$", "", metrics, flags=re.MULTILINE)
        assert console.end(signal.SIGTERM) == 0
        assert "Traceback" not in console.log.read_text()


def test_console_ends_cleanly_while_it_waits_for_the_database(stack: Stack, tmp_path: Path) -> None:
    nowhere = stack.with_settings(database_url="postgresql://nobody@127.0.0.1:1/none")
    with running_console(nowhere, tmp_path) as console:
        assert console.get("/health").status_code == 200
        assert console.get("/ready").status_code == 503
        assert "does not answer" in console.get("/sign-in").text or console.get("/sign-in").status_code == 200
        assert console.end(signal.SIGINT) == 0


@pytest.mark.timeout(180)
def test_console_comes_before_its_database_and_outlives_its_outage(own_database: Settings, tmp_path: Path) -> None:
    part = conninfo_to_dict(own_database.database_url.get_secret_value())
    cable = Cable(str(part["host"]), int(part["port"] or 5432))
    through = f"postgresql://{part['user']}:{part['password']}@127.0.0.1:{cable.port}/{part['dbname']}"
    settings = own_database.model_copy(update={"database_url": type(own_database.database_url)(through)})
    with running_console(settings, tmp_path) as console:
        assert not is_ready(console)
        cable.plug()
        eventually(lambda: is_ready(console), "ready when the database is there")
        cable.pull()
        eventually(lambda: not is_ready(console), "not ready in the outage")
        with httpx.Client(trust_env=False, timeout=30, cookies={"protiv_session": "any"}) as browser:
            told = browser.get(console.address + "/companies")
        assert told.status_code == 503
        assert "does not answer" in told.text
        cable.plug()
        eventually(lambda: is_ready(console), "ready again")
        assert console.end(signal.SIGTERM) == 0
        assert "Traceback" not in console.log.read_text()
    cable.pull()


def test_console_of_a_database_that_is_not_set_up_waits_for_setup(
    stack: Stack, empty_database_url: str, tmp_path: Path
) -> None:
    with running_console(stack.with_settings(database_url=empty_database_url), tmp_path) as console:
        eventually(lambda: "protiv-buildertrend setup" in console.get("/ready").text, "says what to run")
        migrate_control(empty_database_url)
        migrate_protiv(empty_database_url)
        eventually(lambda: is_ready(console), "goes on by itself")


def test_console_on_a_taken_port_says_what_to_do(stack: Stack, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = console_process(stack.settings, tmp_path / "log", CONSOLE_PORT=str(port))
        assert process.wait(START_S) == 2
    said = (tmp_path / "log").read_text()
    assert f"CONSOLE_PORT {port} cannot be used" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"CONSOLE_HOST": "::"}, "set CONSOLE_PUBLIC_URL"),
        ({"CONSOLE_SECRET": ""}, "CONSOLE_SECRET is not set"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"CREDENTIAL_PUBLIC_KEY": ""}, "CREDENTIAL_PUBLIC_KEY is not set"),
        ({"KAFKA_BOOTSTRAP_SERVERS": ""}, "KAFKA_BOOTSTRAP_SERVERS is not set"),
        ({"CONSOLE_PUBLIC_URL": "console.example"}, "CONSOLE_PUBLIC_URL is wrong"),
    ],
)
def test_console_names_the_setting_that_is_wrong(
    stack: Stack, tmp_path: Path, changes: dict[str, str], told: str
) -> None:
    process = console_process(stack.settings, tmp_path / "log", **changes)
    assert process.wait(START_S) == 2
    assert told in (tmp_path / "log").read_text()


def test_console_listens_on_the_loopback_of_ipv6(own_database: Settings, tmp_path: Path) -> None:
    with running_console(own_database, tmp_path, CONSOLE_HOST="::1") as console:
        assert console.address.startswith("http://[::1]:")
        assert console.get("/health").status_code == 200
