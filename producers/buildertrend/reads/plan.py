"""The order of a run's reads: jobs, the newest shifts, whom and what they name, then what takes requests by job."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol

from producers.buildertrend.account import Account
from producers.buildertrend.reads.budget_watch import BudgetWatch
from producers.buildertrend.reads.costing import BudgetsRead, CostCodesRead
from producers.buildertrend.reads.lists import JobsRead
from producers.buildertrend.reads.time_entries import Days, TimeEntriesRead
from producers.buildertrend.reads.users import UsersRead
from producers.source import EntityRead
from producers.working_hours import ShiftTimes
from schemas.entities import BUDGETS, COST_CODES, ENTITIES, TIME_ENTRIES, USERS

_GENERAL_JOB = 0
ALL_ENTITIES = frozenset(entity.name for entity in ENTITIES)
ALL_JOBS = "all"
OPEN_JOBS = "open"
CHANGED_JOBS = "changed"
"""Of the open jobs, those whose budget may have moved since it was read last."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run reads: the budgets of `jobs`, the shifts of `from_day` to `to_day`, and only these `entities`.

    Jobs themselves are always read: the other reads need their ids. Of the days from `kept_from` until `from_day` only
    those shifts are read that are known already, so that they stay up to date. `names_all`: the days take in all shifts
    that are published, so that what none of them names is named by none.
    """

    jobs: str
    from_day: date | None
    entities: Collection[str] = ALL_ENTITIES
    to_day: date | None = None
    kept_from: date | None = None
    names_all: bool = True

    @property
    def days(self) -> Days:
        """The days of the shifts."""
        return Days(self.from_day, self.to_day, self.kept_from)

    def as_json(self) -> dict[str, Any]:
        """As JSON; equal for equal scopes."""
        days = {name: None if day is None else day.isoformat() for name, day in self._days().items()}
        part = {} if self.names_all else {"names_all": False}
        return {"jobs": self.jobs, "entities": sorted(self.entities), **days, **part}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Scope:
        """The scope that `as_json` was called on."""
        from_day, to_day, kept_from = (
            None if kept.get(name) is None else date.fromisoformat(kept[name])
            for name in ("from_day", "to_day", "kept_from")
        )
        names_all = kept.get("names_all", True)
        return cls(kept["jobs"], from_day, frozenset(kept["entities"]), to_day, kept_from, names_all)

    def _days(self) -> dict[str, date | None]:
        kept = {} if self.kept_from is None else {"kept_from": self.kept_from}
        return {"from_day": self.from_day, "to_day": self.to_day, **kept}


class Memory(Protocol):
    """What reads of one run leave for those of later runs."""

    def shift_times(self) -> ShiftTimes:
        """Where a read notes when shifts began and ended."""

    def learn_hours(self, times: ShiftTimes) -> None:
        """A read noted these, to its end."""

    def watch(self, account: Account) -> BudgetWatch:
        """What is known of the jobs' budgets; asks for the company-wide report."""

    def keep_budgets(self, watch: BudgetWatch, *, settled: bool) -> None:
        """The budgets that the watch found are read. `settled`: what is not complete are jobs that did not answer."""

    def listed_codes(self) -> Collection[str]:
        """Ids of cost codes that a list states, as far as they are published."""


class NoMemory:
    """Keeps nothing: as if there never was an earlier run."""

    def shift_times(self) -> ShiftTimes:
        return ShiftTimes()

    def learn_hours(self, times: ShiftTimes) -> None: ...

    def watch(self, _account: Account) -> BudgetWatch:
        return BudgetWatch({}, {}, datetime.now(UTC))

    def keep_budgets(self, watch: BudgetWatch, *, settled: bool) -> None: ...

    def listed_codes(self) -> Collection[str]:
        return ()


def planned_reads(account: Account, scope: Scope, memory: Memory) -> Iterator[EntityRead]:
    """The reads in order. Exhaust or restore one before asking for the next, which may need what that one found."""
    jobs = JobsRead(account)
    yield jobs
    shifts: TimeEntriesRead | None = None
    if TIME_ENTRIES.name in scope.entities:
        times = memory.shift_times()
        shifts = TimeEntriesRead(account, scope.days, jobs.newest_first, times=times)
        yield shifts
        memory.learn_hours(times)
    if USERS.name in scope.entities:
        yield UsersRead(account, shifts, whole=scope.jobs == ALL_JOBS and scope.names_all)
    job_ids = jobs.job_ids if scope.jobs == ALL_JOBS else jobs.open_job_ids
    yield from _costing(account, scope, [job_id for job_id in job_ids if job_id != _GENERAL_JOB], memory, shifts)


def _costing(
    account: Account, scope: Scope, job_ids: Sequence[int], memory: Memory, shifts: TimeEntriesRead | None
) -> Iterator[EntityRead]:
    """Budgets, then the cost codes that their lines do not show already.

    Without the report nobody knows whether all that moved was read: then only a read of all of them says so.
    """
    asks_all = scope.jobs != CHANGED_JOBS
    budgets: BudgetsRead | None = None
    knows_all = asks_all
    if BUDGETS.name in scope.entities:
        watch = memory.watch(account)
        knows_all = asks_all or watch.rows is not None
        chosen = None if asks_all else watch.due(job_ids)
        budgets = BudgetsRead(account, job_ids, chosen=chosen, note=watch.note, may_lack_changes=not knows_all)
        yield budgets
        memory.keep_budgets(watch, settled=budgets.incomplete_reason() is not None)
    if COST_CODES.name in scope.entities:
        whole = scope.jobs == ALL_JOBS and scope.names_all
        known = () if asks_all else memory.listed_codes()
        chosen = None if budgets is None else budgets.jobs_to_list(known, with_empty=asks_all)
        missing = not knows_all
        yield CostCodesRead(account, job_ids, chosen=chosen, whole=whole, shifts=shifts, may_lack_changes=missing)
