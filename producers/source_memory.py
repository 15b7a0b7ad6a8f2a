"""What reads of a connection leave for those of later runs, in its row and beside it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from control.budget_reads import (
    BudgetRead,
    budget_reads,
    forget_budget_reads,
    listed_codes,
    newest_shift_versions,
    put_budget_reads,
)
from control.connections import Connection, Lease, hold_epoch
from control.database import Database
from control.glances import put_working_hours
from control.source_state import ReadRange, count_published
from core.clock import Clock
from producers import metrics
from producers.buildertrend.account import Account
from producers.buildertrend.reads.budget_watch import BudgetState, BudgetWatch, report_rows
from producers.runs.compare import IN_DOUBT
from producers.working_hours import ShiftTimes, learned
from schemas.entities import BUDGETS

_LEARNED_FROM_DAYS = 35


@dataclass(frozen=True, slots=True)
class SourceMemory:
    """See producers.buildertrend.reads.plan.Memory. What it writes is under the lease's epoch."""

    database: Database
    lease: Lease
    connection: Connection
    clock: Clock
    incomplete: Collection[str] = ()
    """Entities of which the run, as it goes on, was not shown everything."""

    def shift_times(self) -> ShiftTimes:
        today = self.clock.now().astimezone(ZoneInfo(self.connection.time_zone)).date()
        return ShiftTimes(since=today - timedelta(days=_LEARNED_FROM_DAYS), until=today)

    def learn_hours(self, times: ShiftTimes) -> None:
        """Too few shifts, as of a read that went on near its end, leave what is known."""
        hours = learned(times)
        if hours is None or hours.as_json() == self.connection.working_hours:
            return
        with self.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            put_working_hours(tx, self.lease.company_id, hours.as_json())

    def watch(self, account: Account) -> BudgetWatch:
        rows = account.report()
        company_id = self.lease.company_id
        with self.database.statement() as tx:
            known = budget_reads(tx, company_id, in_doubt=IN_DOUBT)
        with self.database.statement() as tx:
            shifts = newest_shift_versions(tx, company_id)
        with self.database.statement() as tx:
            in_use = count_published(tx, company_id, BUDGETS.name, ReadRange()).all > 0

        def moved(row_moved: bool | None) -> None:
            metrics.budget_moved(row_moved)
            if row_moved is not None:
                account.evidence.note("B5", holds=row_moved)

        return BudgetWatch(
            known={one.job_id: _state(one) for one in known},
            shifts=shifts,
            now=self.clock.now(),
            rows=None if rows is None else report_rows(rows),
            moved=moved,
            in_use=in_use,
        )

    def keep_budgets(self, watch: BudgetWatch, *, settled: bool) -> None:
        """What was read is compared with next time; where people edited meanwhile, all of it is read again."""
        company_id = self.lease.company_id
        undecided = BUDGETS.name in self.incomplete and not settled
        found = [] if undecided else [_kept(job_id, state) for job_id, state in watch.found.items()]
        forgotten = watch.forgotten | (set(watch.found) if undecided else set())
        with self.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            put_budget_reads(tx, company_id, found, at=watch.now)
            forget_budget_reads(tx, company_id, forgotten)

    def listed_codes(self) -> Collection[str]:
        with self.database.statement() as tx:
            return listed_codes(tx, self.lease.company_id, in_doubt=IN_DOUBT)


def _state(one: BudgetRead) -> BudgetState:
    return BudgetState(one.report_row, one.budget, one.shifts_version, one.read_at, one.fruitless)


def _kept(job_id: int, state: BudgetState) -> BudgetRead:
    return BudgetRead(job_id, state.row, state.budget, state.shifts, state.read_at, state.fruitless)
