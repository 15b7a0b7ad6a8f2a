"""The reads of a run: each declared entity has one, in the order that its declaration says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from producers.buildertrend.account import Account
from producers.buildertrend.reads.budget_watch import BudgetState, BudgetWatch
from producers.buildertrend.reads.costing import BudgetsRead, CostCodesRead
from producers.buildertrend.reads.plan import ALL_JOBS, CHANGED_JOBS, OPEN_JOBS, Memory, NoMemory, Scope, planned_reads
from producers.source import ReadStart
from schemas.entities import READ_ORDER
from tests.factories import NOW, shift_row
from tests.unit.producers.fix_account import MemoryAccount


def test_every_declared_entity_is_read_in_its_order() -> None:
    reads = planned_reads(MemoryAccount().as_account(), Scope(ALL_JOBS, None), NoMemory())
    assert [read.entity for read in reads] == list(READ_ORDER)


def numbered(count: int, first: int = 1) -> range:
    return range(first, first + count)


def large_account() -> MemoryAccount:
    """281 jobs, 160 of them with a budget and 53 with a worksheet, 5,861 shifts (M5)."""
    jobs = [{"jobId": number, "jobName": f"Job {number}", "status": number % 5} for number in numbered(281)]
    line = {"title": "04 Concrete", "originalBudgetCosts": 100}
    budgets: dict[int, list[Any]] = {
        number: [{"title": "Site", "costCodes": [{"id": 500 + (number + step) % 40, **line} for step in range(4)]}]
        for number in numbered(160)
    }
    codes = {
        number: [{"id": 500 + (number + step) % 40, "code": "04", "title": "04 Concrete"} for step in range(4)]
        for number in budgets
    }
    return MemoryAccount(
        jobs=jobs,
        shift_rows=[shift_row(number) for number in range(5861, 0, -1)],
        budgets=budgets,
        codes=codes,
        page_size=200,
    )


def requests_of(account: MemoryAccount, scope: Scope, memory: Memory) -> int:
    for read in planned_reads(account.as_account(), scope, memory):
        list(read.pages())
    return account.calls.total()


def test_full_read_of_281_jobs_and_5861_shifts_takes_at_most_700_requests() -> None:
    account = large_account()
    # And one for whose account it is.
    assert requests_of(account, Scope(ALL_JOBS, None), NoMemory()) <= 699
    assert (account.calls["budget_categories"], account.calls["worksheet_groups"]) == (281, 160)


def test_full_read_lists_the_codes_of_every_job_whose_budget_does_not_show_them() -> None:
    account = large_account()
    requests_of(account, Scope(ALL_JOBS, None), NoMemory())
    listed = {job_id for name, job_id in account.asked if name == "cost_codes"}
    shown = {row["id"] for job_id in listed & account.codes.keys() for row in account.codes[job_id]}
    assert shown == {row["id"] for rows in account.codes.values() for row in rows}
    assert set(numbered(121, 161)) <= listed
    assert len(listed) <= 121 + 40


class Remembering(NoMemory):
    """Every job's budget was read an hour ago, the report's row of some jobs moved since."""

    def __init__(self, account: MemoryAccount, moved: set[int], rows: bool = True) -> None:
        state = BudgetState(b"row", b"budget", 0, NOW - timedelta(hours=1))
        now = {number: b"other" if number in moved else b"row" for number in numbered(281)}
        self._watch = BudgetWatch(dict.fromkeys(numbered(281), state), {}, NOW, now if rows else None)
        self._codes = {str(row["id"]) for codes in account.codes.values() for row in codes}
        self.kept: BudgetWatch | None = None
        self.settled = False

    def watch(self, _account: Account) -> BudgetWatch:
        return self._watch

    def keep_budgets(self, watch: BudgetWatch, *, settled: bool) -> None:
        self.kept, self.settled = watch, settled

    def listed_codes(self) -> set[str]:
        return self._codes


def test_recent_read_asks_for_the_budgets_of_jobs_that_moved_only() -> None:
    account = large_account()
    memory = Remembering(account, {6, 7})
    requests_of(account, Scope(CHANGED_JOBS, None), memory)
    assert [one for one in account.asked if one[0] in ("budget_categories", "worksheet_groups", "cost_codes")] == [
        ("budget_categories", 6),
        ("worksheet_groups", 6),
        ("budget_categories", 7),
        ("worksheet_groups", 7),
    ]
    assert memory.kept is not None
    assert memory.kept.found.keys() == {6, 7}


def test_recent_read_lists_the_codes_of_a_job_whose_budget_names_an_unknown_one() -> None:
    account = large_account()
    account.budgets[6][0]["costCodes"].append({"id": 999, "title": "99 New", "originalBudgetCosts": 1})
    requests_of(account, Scope(CHANGED_JOBS, None), Remembering(account, {6, 7}))
    assert [job_id for name, job_id in account.asked if name == "cost_codes"] == [6]


@pytest.mark.parametrize(("rows", "says_nothing"), [(True, False), (False, True)])
def test_without_the_report_only_a_read_of_all_budgets_is_complete(rows: bool, says_nothing: bool) -> None:
    account = large_account()
    found = {
        (scope.jobs, read.entity.name): read.may_lack_changes
        for scope in (Scope(CHANGED_JOBS, None), Scope(OPEN_JOBS, None), Scope(ALL_JOBS, None))
        for read in planned_reads(account.as_account(), scope, Remembering(account, set(), rows))
        if list(read.pages()) is not None
    }
    for entity in ("budgets", "cost-codes"):
        assert found[CHANGED_JOBS, entity] is says_nothing
        assert found[OPEN_JOBS, entity] is False
        assert found[ALL_JOBS, entity] is False


def test_choice_of_jobs_stays_the_same_when_a_read_goes_on() -> None:
    account = large_account()
    first = BudgetsRead(account.as_account(), [1, 2, 3], chosen=[1, 3])
    pages = first.pages()
    next(pages)
    again = BudgetsRead(account.as_account(), [1, 2, 3], chosen=[2])
    again.restore(first.cursor())
    account.asked.clear()
    list(again.pages(ReadStart(1)))
    assert [job_id for name, job_id in account.asked if name == "budget_categories"] == [3]
    assert again.jobs_to_list((), with_empty=False) == [1, 3]


def test_jobs_whose_codes_are_listed_stay_the_same_when_a_read_goes_on() -> None:
    """What the first attempt published is known by then, and its jobs are no longer among those to ask."""
    account = large_account()
    first = CostCodesRead(account.as_account(), numbered(281), chosen=[6, 7, 8], whole=False)
    next(first.pages())
    again = CostCodesRead(account.as_account(), numbered(281), chosen=[7, 8], whole=False)
    again.restore(first.cursor())
    account.asked.clear()
    list(again.pages(ReadStart(1)))
    assert [job_id for name, job_id in account.asked if name == "cost_codes"] == [7, 8]
