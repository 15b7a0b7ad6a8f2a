"""The whole product as processes of its own around the shared Kafka, registry and Postgres: a sandbox, poller, streams,
sink and console, with a database of their own. Poller and console can be ended and started again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from cli.user import store_user
from control.console_sessions import begin_session
from control.console_users import NewUser, user_by_email
from core.settings import Settings, reveal
from embedded.ports import choose_ports
from sandbox.client import SandboxControl
from tests.fix_stack import Stack, create_database, database_at, drop_database

PASSWORD = "correct horse battery"
WITHIN_S = 60.0
SERVICES = ("poller", "streams", "sink", "console")


def eventually(holds: Callable[[], Any], what: str, *, within_s: float = WITHIN_S) -> Any:
    """Ask again until it holds; what it came to."""
    limit = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < limit, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.05)
    return found


@dataclass
class World:
    """A product that runs. `address` is the console's."""

    settings: Settings
    folder: Path
    ports: dict[str, int]
    http: httpx.Client
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports['console']}"

    def start(self, name: str, **changes: str) -> None:
        """Start a process of the product."""
        ours = {key.upper() for key in Settings.model_fields}
        environment = {key: value for key, value in os.environ.items() if key not in ours}
        values = {key.upper(): str(reveal(value)) for key, value in dict(self.settings).items() if reveal(value) != ""}
        port = str(self.ports[name])
        metrics_port = "0" if name == "console" else port
        environment |= values | {"CONSOLE_PORT": port, "METRICS_PORT": metrics_port, **changes}
        with (self.folder / f"{name}.log").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "cli", name], env=environment, stdout=out, stderr=out
            )

    def wait_for(self, *names: str) -> None:
        """Until these are ready."""
        for name in names:
            eventually(partial(self._is_ready, name), f"{name} is ready")

    def end(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End a process, politely or not."""
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait(WITHIN_S)

    def close(self) -> None:
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                process.kill()
        for process in self.processes.values():
            process.wait(WITHIN_S)

    def new_source(self, **wanted: Any) -> SandboxControl:
        """A company of the sandbox."""
        values = {"seed": uuid.uuid4().int % 2**31, "jobs": 8, "shifts": 120, **wanted}
        return SandboxControl(self.settings.buildertrend_app_url, sender=self.http).create_company(**values)

    def add_user(self, role: str, company_id: str | None = None, password: str | None = None) -> str:
        """A user's e-mail."""
        email = f"{role}-{uuid.uuid4().hex[:8]}@protiv.example"
        name = "Olive Okafor" if role == "operator" else "Dana Reyes"
        store_user(self.settings, NewUser(email, name, role, company_id, password))
        return email

    def session_of(self, email: str) -> str:
        """A session's cookie, without the second that a password takes."""
        with psycopg.connect(self.settings.database_url.get_secret_value()) as tx:
            user = user_by_email(tx, email)
            assert user is not None
            return begin_session(tx, user.user_id)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.settings.database_url.get_secret_value(), autocommit=True) as connection:
            return connection.execute(statement.encode(), list(values)).fetchall()

    def run(self, statement: str, *values: object) -> None:
        with psycopg.connect(self.settings.database_url.get_secret_value(), autocommit=True) as connection:
            connection.execute(statement.encode(), list(values))

    def _is_ready(self, name: str) -> bool:
        if self.processes[name].poll() is not None:
            pytest.fail(f"{name} ended: {(self.folder / f'{name}.log').read_text()[-3000:]}")
        return _answers(f"http://127.0.0.1:{self.ports[name]}/ready")


@contextmanager
def running_world(stack: Stack, folder: Path) -> Iterator[World]:
    """Everything up, and gone at the end."""
    server = stack.settings.database_url.get_secret_value()
    database = f"console_{uuid.uuid4().hex[:8]}"
    create_database(server, database, template=stack.template)
    ports = choose_ports(folder / "ports.json", dict.fromkeys((*SERVICES, "sandbox")))
    sandbox_url = f"http://127.0.0.1:{ports['sandbox']}"
    settings = stack.with_settings(
        database_url=database_at(server, database),
        buildertrend_app_url=sandbox_url,
        buildertrend_login_url=sandbox_url,
        buildertrend_min_request_gap_ms=0,
        poll_interval_s=3600,
    )
    http = httpx.Client(timeout=30, trust_env=False)
    world = World(settings, folder, ports, http)
    try:
        with (folder / "sandbox.log").open("wb") as out:
            command = [sys.executable, "-m", "sandbox", f"--port={ports['sandbox']}", "--jobs=2", "--shifts=1"]
            world.processes["sandbox"] = subprocess.Popen(command, stdout=out, stderr=out)
        for name in SERVICES:
            world.start(name)
        world.wait_for(*SERVICES)
        eventually(lambda: _answers(f"{sandbox_url}/sandbox/api/companies"), "the sandbox answers")
        yield world
    finally:
        world.close()
        http.close()
        drop_database(server, database)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
