"""The poller as a process: a connected company of a sandbox that is a process too, and the topics on a real broker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from control.connections import PASSWORD, NewConnection, get_connection, save_connection
from control.database import Database
from control.vault import Sealer
from core.settings import Settings, reveal
from sandbox.client import SandboxControl
from schemas.codec import Decoder
from schemas.sync_events import TERMINAL_EVENTS
from tests import factories
from tests.fix_stack import Stack
from tests.integration.producers.fix_topics import committed, events_of, eventually, of_company, send_command


@dataclass(slots=True)
class Site:
    """A company that is connected, and pollers as processes."""

    stack: Stack
    settings: Settings
    database: Database
    sandbox: SandboxControl
    company_id: str
    log: Path
    closing: ExitStack

    def start_poller(self) -> subprocess.Popen[bytes]:
        names = [name for name in self.settings.__class__.model_fields if reveal(getattr(self.settings, name)) != ""]
        # At DEBUG, since nothing secret may be in the log at any level.
        environment = (
            os.environ
            | {"LOG_LEVEL": "DEBUG"}
            | {name.upper(): str(reveal(getattr(self.settings, name))) for name in names}
        )
        log = self.closing.enter_context(self.log.open("ab"))
        process = subprocess.Popen([sys.executable, "-m", "cli", "poller"], env=environment, stderr=log)
        self.closing.callback(_end, process)
        return process

    def connect(self, *, as_company: str | None = None, **changes: str) -> None:
        """Connect with what the sandbox's company takes, or anything else; also as a second company."""
        company_id = as_company or self.company_id
        profile = self.sandbox.company | changes
        sealed = Sealer.from_settings(self.settings).seal(
            profile["password"].encode(), company_id=company_id, kind=PASSWORD
        )
        with self.database.transaction() as tx:
            save_connection(tx, NewConnection(company_id, profile["username"], profile["time_zone"], None), sealed)

    def expire_leases(self) -> None:
        """As if the time of a lease had passed since its owner went."""
        with self.database.transaction() as tx:
            tx.execute("UPDATE integration.connections SET lease_expires_at = '-infinity'")

    def initial_is_done(self, company_id: str | None = None) -> bool:
        with self.database.transaction() as tx:
            connection = get_connection(tx, company_id or self.company_id)
        return connection is not None and connection.initial_done_at is not None

    def send(self, **changes: Any) -> str:
        return self.send_for(self.company_id, **changes)

    def send_for(self, company_id: str, **changes: Any) -> str:
        body = factories.command_body(company_id=company_id, **changes)
        send_command(self.settings, self.stack.registry, body)
        return str(body["command_id"])

    def events(self, command_id: str) -> list[dict[str, Any]]:
        found = events_of(self.settings, self.stack.registry, self.company_id)
        return [event for event in found if event["command_id"] == command_id]

    def answer(self, command_id: str) -> dict[str, Any]:
        """The one terminal event of a command."""

        def terminal() -> list[dict[str, Any]]:
            return [event for event in self.events(command_id) if event["type"] in TERMINAL_EVENTS]

        eventually(lambda: bool(terminal()), what=f"the answer; the poller's log is {self.log.read_text()[-3000:]}")
        (only,) = terminal()
        return only

    def folded(self, entity: str, company_id: str | None = None) -> dict[str, dict[str, Any]]:
        """The entity's topic as a table reader keeps it."""
        topic = f"buildertrend.{entity}"
        decode = Decoder(topic, self.stack.registry)
        table: dict[str, dict[str, Any]] = {}
        for message in of_company(committed(self.settings, topic), company_id or self.company_id):
            entity_id = (message.key() or b"").decode().partition("/")[2]
            table.pop(entity_id, None)
            if (value := message.value()) is not None:
                table[entity_id] = decode(value)
        return table


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        # Not killed: it leaves its consumer group, which the next test's poller would else wait for.
        process.terminate()
    process.wait(30)


@pytest.fixture
def site(stack: Stack, own_database: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """Of 10 jobs and 450 shifts, or as a mark `company(jobs=…, shifts=…)` says."""
    mark = request.node.get_closest_marker("company")
    size = {"seed": 9, "jobs": 10, "shifts": 450} | ({} if mark is None else mark.kwargs)
    with ExitStack() as closing:
        command = [sys.executable, "-m", "sandbox", *(f"--{name}={value}" for name, value in size.items())]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        closing.callback(server.wait, 20)
        closing.callback(server.terminate)
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        closing.callback(server.stdout.close)
        sandbox = SandboxControl(url, sender=closing.enter_context(httpx.Client(timeout=20)))
        changes = {"buildertrend_app_url": url, "buildertrend_login_url": url, "buildertrend_min_request_gap_ms": 20}
        settings = own_database.model_copy(update=changes)
        database = Database(settings, max_connections=2)
        database.open()
        closing.callback(database.close)
        yield Site(stack, settings, database, sandbox, factories.company_id(), tmp_path / "poller.log", closing)
