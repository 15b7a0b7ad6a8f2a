"""What a read would take: pages, requests and minutes, from what is known and the pace so far. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from schemas.entities import BUDGETS, COST_CODES, TIME_ENTRIES, USERS

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
class Pace:
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


def estimate(extent: Extent, pace: Pace) -> Estimate:
    """Expected cost of a read of this extent."""
    pages = _pages(extent)
    requests = _ALWAYS + _paged(extent) + _by_job(extent)
    each_s = max(pace.request_s or _USUAL_REQUEST_S, pace.gap_s)
    return Estimate(pages, requests, math.ceil(requests * each_s))


def observed_request_s(durations: Mapping[str, float], extents: Mapping[str, Extent]) -> float | None:
    """Seconds a request took on average, from the time of earlier reads and what they covered, by read."""
    known = [
        (seconds, estimate(extents[read], Pace(None, 0.0)).requests)
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
    users = max(1, math.ceil(extent.users / _PAGE_ROWS)) if USERS.name in extent.entities else 0
    return shifts + users


def _by_job(extent: Extent) -> int:
    """A job costs one request for its budget, one for the worksheet behind it, and one for its cost codes."""
    budgets = extent.jobs + extent.budgeted_jobs if BUDGETS.name in extent.entities else 0
    codes = extent.jobs if COST_CODES.name in extent.entities else 0
    return budgets + codes
