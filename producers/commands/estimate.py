"""Answers to dry runs: what a command would do or take. `Estimates` reads the database; the arithmetic is pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from control.commands import OpenCommand, open_commands
from control.connections import Connection
from control.database import Transaction
from control.held_deletions import list_held
from control.runs import durations, open_run
from control.source_state import amounts
from control.suspicions import open_suspicions
from core.clock import Clock
from core.settings import Settings
from producers.buildertrend.reads.plan import ALL_ENTITIES, ALL_JOBS, Scope
from producers.runs.decide import FULL, INITIAL, RECENT, decide
from producers.sync_events import SyncEvent
from schemas.entities import BUDGETS, COST_CODES, ENTITIES, TIME_ENTRIES, USERS

# Rows that a page of a grid holds.
_PAGE_ROWS = 200
# Signing in, whose account it is, both lists of jobs.
_ALWAYS = 4
_USUAL_REQUEST_S = 0.5


@dataclass(frozen=True, slots=True)
class Extent:
    """What a read covers: its entities, how many shifts are in its days, and how many jobs' budgets it asks for.

    `budgeted_jobs` had a budget when they were last read: only they have a worksheet to ask for.
    """

    entities: Collection[str]
    shifts: int
    users: int
    jobs: int
    budgeted_jobs: int


@dataclass(frozen=True, slots=True)
class RequestTime:
    """Seconds of an average request of earlier reads (None: there was none), and the least gap between two."""

    request_s: float | None
    gap_s: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What it would take."""

    pages: int
    requests: int
    seconds: int

    @property
    def sentence(self) -> str:
        minutes = max(1, round(self.seconds / 60))
        return f"About {self.pages:,} pages in {self.requests:,} requests, {minutes:,} minutes."


def estimate(extent: Extent, each: RequestTime) -> Estimate:
    """Expected cost of a read of this extent."""
    pages = _pages(extent)
    requests = _ALWAYS + _paged(extent) + _by_job(extent)
    each_s = max(each.request_s or _USUAL_REQUEST_S, each.gap_s)
    return Estimate(pages, requests, math.ceil(requests * each_s))


def observed_request_s(durations: Mapping[str, float], extents: Mapping[str, Extent]) -> float | None:
    """Seconds a request took on average, from the time of earlier reads and what they covered, by read."""
    known = [
        (seconds, estimate(extents[read], RequestTime(None, 0.0)).requests)
        for read, seconds in durations.items()
        if read in extents
    ]
    requests = sum(count for _, count in known)
    return sum(seconds for seconds, _ in known) / requests if requests else None


def _pages(extent: Extent) -> int:
    """Pages of lists, and one for each job's budget."""
    jobs = 1 + extent.jobs * len({BUDGETS.name, COST_CODES.name} & set(extent.entities))
    return _paged(extent) + jobs


def _paged(extent: Extent) -> int:
    shifts = max(1, math.ceil(extent.shifts / _PAGE_ROWS)) if TIME_ENTRIES.name in extent.entities else 0
    return shifts + (USERS.name in extent.entities)


def _by_job(extent: Extent) -> int:
    """A job costs one request for its budget, one for the worksheet behind it, and one for its cost codes."""
    budgets = extent.jobs + extent.budgeted_jobs if BUDGETS.name in extent.entities else 0
    codes = extent.jobs if COST_CODES.name in extent.entities else 0
    return budgets + codes


@dataclass(frozen=True, slots=True)
class Estimates:
    """What commands of a connection would do, from what the database knows. Changes nothing."""

    tx: Transaction
    connection: Connection
    settings: Settings
    clock: Clock

    def completed(self, message: str) -> SyncEvent:
        return SyncEvent(self.connection.company_id, "completed", message=message)

    def read(self, command: OpenCommand) -> SyncEvent:
        """The pages, requests and minutes of the read that the command would start."""
        plan = decide(self.connection, [command], now=self.clock.now(), settings=self.settings)
        gap_s = self.settings.buildertrend_min_request_gap_ms / 1000
        found = estimate(self._extent(plan.scope), RequestTime(self._request_s(), gap_s))
        message = f"{plan.read.capitalize()} read. {found.sentence}"
        return SyncEvent(self.connection.company_id, "completed", pages_total=found.pages, message=message)

    def releases(self, command: OpenCommand) -> str:
        """The held deletions that the command would release, and what it would take for true, in sentences."""
        wanted = set(command.body["entities"]) or ALL_ENTITIES
        unreleased = [one for one in list_held(self.tx, self.connection.company_id) if one.released_at is None]
        held = Counter(one.entity for one in unreleased)
        parts = [f"{held[one.name]:,} {one.name}" for one in ENTITIES if one.name in wanted and held[one.name]]
        found = [f"It would release these deletions: {', '.join(parts)}."] if parts else []
        wrong = open_suspicions(self.tx, self.connection.company_id)
        found += [f"It would take for true: {one.message}" for one in wrong if one.entity in wanted]
        return " ".join(found) or "No deletion is held."

    def under_way(self) -> str:
        """What waits and whether a read is under way, in a sentence."""
        company_id = self.connection.company_id
        waiting = [one for one in open_commands(self.tx, company_id) if not one.body["dry_run"]]
        commands = f"{len(waiting)} commands wait" if waiting else "No command waits"
        return f"{commands}; {'a' if open_run(self.tx, company_id) else 'no'} read is under way."

    def _request_s(self) -> float | None:
        """Seconds a request took in this company's reads so far."""
        whole = self._extent(Scope("all", self.connection.import_from))
        recent = decide(self.connection, [], now=self.clock.now(), settings=self.settings).scope
        extents = {INITIAL: whole, FULL: whole, RECENT: self._extent(recent)}
        return observed_request_s(durations(self.tx, self.connection.company_id), extents)

    def _extent(self, scope: Scope) -> Extent:
        found = amounts(self.tx, self.connection.company_id, from_day=scope.from_day, to_day=scope.to_day)
        jobs = found.jobs if scope.jobs == ALL_JOBS else found.worked_jobs
        return Extent(scope.entities, found.shifts, found.users, jobs, min(jobs, found.budgeted_jobs))
