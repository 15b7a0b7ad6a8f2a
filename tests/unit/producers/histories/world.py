"""A company that is edited, disturbed and crashed while it is read: the building blocks of histories.

Time is the clock's alone, requests reach the simulated source without a socket, a crash is an exception that nothing of
the poller catches. After every commit of raw records the world checks what must never be.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import httpx

from control.connections import Connection
from control.runs import NewRun
from control.source_state import Published
from core.kafka.record_headers import RecordHeaders
from core.settings import Settings
from producers.buildertrend.account import Account
from producers.buildertrend.client import HttpClient, Limits
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.reads.glance import GlanceRead
from producers.buildertrend.reads.plan import NoMemory, planned_reads
from producers.buildertrend.reads.time_entries import Days
from producers.buildertrend.sign_in import Hosts, SignInDetails
from producers.runs.decide import INITIAL, Earlier, decide, new_run
from producers.runs.execute import execute, take_newest
from producers.runs.ledger import PageRecord
from producers.runs.messages import Message
from producers.runs.publisher import Delivery
from producers.runs.run import Assignment, Run, RunServices
from sandbox.local import URL, LocalCompany, LocalSandbox
from schemas.batch_codec import BatchEncoder
from schemas.codec import Decoder
from schemas.topics import RAW_TOPICS
from tests import factories
from tests.fakes import FakeClock, MemoryEvents, MemorySchemas, MemorySessions
from tests.memory_ledger import CompanyMemory, MemoryLedger
from tests.unit.producers.histories.truth import as_truth

PAGE_SIZE = 5
LAST_DAY = date(2026, 6, 17)
_SCHEMAS = MemorySchemas()
_ENCODERS = {topic: BatchEncoder(topic, _SCHEMAS) for topic in RAW_TOPICS}
_DECODERS = {topic: Decoder(topic, _SCHEMAS) for topic in RAW_TOPICS}
_MOST_RUNS = 12


class Crash(BaseException):
    """The process has ended: no code of it catches this."""


@dataclass(slots=True)
class Timed:
    """Something that happens at the `after`-th next point of its kind, counted from 0."""

    after: int
    act: Callable[[], None]


@dataclass(slots=True)
class Topics:
    """The raw topics as a table reader keeps them, and the rules that hold after every commit."""

    world: World
    folded: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    published: set[tuple[str, str]] = field(default_factory=set)
    last_version: int = 0
    records: int = 0

    def commit(self, batch: list[Message]) -> None:
        for message in batch:
            self._apply(message)

    def _apply(self, message: Message) -> None:
        entity = message.topic.removeprefix("buildertrend.")
        table = self.folded.setdefault(entity, {})
        entity_id = message.key.decode().partition("/")[2]
        version = RecordHeaders.decode(list(message.headers)).version
        if message.value is None:
            assert version == self.last_version, "A tombstone has the version of its deletion."
            table.pop(entity_id, None)
            return
        assert version > self.last_version, "Versions only grow."
        self.last_version = version
        self.records += 1
        record = _DECODERS[message.topic](message.value)
        if record["op"] == "DELETE":
            # A crash may have it published twice, or once where nobody knows whether the record itself was published.
            assert (entity, entity_id) in self.published | self.world.announced, "Only what was published is deleted."
            self.world.check_deletion(entity, entity_id)
        self.published.add((entity, entity_id))
        table[entity_id] = record


class World:
    """One company, its source and its poller. `crash_at` and `disturb` prepare what happens during the next reads."""

    def __init__(self, sandbox: LocalSandbox, clock: FakeClock, company: LocalCompany) -> None:
        self.company = company
        self.clock = clock
        self._sandbox = sandbox
        self.settings: Settings = factories.settings()
        self.memory = CompanyMemory("c1")
        self.topics = Topics(self)
        self.events = MemoryEvents()
        self.sessions = MemorySessions()
        self.connection: Connection = factories.connection(initial_done_at=None, last_full_at=None)
        self.disturbances = 0
        self.fresh = True
        self.commits_late = False
        self.announced: set[tuple[str, str]] = set()
        self._absent: set[tuple[str, str]] = set()
        self._gone = False
        self._http = httpx.Client(transport=sandbox.transport)
        sandbox.transport.before_request = lambda _request: self._point(self._at_requests)
        self._at_requests: list[Timed] = []
        self._at_commits: list[Timed] = []
        self._at_publications: list[Timed] = []

    def disturb(self, after: int, act: Callable[[], None]) -> None:
        """Let false answers with matching totals begin before a request: a read may be wrong about them for a while."""

        def disturbing() -> None:
            self.disturbances += 1
            act()

        self._at_requests.append(Timed(after, disturbing))

    def trouble(self, after: int, act: Callable[[], None]) -> None:
        """Let an edit or a fault happen before a request: no read may be wrong because of it."""

        def acting() -> None:
            act()
            self._note_absent()

        self._at_requests.append(Timed(after, acting))

    def crash_at_request(self, after: int) -> None:
        self._at_requests.append(Timed(after, self._crash))

    def crash_at_commit(self, after: int) -> None:
        """There is a commit point before and after each commit of topics and each write of the ledger."""
        self._at_commits.append(Timed(after, self._crash))

    def crash_when_published(self, after: int) -> None:
        """Just after a commit of topics of which nothing is recorded yet."""
        self._at_publications.append(Timed(after, self._crash))

    def read_full(self) -> str:
        self.clock.move(self.settings.full_sync_interval_s + 1)
        return self.read()

    def read(self) -> str:
        """One piece of a poller's work: completed, failed or crashed."""
        self.clock.move(60)
        self.disturbances = 0
        self._absent.clear()
        self._note_absent()
        self._gone = False
        try:
            return self._read()
        except Crash:
            return "crashed"
        finally:
            self._forget_plans()
            self.company.heal("fail_next", "spoil_next", "missing_rows", "paging")

    def glance(self) -> None:
        """Take the newest page of shifts, as a glance does."""
        ledger = self.memory.begin(NewRun("glance", {}, usable_s=0), self.clock.now())
        read = GlanceRead(
            self._account(page_size=200),
            Days(),
            self.company.ids("jobs"),
            known=lambda ids: ledger.known("time-entries", list(ids)).keys(),
            check=lambda _owners: None,
        )
        take_newest(self._run(ledger, read="glance", whole=False), read)
        self.memory.finish("completed")

    def settle(self) -> None:
        """Heal the source and read until a full read that began afterwards has ended.

        Before the last ones an operator looks at the healed source and says that it is true.
        """
        self._forget_plans()
        self.company.heal()
        for number in range(_MOST_RUNS):
            if number == _MOST_RUNS // 2:
                self.memory.release()
            if self.read_full() == "completed" and self.fresh and self.connection.last_full_at == self.clock.now():
                return
        raise AssertionError("The reads do not come to an end on a healthy source.")

    def check_topics(self) -> None:
        """The topics fold to what the source shows, except for held deletions."""
        for entity, rows in self.company.truth().items():
            folded = self.topics.folded.get(entity, {})
            held = self.memory.held.get(entity, {}).keys()
            assert folded.keys() - held == rows.keys(), entity
            for entity_id, truth in rows.items():
                stated = as_truth(entity, folded[entity_id]["after"])
                assert stated == {name: truth[name] for name in stated}, (entity, entity_id)

    def close(self) -> None:
        self._http.close()
        self._sandbox.close()

    def _forget_plans(self) -> None:
        self._at_requests.clear()
        self._at_commits.clear()
        self._at_publications.clear()

    def check_deletion(self, entity: str, entity_id: str) -> None:
        """A record that always existed is deleted only if both the read and its second look got false answers."""
        if entity_id in self.company.truth()[entity] and (entity, entity_id) not in self._absent:
            assert self.disturbances > 1, f"{entity} {entity_id} is there and was deleted."

    def _note_absent(self) -> None:
        """What is not in Buildertrend at a moment of a read may be deleted, though it may come back before the end."""
        truth = self.company.truth()
        for entity, table in self.topics.folded.items():
            self._absent.update((entity, one) for one in table.keys() - truth[entity].keys())

    def _read(self) -> str:
        order = decide(
            self.connection,
            [],
            left=self.memory.left(),
            earlier=Earlier(oldest_day=self.memory.oldest_day()),
            now=self.clock.now(),
            settings=self.settings,
        )
        new = new_run(order, self.connection, self.settings)
        ledger = self.memory.begin(new, self.clock.now()) if order.left is None else self.memory.go_on()
        # One that resumes an earlier attempt, or the pages of a failed run, began before.
        self.fresh = order.left is None and not ledger.checkpoints()
        run = self._run(ledger, read=order.read, whole=order.leaves_nothing_out)
        try:
            execute(run, planned_reads(self._account(), order.scope, NoMemory()))
        except SourceFaultError as exc:
            self.memory.finish("failed")
            return f"failed: {exc}"
        self._note_end(whole=order.is_whole)
        if run.incomplete:
            self.memory.finish("incomplete")
            return f"incomplete: {run.incomplete}"
        self.memory.finish("held" if run.held else "completed")
        return "completed"

    def _note_end(self, *, whole: bool) -> None:
        if whole:
            now = self.clock.now()
            first = self.connection.initial_done_at or now
            self.connection = replace(self.connection, initial_done_at=first, last_full_at=now)

    def _run(self, ledger: MemoryLedger, *, read: str, whole: bool) -> Run:
        return Run(
            Assignment(
                run=ledger.run,
                time_zone=self.connection.time_zone,
                new_op="SNAPSHOT" if read == INITIAL else "CREATE",
                whole=whole,
                counts=ledger.counts,
            ),
            RunServices(
                ledger=_CrashingLedger(ledger, lambda: self._point(self._at_commits), self.announced),
                publisher=_CrashingPublisher(
                    self.topics, lambda: self._point(self._at_commits), lambda: self._point(self._at_publications)
                ),
                events=self.events,
                encoders=_ENCODERS,
                clock=self.clock,
                background=self._late,
            ),
        )

    def _late(self, work: Callable[[], None]) -> Callable[[], None]:
        """A page is committed as late as possible, or at once: the outcome must be the same."""
        if self.commits_late:
            return lambda: None if self._gone else work()
        work()
        return lambda: None

    def _account(self, *, page_size: int = PAGE_SIZE) -> Account:
        profile = self.company.profile
        client = HttpClient(self._http, self.clock, Limits(gap_ms=200), jitter=random.Random(1))
        return Account(
            client,
            hosts=Hosts(URL, URL),
            details=lambda: SignInDetails(profile.username, profile.password),
            sessions=self.sessions,
            page_size=page_size,
        )

    def _crash(self) -> None:
        self._gone = True
        raise Crash

    def _point(self, timed: list[Timed]) -> None:
        due = [one for one in timed if one.after == 0]
        timed[:] = [one for one in timed if one.after > 0]
        for one in timed:
            one.after -= 1
        for one in due:
            one.act()


@dataclass(slots=True)
class _CrashingPublisher:
    """Commits to the topics, with a point at which the process may end before and after it."""

    topics: Topics
    point: Callable[[], None]
    published: Callable[[], None]

    def publish(self, batch: Iterable[Message]) -> Delivery:
        ready = list(batch)
        self.point()
        self.topics.commit(ready)
        self.published()
        self.point()
        return Delivery()


class _CrashingLedger:
    """A ledger with a point at which the process may end before and after every write."""

    _WRITES = frozenset({"mark_unconfirmed", "begin_read", "end_pages", "drop", "end_read"})

    def __init__(self, ledger: MemoryLedger, point: Callable[[], None], announced: set[tuple[str, str]]) -> None:
        self._ledger = ledger
        self._point = point
        self._announced = announced

    def announce(self, entity: str, changes: Sequence[Published]) -> None:
        self._announced.update((entity, change.entity_id) for change in changes)
        self._guarded(self._ledger.announce)(entity, changes)

    def record_page(self, page: PageRecord) -> None:
        self._announced.update((page.entity, change.entity_id) for change in page.announce_next)
        self._guarded(self._ledger.record_page)(page)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._ledger, name)
        return self._guarded(method) if name in self._WRITES else method

    def _guarded(self, method: Callable[..., None]) -> Callable[..., None]:
        def guarded(*args: Any, **kwargs: Any) -> None:
            self._point()
            method(*args, **kwargs)
            self._point()

        return guarded


def new_world() -> World:
    """A company with three jobs and three pages of shifts, not read yet."""
    clock = FakeClock()
    sandbox = LocalSandbox(pause=clock.move, now=clock.now)
    return World(sandbox, clock, sandbox.company(seed=3, jobs=3, shifts=14, anchor_date="2026-06-17"))


def day_text(days_back: int) -> str:
    """A morning some days before the company's last one."""
    return f"{LAST_DAY - timedelta(days=days_back)}T07:00:00"
