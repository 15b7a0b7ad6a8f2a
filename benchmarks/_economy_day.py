"""A working day of a company in simulated time: people enter shifts, a poller reads them, by the real schedule.

The sandbox runs in this process and the clock stands still but for what is waited for, so that a day takes seconds.
Postgres is real, and so is all that the poller does; what it publishes is kept in memory with the time. Leases go by
Postgres' own clock: what is due by the simulated one is marked as due there.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from cli.connect import Entered, store
from control.connections import lease_due
from control.database import Database
from control.vault import Opener
from core.settings import Settings
from producers.connection_work import work_on
from producers.main import Accounts
from producers.replay.command import ReplayEnd
from producers.runs.messages import Message
from producers.runs.outcome import Recorder
from producers.runs.publisher import Delivery
from producers.sync_events import Silence
from producers.tools import Tools
from sandbox.local import URL, LocalSandbox
from schemas.avro_files import Schema, plain_schema
from schemas.batch_codec import BatchEncoder
from schemas.topics import RAW_TOPICS, SCHEMA_TOPICS

ZONE = ZoneInfo("America/Denver")
WORKERS, OPEN_JOBS, BUSY_JOBS = 25, 60, 12
_CLOSED_JOBS = 20
_SHIFTS = 6_000
_SHIFTS_TOPIC = "buildertrend.time-entries"
_OPEN, _CLOSED = 1, 0


@dataclass(slots=True)
class SimulatedClock:
    """Stands still unless somebody waits; `passed` is called after each step."""

    instant: datetime
    passed: Callable[[], None] = lambda: None
    _seconds: float = 1_000.0

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self._seconds

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        self.move(seconds)
        return stop is not None and stop.is_set()

    def move(self, seconds: float) -> None:
        self._seconds += seconds
        self.instant += timedelta(seconds=seconds)
        self.passed()

    def move_to(self, instant: datetime) -> None:
        if instant > self.instant:
            self.move((instant - self.instant).total_seconds())


class _Schemas:
    """The committed schemas under ids of their own."""

    def schema_by_id(self, schema_id: int) -> Schema:
        return plain_schema(SCHEMA_TOPICS[schema_id - 1])

    def id_of(self, topic: str) -> int:
        return SCHEMA_TOPICS.index(topic) + 1


@dataclass(slots=True)
class _Published:
    """When each shift was published, in order."""

    clock: SimulatedClock
    times: dict[str, list[datetime]] = field(default_factory=dict)

    def publish(self, batch: Iterable[Message]) -> Delivery:
        for message in batch:
            if message.topic == _SHIFTS_TOPIC:
                shift_id = message.key.decode().partition("/")[2]
                self.times.setdefault(shift_id, []).append(self.clock.now())
        return Delivery()


@dataclass(slots=True)
class _Saved:
    """A shift that somebody saved in Buildertrend."""

    shift_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What a day took, and how long after it was saved each shift of the working hours was published."""

    requests: dict[str, int]
    seconds: list[float]
    never: int


class WorkingDay:
    """One company on one day: its people, its sandbox and its poller."""

    def __init__(self, settings: Settings, company_id: str, day: date) -> None:
        """`day` is a working day in the future: Postgres must not take what is due then for due now."""
        self._settings = settings.model_copy(update={"buildertrend_app_url": URL, "buildertrend_login_url": URL})
        self._company_id = company_id
        self._day = day
        self._chance = random.Random(15)
        self._clock = SimulatedClock(self._at(time(0, 0)) - timedelta(hours=7))
        self._sandbox = LocalSandbox(pause=self._clock.move, now=self._clock.now)
        self._company = self._sandbox.company(
            seed=15,
            jobs=OPEN_JOBS + _CLOSED_JOBS + 1,
            shifts=_SHIFTS,
            time_zone=ZONE.key,
            anchor_date=(day - timedelta(days=1)).isoformat(),
        )
        self._published = _Published(self._clock)
        self._saved: list[_Saved] = []
        self._plans: list[tuple[datetime, Callable[[datetime], None]]] = []

    def live(self) -> DayFigures:
        """The first read on the evening before, then the whole day. Blocks for about a minute."""
        self._fit_jobs()
        self._plan()
        profile = self._company.profile
        store(self._settings, Entered(self._company_id, profile.username, profile.password, profile.time_zone))
        with closing(Database(self._settings, max_connections=4)) as database:
            database.open()
            tools = self._tools(database)
            self._clock.passed = self._do_planned
            end = self._at(time(0, 0)) + timedelta(days=1)
            self._turn(database, tools, self._clock.now())
            while (following := self._next(database)) < end:
                self._clock.move_to(following)
                self._turn(database, tools, following)
            self._clock.move_to(end)
            # What was saved last is published by what comes after midnight, which the day's requests do not count.
            self._turn(database, tools, self._next(database))
            return self._figures(database)

    def _turn(self, database: Database, tools: Tools, due: datetime) -> None:
        """Mark what is due by the simulated clock as due now, lease it and work on it."""
        self._clock.move_to(due)
        values = {"company_id": self._company_id, "now": self._clock.now()}
        with database.transaction() as tx:
            tx.execute(_MAKE_DUE, values)
        with database.transaction() as tx:
            leases = lease_due(tx, owner="benchmark", ttl_s=600, limit=10)
        for lease in leases:
            work_on(lease, tools, threading.Event())

    def _next(self, database: Database) -> datetime:
        with database.transaction() as tx:
            row = tx.execute(_NEXT, {"company_id": self._company_id}).fetchone()
        assert row is not None
        found: datetime = row[0]
        return found

    def _figures(self, database: Database) -> DayFigures:
        with database.transaction() as tx:
            rows = tx.execute(_REQUESTS, {"company_id": self._company_id, "day": self._day}).fetchall()
        waits = [self._wait_of(one) for one in self._saved]
        seconds = [wait for wait in waits if wait is not None]
        return DayFigures({read: int(count) for read, count in rows}, seconds, len(waits) - len(seconds))

    def _wait_of(self, saved: _Saved) -> float | None:
        later = [at for at in self._published.times.get(saved.shift_id, ()) if at >= saved.at]
        return (min(later) - saved.at).total_seconds() if later else None

    def _tools(self, database: Database) -> Tools:
        http = httpx.Client(transport=self._sandbox.transport)
        return Tools(
            recorder=Recorder(self._settings, database, Silence(), self._clock, random.Random(1)),
            encoders={topic: BatchEncoder(topic, _Schemas()) for topic in RAW_TOPICS},
            account=Accounts(self._settings, database, Opener.from_settings(self._settings), self._clock, http=http),
            publisher=lambda _company_id: self._published,
            replay=lambda _command, _stopped: ReplayEnd("completed", ""),
        )

    def _fit_jobs(self) -> None:
        """So many jobs are open; crews work on a few of them."""
        for number, job_id in enumerate(sorted(self._company.ids("jobs"))):
            if job_id:
                self._company.edit("jobs", job_id, status=_OPEN if number <= OPEN_JOBS else _CLOSED)

    def _plan(self) -> None:
        """Everybody clocks in, out for lunch, in and out; the office edits a tenth of the shifts and some budgets."""
        jobs = sorted(job_id for job_id in self._company.ids("jobs") if job_id)[:BUSY_JOBS]
        users = list(self._company.ids("users"))
        while len(users) < WORKERS:
            users.append(self._company.insert("users", first_name=f"Worker {len(users)}", last_name="Bench"))
        for user_id in users[:WORKERS]:
            # As the crews of the sandbox did in the weeks before: from half past seven, for a good eight hours.
            start = self._at(time(7, 21), minutes=self._chance.uniform(0, 28))
            lunch = self._at(time(11, 30), minutes=self._chance.uniform(0, 60))
            back, end = lunch + timedelta(minutes=30), start + timedelta(minutes=self._chance.uniform(460, 540))
            self._plan_shift(user_id, self._chance.choice(jobs), start, lunch)
            self._plan_shift(user_id, self._chance.choice(jobs), back, end)
        lines = self._chance.sample(sorted(self._company.ids("budget-lines")), 6)
        for line_id in lines:
            self._later(time(8, 0), 480, partial(self._edit_budget, line_id))
        self._plans.sort(key=lambda one: one[0], reverse=True)

    def _plan_shift(self, user_id: int, job_id: int, start: datetime, end: datetime) -> None:
        made: list[int] = []

        def clock_in(at: datetime) -> None:
            made.append(self._company.insert("shifts", job_id=job_id, user_id=user_id, time_in=_wall(start)))
            self._saved.append(_Saved(str(made[0]), at))

        def change(at: datetime, **values: Any) -> None:
            self._company.edit("shifts", made[0], **values)
            self._saved.append(_Saved(str(made[0]), at))

        minutes = round((end - start).total_seconds() / 60)
        self._plans.append((start, clock_in))
        self._plans.append((end, partial(change, time_out=_wall(end), regular_minutes=minutes)))
        if self._chance.random() < 0.1:
            self._plans.append((end + timedelta(minutes=25), partial(change, notes="Seen by the office.")))

    def _later(self, first: time, minutes: float, action: Callable[[datetime], None]) -> None:
        self._plans.append((self._at(first, minutes=self._chance.uniform(0, minutes)), action))

    def _edit_budget(self, line_id: int, _at: datetime) -> None:
        self._company.edit("budget-lines", line_id, original=self._chance.randrange(1_000, 90_000))

    def _do_planned(self) -> None:
        while self._plans and self._plans[-1][0] <= self._clock.now():
            at, action = self._plans.pop()
            action(at)

    def _at(self, at: time, *, minutes: float = 0.0) -> datetime:
        local = datetime.combine(self._day, at, ZONE) + timedelta(minutes=minutes)
        return local.astimezone(UTC)


def coming_work_day(today: date) -> date:
    """The first Wednesday that is at least two days away."""
    first = today + timedelta(days=2)
    return first + timedelta(days=(2 - first.weekday()) % 7)


def _wall(at: datetime) -> str:
    return at.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:00")


_MAKE_DUE = b"""
UPDATE integration.connections SET
    next_due_at = CASE WHEN next_due_at <= %(now)s THEN now() - interval '1 second' ELSE next_due_at END,
    next_glance_at = CASE WHEN next_glance_at <= %(now)s THEN now() - interval '1 second' ELSE next_glance_at END
WHERE company_id = %(company_id)s
"""
_NEXT = b"SELECT least(next_due_at, next_glance_at) FROM integration.connections WHERE company_id = %(company_id)s"
_REQUESTS = b"""
SELECT read, sum(requests)::bigint FROM integration.requests
WHERE company_id = %(company_id)s AND day = %(day)s GROUP BY read ORDER BY read
"""
