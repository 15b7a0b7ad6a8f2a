"""Budgets are read again where the report's row or the shifts moved, and ever more rarely where that was in vain."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.buildertrend.reads.budget_watch import BudgetState, BudgetWatch, budget_hash, report_rows
from producers.buildertrend.reads.rows import BudgetLine, refused_row, unreadable
from producers.source import SourceRow
from tests.factories import NOW, source_record

HOURS = timedelta(hours=1)


def line(amount: str = "100") -> SourceRow:
    return SourceRow.of(source_record("1:10", originalBudgetCosts=amount))


def state(**changes: Any) -> BudgetState:
    hashed = budget_hash([line()])
    assert hashed is not None
    return replace(BudgetState(b"row", hashed, 7, NOW - HOURS), **changes)


def watch(known: BudgetState | None = None, row: bytes | None = b"row", shifts: int = 7) -> BudgetWatch:
    rows = None if row is None else {1: row}
    return BudgetWatch(known={} if known is None else {1: known}, shifts={1: shifts}, now=NOW, rows=rows)


def test_job_whose_budget_was_never_read_is_due() -> None:
    assert watch().due([1, 2]) == [1, 2]


@pytest.mark.parametrize(
    ("row", "shifts", "due"),
    [(b"row", 7, False), (b"other", 7, True), (None, 7, False), (b"row", 8, False)],
)
def test_job_is_due_when_its_row_moved(row: bytes | None, shifts: int, due: bool) -> None:
    assert bool(watch(state(), row, shifts).due([1])) is due


@pytest.mark.parametrize(("hours", "due"), [(1, False), (11, False), (12, True)])
def test_job_with_other_shifts_is_due_half_a_day_later(hours: int, due: bool) -> None:
    assert bool(watch(state(read_at=NOW - hours * HOURS), None, 8).due([1])) is due


@pytest.mark.parametrize(("hours", "due"), [(11, False), (12, True)])
def test_job_that_the_report_leaves_out_is_due_twice_a_day(hours: int, due: bool) -> None:
    known = state(read_at=NOW - hours * HOURS)
    assert bool(BudgetWatch({1: known}, {}, NOW, {2: b"row"}).due([1])) is due
    assert BudgetWatch({1: known}, {}, NOW, None).due([1]) == []


@pytest.mark.parametrize(
    ("fruitless", "hours", "due"),
    [(0, 0, True), (1, 3, False), (1, 4, True), (2, 7, False), (2, 8, True), (9, 22, False), (9, 23, True)],
)
def test_row_that_moved_for_nothing_counts_ever_more_rarely(fruitless: int, hours: int, due: bool) -> None:
    known = state(fruitless=fruitless, read_at=NOW - hours * HOURS)
    assert bool(watch(known, b"other").due([1])) is due


def test_a_budget_that_moved_makes_its_row_count_at_once_again() -> None:
    looking = watch(state(fruitless=3), b"other")
    looking.note(1, [line("200")])
    assert looking.found[1] == BudgetState(b"other", looking.found[1].budget, 7, NOW, 0)


@pytest.mark.parametrize(("row", "fruitless"), [(b"other", 4), (b"row", 3), (None, 3)])
def test_a_budget_that_stayed_counts_against_its_row_only_if_that_moved(row: bytes | None, fruitless: int) -> None:
    looking = watch(state(fruitless=3), row)
    looking.note(1, [line()])
    assert looking.found[1].fruitless == fruitless


@pytest.mark.parametrize(("row", "said"), [(b"other", True), (b"row", False), (None, None)])
def test_moved_budgets_are_told_with_what_the_report_said(row: bytes | None, said: bool | None) -> None:
    told: list[bool | None] = []
    looking = watch(state(), row)
    looking.moved = told.append
    looking.note(1, [line()])
    assert told == []
    looking.note(1, [line("200")])
    assert told == [said]


def test_budget_that_did_not_answer_is_read_again_unless_the_account_never_had_one() -> None:
    looking = watch(state())
    looking.note(1, None)
    assert (looking.forgotten, looking.found) == ({1}, {})
    never = replace(watch(), in_use=False)
    never.note(1, None)
    assert never.forgotten == set()
    assert BudgetWatch(never.found, {}, NOW, {1: b"row"}).due([1]) == []


def test_incomplete_budget_is_read_again() -> None:
    looking = watch(state())
    looking.note(1, [SourceRow.of(source_record("1:10")), SourceRow.of(partial_record())])
    assert looking.forgotten == {1}


def partial_record() -> Any:
    record = source_record("1:11")
    return type(record)(record.entity_id, record.after, incomplete=True)


def test_hash_knows_refused_lines_and_passes_over_extras_and_order() -> None:
    error = unreadable("budget", "id", {"id": "odd"})
    refused = refused_row(BudgetLine, {"id": "odd"}, error)
    assert budget_hash([line(), refused]) != budget_hash([line()])
    other = SourceRow.of(source_record("1:11"))
    assert budget_hash([line(), other]) == budget_hash([other, line()])
    extra = source_record("1:10", originalBudgetCosts="100")
    extra.after["extras"] = {"seen": "1"}
    assert budget_hash([SourceRow.of(extra)]) == budget_hash([line()])


@pytest.mark.parametrize("name", ["jobID", "jobId"])
def test_report_rows_by_job_whatever_else_they_hold(name: str) -> None:
    row = {name: 7, "contractPrice": {"value": Decimal("12.50")}, "percentComplete": None}
    found = report_rows([row, {"jobName": "no id"}, "odd", {name: True}, None])
    assert found.keys() == {7}
    assert report_rows([{**row, "percentComplete": Decimal("0.1")}]) != found
    assert report_rows([dict(reversed(row.items()))]) == found


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 6)), max_size=60))
def test_every_change_of_a_budget_whose_row_moves_is_read_within_a_day(steps: list[tuple[bool, bool, int]]) -> None:
    now, amount, row = NOW, 0, 0
    known: BudgetState | None = None
    stale_since = None
    for budget_moves, row_moves, hours in steps:
        now += hours * HOURS
        amount += budget_moves
        row += row_moves or budget_moves
        if budget_moves and stale_since is None:
            stale_since = now
        looking = BudgetWatch({} if known is None else {1: known}, {}, now, {1: str(row).encode()})
        if looking.due([1]):
            looking.note(1, [line(str(amount))])
            known, stale_since = looking.found[1], None
        assert stale_since is None or now - stale_since < 24 * HOURS
