"""The order of a run's reads: first what is short, then the newest shifts, then what takes a request or two a job."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from producers.buildertrend.account import Account
from producers.buildertrend.costing import BudgetsRead, CostCodesRead
from producers.buildertrend.lists import JobsRead, ShiftWorkersRead, UsersRead
from producers.buildertrend.shifts import ShiftsRead
from producers.source import EntityRead
from schemas.catalogue import BUDGETS, COST_CODES, ENTITIES, TIME_ENTRIES, USERS

_GENERAL_JOB = 0
ALL_ENTITIES = frozenset(entity.name for entity in ENTITIES)


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a run reads: `jobs` says whose budgets, `from_day` from which day shifts, `entities` what at all.

    Jobs themselves are always read: the other reads need their ids.
    """

    jobs: str
    from_day: date | None
    entities: Collection[str] = ALL_ENTITIES


ALL_JOBS = "all"
OPEN_JOBS = "open"


def planned_reads(account: Account, scope: Scope) -> Iterator[EntityRead]:
    """The reads in their order. Exhaust the pages of one before you ask for the next: it may need what that one saw."""
    jobs = JobsRead(account)
    yield jobs
    yield from _people_and_shifts(account, scope)
    job_ids = jobs.job_ids if scope.jobs == ALL_JOBS else jobs.open_job_ids
    real = [job_id for job_id in job_ids if job_id != _GENERAL_JOB]
    if COST_CODES.name in scope.entities:
        yield CostCodesRead(account, real, whole=scope.jobs == ALL_JOBS)
    if BUDGETS.name in scope.entities:
        yield BudgetsRead(account, real)


def _people_and_shifts(account: Account, scope: Scope) -> Iterator[EntityRead]:
    users = UsersRead(account)
    if USERS.name in scope.entities:
        yield users
    if TIME_ENTRIES.name in scope.entities:
        shifts = ShiftsRead(account, from_day=scope.from_day)
        yield shifts
        if users.missing:
            yield ShiftWorkersRead(shifts.workers)
