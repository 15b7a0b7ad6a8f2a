"""A poller that crashes anywhere, in one process: its database is real, topics and source are kept in memory.

Every place where a process could die is a fault point: before and after each commit, each event, each answer, between
two pages. What is in the database and in the topics stays, the rest is made anew, as with a new process.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import psycopg

from control.commands import Answer, OpenCommand
from control.connections import Lease, NewConnection, save_connection, set_signed_in
from control.database import Database, Transaction
from control.source_state import ReadRange
from control.vault import SealedSecret
from core.errors import RetriableError
from core.settings import Settings
from producers.buildertrend.account import Account, AccountIdentity
from producers.buildertrend.client import ReadStoppedError
from producers.buildertrend.faults import SourceFaultError
from producers.commands.answer_publisher import AnswerPublisher
from producers.commands.command_loop import CommandLoop
from producers.commands.intake import Intake
from producers.connection_work import work_on
from producers.replay.command import ReplayEnd
from producers.runs.outcome import Recorder
from producers.source import FROM_THE_START, IncompleteReason, Page, ReadStart, SecondLook, SourceRecord, SourceRow
from producers.sync_events import SyncEvent, event_record
from producers.tools import Tools
from schemas.batch_codec import BatchEncoder
from schemas.entities import JOBS, Entity
from schemas.faults import SOURCE_UNAVAILABLE
from schemas.sync_events import TERMINAL_EVENTS
from schemas.topics import RAW_TOPICS
from tests import factories
from tests.fakes import FakeClock, MemoryPublisher, MemorySchemas

ENCODERS = {topic: BatchEncoder(topic, MemorySchemas()) for topic in RAW_TOPICS}
BUILDER = "69084"


class CrashError(BaseException):
    """The process dies here. No code of ours may catch it."""


@dataclass(slots=True)
class Fate:
    """Decides at each fault point whether the process dies there, or the broker is away."""

    chance: random.Random
    share: float = 0.0

    def point(self) -> None:
        if self.chance.random() < self.share:
            raise CrashError

    def broker(self) -> None:
        self.point()
        if self.chance.random() < self.share:
            raise RetriableError("The broker is being restarted.")


class MortalDatabase(Database):
    """Transactions that a crash ends before or after their commit."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, max_connections=2)
        self.fate = Fate(random.Random(0))

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with super().transaction() as tx:
            yield tx
            self.fate.point()
        self.fate.point()


@dataclass(slots=True)
class Topic:
    """The events' topic: what was committed to it stays."""

    fate: Fate
    records: list[dict[str, Any]] = field(default_factory=list)

    def write(self, event: SyncEvent) -> None:
        """See producers.sync_events.EventWriter."""
        self.fate.broker()
        self.records.append(event_record(event, datetime.now(UTC)))
        self.fate.point()

    def published(self, answers: Sequence[Answer]) -> set[str]:
        """See producers.commands.answer_publisher.AnswerTopic."""
        self.fate.broker()
        ids = {record["event_id"] for record in self.records}
        return {answer.command_id for answer in answers if answer.event["event_id"] in ids}

    def publish(self, answers: Sequence[Answer]) -> None:
        """A transaction: all or nothing; who asked may never hear that it was all."""
        self.fate.broker()
        self.records.extend(answer.event for answer in answers)
        self.fate.broker()

    def close(self) -> None:
        """It holds nothing."""

    def endings(self) -> Counter[str]:
        """How many final events each command has."""
        return Counter(str(record["command_id"]) for record in self.records if record["type"] in TERMINAL_EVENTS)


class JobsRead:
    """A read of three pages of jobs; while it goes on, other things happen."""

    entity: Entity = JOBS
    reader_version = b""
    may_lack_changes = False

    def __init__(self, world: World, stop: threading.Event) -> None:
        self._world = world
        self._stop = stop

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """It knows nothing."""

    def cursor(self) -> dict[str, Any]:
        return {}

    def pages(self, start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        for number in range(start.pages_done + 1, 4):
            self._world.meanwhile(self._stop)
            if self._stop.is_set():
                raise ReadStoppedError
            after = {"jobId": number, "jobName": f"Job {self._world.edits}", "status": 1, "extras": {}}
            yield Page(number, [SourceRow.of(SourceRecord(str(number), after))], 3)

    def complete_range(self) -> ReadRange | None:
        return ReadRange()

    def incomplete_reason(self) -> IncompleteReason | None:
        return None

    def second_look(self, _missing: object) -> Iterator[Page]:
        return iter(())

    def second_look_result(self) -> SecondLook:
        return SecondLook()


@dataclass
class World:
    """One company, its commands' topic, and whatever poller is alive."""

    settings: Settings
    database: MortalDatabase
    link: psycopg.Connection[Any]
    chance: random.Random
    company_id: str = field(default_factory=factories.company_id)
    commands: list[dict[str, Any]] = field(default_factory=list)
    taken: int = 0
    edits: int = 0
    replays: Counter[str] = field(default_factory=Counter)
    crashes: int = 0

    def __post_init__(self) -> None:
        self.fate = Fate(self.chance)
        self.topic = Topic(self.fate)
        self.clock = FakeClock(datetime.now(UTC))
        self.publisher = MemoryPublisher(before_commit=lambda _: self.fate.broker())
        self.database.fate = self.fate
        with self.database.transaction() as tx:
            secret = SealedSecret("k", b"sealed")
            save_connection(tx, NewConnection(self.company_id, "ana", "America/Denver", None), secret)
            set_signed_in(tx, self.company_id, builder_id=BUILDER, builder_name="Tighe")
        self.sql("UPDATE integration.connections SET next_due_at = now() + interval '2 h' WHERE company_id = %s")
        self.start()

    def start(self) -> None:
        """A new process: nothing but the database and the topics is known to it."""
        recorder = Recorder(self.settings, self.database, self.topic, self.clock, self.chance)
        self.intake = Intake(self.settings, self.database, self.topic, self.clock)
        url = self.settings.database_url.get_secret_value()
        self.answers = AnswerPublisher(url, lambda: self.topic, self.clock)
        self.command_loop = CommandLoop(recorder, self.take, self.publish_answers, self.clock)
        self.tools = Tools(
            recorder=recorder,
            encoders=ENCODERS,
            account=lambda *_: cast("Account", self),
            publisher=lambda _: self.publisher,
            replay=self.replay,
        )

    def crash(self) -> None:
        """The process is gone; its session's lock with it, and its lease after a while."""
        self.crashes += 1
        self.answers.close()
        self.sql("UPDATE integration.connections SET lease_expires_at = '-infinity' WHERE company_id = %s")
        self.start()

    def identity(self) -> AccountIdentity:
        """See producers.buildertrend.account.Account."""
        if self.chance.random() < self.fate.share:
            raise SourceFaultError(SOURCE_UNAVAILABLE, "away")
        return AccountIdentity(BUILDER, "Tighe")

    def reads(self, _account: object, _scope: object) -> list[JobsRead]:
        """In place of producers.buildertrend.reads.plan.planned_reads."""
        return [JobsRead(self, self.stop)]

    def replay(self, command: OpenCommand, _stopped: Callable[[], bool]) -> ReplayEnd:
        self.fate.broker()
        self.replays[command.command_id] += 1
        return ReplayEnd("completed", "Dead letters: 0 put through.")

    def send(self, body: dict[str, Any]) -> None:
        self.commands.append(body)

    def take(self) -> int:
        """Like the inbox: an offset moves only when its command is kept."""
        while self.taken < len(self.commands):
            self.intake.take(self.commands[self.taken])
            self.fate.broker()
            self.taken += 1
        return self.taken

    def publish_answers(self) -> int:
        self.clock.move(2)
        return self.answers.turn()

    def turn(self) -> None:
        """One turn of the loop, and the work that it finds."""
        with self._surviving():
            self.command_loop.turn()
        with self._surviving():
            lease = self._lease()
            if lease is not None:
                self.stop = threading.Event()
                work_on(lease, self.tools, self.stop)
                self.sql("UPDATE integration.connections SET lease_expires_at = '-infinity' WHERE company_id = %s")

    def meanwhile(self, stop: threading.Event) -> None:
        """Between two pages: what the loop does while a read goes on."""
        self.fate.point()
        self.edits += self.chance.random() < 0.3
        if self.during is not None:
            self.during()
            try:
                self.command_loop.turn()
                if self.company_id in self.command_loop.reads_to_stop([self.company_id]):
                    stop.set()
            except RetriableError:
                return

    during: Callable[[], None] | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def _lease(self) -> Lease | None:
        """As lease_due gives it, of this company alone."""
        with self.database.transaction() as tx:
            row = tx.execute(
                "UPDATE integration.connections AS c SET lease_owner = 'test', lease_epoch = lease_epoch + 1,"
                " lease_expires_at = now() + interval '1 min' WHERE company_id = %s AND (EXISTS (SELECT FROM"
                " integration.commands AS k WHERE k.company_id = c.company_id AND k.state <> 'done' AND"
                " k.answer IS NULL AND k.due_at <= now())"
                " OR (c.state IN ('connecting', 'connected') AND next_due_at <= now())) RETURNING lease_epoch",
                [self.company_id],
            ).fetchone()
        return None if row is None else Lease(self.company_id, "test", row[0], fences=False)

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        try:
            yield
        except CrashError:
            self.crash()
        except RetriableError:
            pass

    def settle(self) -> None:
        """Everything is up again: go on until nothing is left to do."""
        self.fate.share = 0.0
        self.during = None
        for _ in range(40):
            self.turn()
            if not self.rows("SELECT 1 FROM integration.commands WHERE company_id = %s AND state <> 'done'"):
                return
        raise AssertionError("Commands are left that nobody ends.")

    def close(self) -> None:
        self.answers.close()
        self.sql("UPDATE integration.commands SET state = 'done' WHERE company_id = %s")

    def sql(self, statement: str) -> None:
        self.link.execute(statement.encode(), [self.company_id])

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self.link.execute(statement.encode(), [self.company_id]).fetchall()
