"""Answers that look wrong although nothing failed change nothing, until an operator says that they are true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from producers.runs.suspicion import (
    EMPTY_BUDGETS,
    EMPTY_FIELDS,
    FEWER_CODES,
    FEWER_JOBS,
    HALF_THE_RECORDS,
    NO_ROWS,
)
from tests.unit.producers.histories.world import World, day_text, new_world

SHIFTS = "time-entries"


@pytest.fixture
def world() -> Iterator[World]:
    """A company that is read, with 40 shifts more, 30 jobs and 8 cost codes with a budget line on each of four jobs."""
    made = new_world()
    company = made.company
    worker = company.ids("users")[0]
    jobs = [company.insert("jobs", name=f"House {number}") for number in range(30)]
    codes = [company.insert("cost-codes", code=f"77.{number}", name=f"Code {number}") for number in range(8)]
    for number in range(40):
        company.insert("shifts", job_id=jobs[number % 30], user_id=worker, time_in=day_text(number))
    for job_id in jobs[:4]:
        for code_id in codes:
            company.insert("budget-lines", job_id=job_id, cost_code_id=code_id, original=500)
    assert made.read() == "completed"
    yield made
    made.close()


def rules(world: World, entity: str) -> set[str]:
    return set(world.memory.suspicions.get(entity, {}))


def everything(world: World) -> dict[str, dict[str, Any]]:
    return {
        entity: {one: record["after"] for one, record in table.items()} for entity, table in world.topics.folded.items()
    }


@pytest.mark.parametrize("entity", ["jobs", "budgets", SHIFTS])
def test_entity_that_had_rows_and_shows_none_is_suspicious_and_held(world: World, entity: str) -> None:
    before = everything(world)
    world.company.set_switches(missing_rows=[{"entity": entity, "which": "all"}])
    assert world.read_full().startswith("incomplete")
    assert rules(world, entity) == {NO_ROWS}
    assert everything(world) == before
    assert set(world.memory.held[entity]) == set(before[entity])
    assert "release-deletions" in world.memory.incomplete[entity].message


def test_codes_that_no_budget_lists_any_more_are_suspicious_and_held_but_those_that_shifts_name(world: World) -> None:
    before = everything(world)
    world.company.set_switches(missing_rows=[{"entity": "cost-codes", "which": "all"}])
    assert world.read_full().startswith("incomplete")
    assert rules(world, "cost-codes") == {FEWER_CODES}
    assert everything(world) == before


@pytest.mark.parametrize(
    "doubt",
    [
        pytest.param({"missing_rows": [{"entity": SHIFTS, "which": "all"}]}, id="no shifts"),
        pytest.param({"fields": [{"entity": SHIFTS, "field": "costCodes", "change": "null"}]}, id="no codes on shifts"),
        pytest.param({"missing_rows": [{"entity": SHIFTS, "which": "half"}]}, id="half of the shifts"),
    ],
)
def test_code_that_only_shifts_name_stays_while_shifts_are_in_doubt(world: World, doubt: dict[str, Any]) -> None:
    company = world.company
    code = company.insert("cost-codes", code="99", name="Only on shifts", is_listed=False)
    job, worker = company.ids("jobs")[-1], company.ids("users")[0]
    company.insert("shifts", job_id=job, user_id=worker, time_in=day_text(3), cost_code_ids=[code])
    assert world.read_full() == "completed"
    before = everything(world)["cost-codes"]
    assert before[str(code)]["statedBy"] == "shift"

    company.set_switches(**doubt)
    world.read_full()

    assert everything(world)["cost-codes"] == before


@pytest.mark.parametrize("full", [True, False])
def test_recent_and_full_reads_that_show_no_shift_at_all_are_suspicious(*, world: World, full: bool) -> None:
    before = everything(world)
    world.company.set_switches(missing_rows=[{"entity": SHIFTS, "which": "all"}])
    ended = world.read_full() if full else world.read()
    assert "Buildertrend shows no time entries at all" in ended
    assert everything(world) == before


def test_account_with_jobs_and_no_shift_at_all_is_suspicious_from_its_first_read() -> None:
    world = new_world()
    world.company.set_switches(missing_rows=[{"entity": SHIFTS, "which": "all"}])
    assert "the account has" in world.read()
    assert rules(world, SHIFTS) == {NO_ROWS}
    world.memory.release()
    world.company.set_switches(missing_rows=[{"entity": SHIFTS, "which": "all"}])
    assert world.read_full() == "completed", "An operator said that nobody uses the time clock."
    world.company.set_switches(missing_rows=[{"entity": SHIFTS, "which": "all"}])
    assert world.read_full() == "completed", "It stays true until a shift is shown."
    assert world.read_full() == "completed"
    assert rules(world, SHIFTS) == set()
    world.close()


def test_fewer_jobs_than_the_brake_allows_leave_shifts_budgets_and_codes_as_they_are(world: World) -> None:
    before = everything(world)
    hidden = [
        {"entity": "jobs", "which": "half"},
        {"entity": SHIFTS, "which": "last-page"},
        {"entity": "budgets", "which": "half"},
    ]
    for number in range(20):
        world.company.insert("jobs", name=f"More {number}")
    world.read_full()
    before = everything(world)
    world.company.set_switches(missing_rows=hidden)
    ended = world.read_full()
    assert rules(world, "jobs") == {FEWER_JOBS}
    assert set(world.memory.incomplete) >= {"jobs", SHIFTS, "budgets", "cost-codes"}
    assert "the list of jobs was not complete" in ended
    assert everything(world) == before


def test_jobs_in_doubt_leave_what_is_asked_for_by_job_incomplete_also_in_a_read_that_goes_on(world: World) -> None:
    gone = world.company.ids("shifts")[0]
    world.company.delete("shifts", gone)
    world.company.set_switches(missing_rows=[{"entity": "jobs", "which": "all"}])
    world.trouble(3, lambda: world.company.set_switches(fail_next=[{"path_contains": "TimeClock", "status": 502}]))
    world.crash_at_request(6)
    assert world.read_full() == "crashed"
    assert world.read().startswith("incomplete")
    assert str(gone) in world.topics.folded[SHIFTS]
    world.settle()
    world.check_topics()


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("regularTime", "regularTime"),
        ("breakTime", "breakTime"),
        ("costCodes", "costCodes"),
        ("rate", "rate"),
        ("timeOut", "timeOut"),
        ("approvalStatus", "approvalStatus"),
    ],
)
@pytest.mark.parametrize("full", [True, False])
def test_column_that_is_empty_in_every_row_wipes_nothing_out(
    *, world: World, field: str, part: str, full: bool
) -> None:
    before = everything(world)
    rule = {"entity": SHIFTS, "field": field, "change": "null"}
    world.company.set_switches(fields=[rule])
    ended = world.read_full() if full else world.read()
    assert everything(world) == before
    assert part in ended
    assert rules(world, SHIFTS) == {EMPTY_FIELDS}
    world.company.heal("fields")
    assert world.read_full() == "completed"
    assert rules(world, SHIFTS) == set()


def test_a_glance_leaves_out_a_page_on_which_a_column_is_empty(world: World) -> None:
    before = everything(world)
    world.company.set_switches(fields=[{"entity": SHIFTS, "field": "regularTime", "change": "null"}])
    world.glance()
    assert everything(world) == before
    world.company.heal("fields")
    world.company.edit("shifts", world.company.ids("shifts")[-1], notes="seen at a glance")
    world.glance()
    assert everything(world) != before


def test_column_is_emptied_once_an_operator_says_that_it_is_true(world: World) -> None:
    world.company.set_switches(fields=[{"entity": SHIFTS, "field": "rate", "change": "null"}])
    assert world.read_full().startswith("incomplete")
    world.memory.release()
    assert world.read_full() == "completed"
    assert {record["after"]["rate"] for record in world.topics.folded[SHIFTS].values()} == {None}
    assert world.read_full() == "completed"
    assert rules(world, SHIFTS) == set()


def test_single_rows_that_lose_a_value_are_edits(world: World) -> None:
    edited = world.company.ids("shifts")[:2]
    for shift in edited:
        world.company.edit("shifts", shift, break_minutes=0, notes="no break after all")
    assert world.read_full() == "completed"
    for shift in edited:
        assert world.topics.folded[SHIFTS][str(shift)]["after"]["notes"] == "no break after all"
    world.check_topics()


def test_budgets_that_are_empty_for_most_jobs_are_suspicious(world: World) -> None:
    before = everything(world)
    world.company.set_switches(fields=[{"entity": "budgets", "field": "costCodes", "change": "null"}])
    lines = world.company.ids("budget-lines")
    kept = world.company.record("budget-lines", lines[0])["job_id"]
    for line in lines:
        if world.company.record("budget-lines", line)["job_id"] != kept:
            world.company.delete("budget-lines", line)
    world.company.heal("fields")
    ended = world.read_full()
    assert "shows no budget lines for" in ended
    assert rules(world, "budgets") == {EMPTY_BUDGETS}
    assert everything(world)["budgets"] == before["budgets"]
    world.memory.release()
    assert world.read_full() == "completed"
    world.check_topics()


def test_fewer_than_half_of_the_rows_stated_before_are_suspicious(world: World) -> None:
    before = everything(world)
    shifts = sorted(world.company.ids("shifts"), key=lambda one: str(world.company.record("shifts", one)["time_in"]))
    for one in shifts[: len(shifts) * 2 // 3]:
        world.company.delete("shifts", one)
    ended = world.read_full()
    assert HALF_THE_RECORDS in rules(world, SHIFTS)
    assert "where it stated" in ended
    assert everything(world)[SHIFTS] == before[SHIFTS]
    world.memory.release()
    assert world.read_full() == "completed"
    world.check_topics()
    assert world.read_full() == "completed"
    assert rules(world, SHIFTS) == set()
