"""Runs of a poller's work on the real database and the simulated source, with topics kept in memory.

A `Desk` is what a poller has for one company: it leases the connection, works on it, and folds what was published.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow, dict_row
from starlette.testclient import TestClient

from control.commands import OpenCommand, put_command
from control.connections import (
    PASSWORD,
    Connection,
    Lease,
    NewConnection,
    get_connection,
    lease_due,
    save_connection,
)
from control.database import Database
from control.vault import Opener, Sealer
from core.errors import RetriableError
from core.settings import Settings
from producers.commands.answer_publisher import AnswerPublisher
from producers.connection_work import work_on
from producers.main import Accounts
from producers.replay.command import ReplayEnd
from producers.runs.outcome import Recorder
from producers.sync_events import SyncEvent
from producers.tools import Tools
from sandbox.client import SandboxControl
from schemas.batch_codec import BatchEncoder
from schemas.codec import Decoder
from schemas.topics import RAW_TOPICS
from tests import factories
from tests.fakes import FakeClock, MemoryAnswerTopic, MemoryEvents, MemoryPublisher, MemorySchemas
from tests.fix_source import SOURCE_URL, InProcessSource

SCHEMAS = MemorySchemas()
# Noon of the sandbox's last day, in Denver.
NOON = datetime(2026, 6, 17, 18, 0, tzinfo=UTC)
ENCODERS = {topic: BatchEncoder(topic, SCHEMAS) for topic in RAW_TOPICS}
DECODERS = {topic: Decoder(topic, SCHEMAS) for topic in RAW_TOPICS}


@dataclass(slots=True)
class Desk:
    """One company's connection and everything a run of it touches."""

    company_id: str
    sandbox: SandboxControl
    source: InProcessSource
    database: Database
    settings: Settings
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON))
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    events: MemoryEvents = field(default_factory=MemoryEvents)
    answer_topic: MemoryAnswerTopic = field(init=False)
    replayed: list[OpenCommand] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    transport: httpx.BaseTransport | None = None
    """In place of the source, where a test changes what it answers."""

    def __post_init__(self) -> None:
        self.answer_topic = MemoryAnswerTopic(self.events)

    def tools(self) -> Tools:
        accounts = Accounts(
            self.settings,
            self.database,
            Opener.from_settings(self.settings),
            self.clock,
            http=httpx.Client(transport=self.transport or self.source),
        )
        return Tools(
            recorder=Recorder(self.settings, self.database, self.events, self.clock, random.Random(1)),
            encoders=ENCODERS,
            account=accounts,
            publisher=lambda _company_id: self.publisher,
            replay=self._replay,
        )

    def _replay(self, command: OpenCommand, _stopped: Callable[[], bool]) -> ReplayEnd:
        self.replayed.append(command)
        return ReplayEnd("completed", "Dead letters: 0 put through.")

    def connect(self, **changes: Any) -> None:
        """Connect with what the sandbox's company takes, or anything else."""
        profile = self.sandbox.company
        wanted = (
            {name: profile[name] for name in ("username", "password", "time_zone")} | {"import_from": None} | changes
        )
        password = wanted.pop("password")
        sealed = Sealer.from_settings(self.settings).seal(password.encode(), company_id=self.company_id, kind=PASSWORD)
        with self.database.transaction() as tx:
            save_connection(tx, NewConnection(self.company_id, **wanted), sealed)

    def lease(self) -> Lease | None:
        with self.database.transaction() as tx:
            leases = lease_due(tx, owner="test", ttl_s=60, limit=10)
        return next((lease for lease in leases if lease.company_id == self.company_id), None)

    def run(self, *, due: bool = True) -> list[SyncEvent]:
        """Lease the connection and work on it; the events of that. `due` makes it due first."""
        if due:
            self.make_due()
        lease = self.lease()
        assert lease is not None, "The connection is not to be worked on."
        return self.work(lease)

    def work(self, lease: Lease) -> list[SyncEvent]:
        before = len(self.events.written)
        work_on(lease, self.tools(), self.stop)
        with suppress(RetriableError):
            self.publish_answers()
        return self.events.written[before:]

    def publish_answers(self) -> None:
        """Publish the stored answers, as a poller does."""
        publisher = AnswerPublisher(
            self.settings.database_url.get_secret_value(), lambda: self.answer_topic, self.clock
        )
        with closing(publisher):
            publisher.turn()

    def run_full(self) -> list[SyncEvent]:
        """A run in which a full read is due."""
        self.clock.move(self.settings.full_sync_interval_s + 1)
        return self.run()

    def make_due(self) -> None:
        self.sql("UPDATE integration.connections SET next_due_at = now() - interval '1 second' WHERE company_id = %s")

    def command(self, **changes: Any) -> str:
        body = factories.command_body(company_id=self.company_id, **changes)
        with self.database.transaction() as tx:
            assert put_command(tx, body)
        return str(body["command_id"])

    def connection(self) -> Connection:
        with self.database.transaction() as tx:
            found = get_connection(tx, self.company_id)
        assert found is not None
        return found

    def sql(self, statement: str) -> list[DictRow]:
        """Rows of a statement with the company's id as its parameter."""
        url = self.settings.database_url.get_secret_value()
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), [self.company_id])
            return cursor.fetchall() if cursor.description else []

    def state_ids(self, entity: str) -> set[str]:
        rows = self.sql("SELECT entity, entity_id FROM integration.source_state WHERE company_id = %s")
        return {row["entity_id"] for row in rows if row["entity"] == entity}

    def changes(self, entity: str, *, since: int = 0) -> list[dict[str, Any]]:
        """Change records published of an entity, in order; `since` is a number of messages to pass over."""
        topic = f"buildertrend.{entity}"
        published = self.publisher.messages[since:]
        return [DECODERS[topic](m.value) for m in published if m.topic == topic and m.value is not None]

    def mark(self) -> int:
        return len(self.publisher.messages)

    def folded(self, entity: str) -> dict[str, dict[str, Any]]:
        """The entity's topic as a table reader keeps it: the last value a key, tombstones applied."""
        table: dict[str, dict[str, Any]] = {}
        topic = f"buildertrend.{entity}"
        for message in self.publisher.messages:
            if message.topic == topic:
                entity_id = message.key.decode().partition("/")[2]
                table.pop(entity_id, None)
                if message.value is not None:
                    table[entity_id] = DECODERS[topic](message.value)
        return table


DeskMaker = Callable[[SandboxControl], Desk]


@pytest.fixture
def new_desk(own_database: Settings, sandbox_client: TestClient) -> Iterator[DeskMaker]:
    """Makes desks in one database of the test's own; several companies may share it."""
    settings = own_database.model_copy(
        update={"buildertrend_app_url": SOURCE_URL, "buildertrend_login_url": SOURCE_URL}
    )
    database = Database(settings, max_connections=4)
    database.open()

    def make(sandbox: SandboxControl) -> Desk:
        return Desk(factories.company_id(), sandbox, InProcessSource(sandbox_client), database, settings)

    yield make
    database.close()


@pytest.fixture
def desk(new_desk: DeskMaker, sandbox_company: SandboxControl) -> Desk:
    """A company that is connected and was never read."""
    made = new_desk(sandbox_company)
    made.connect()
    return made


@pytest.fixture
def read_desk(desk: Desk) -> Desk:
    """A company whose initial read is done."""
    (last,) = [event for event in desk.run() if event.type == "completed"]
    assert last.counts is not None
    return desk
