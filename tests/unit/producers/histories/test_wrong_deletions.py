"""Answers that leave out existing records: nothing is deleted, and the run does not claim that all was read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.producers.histories.world import PAGE_SIZE, World, day_text, new_world

_LONGEST_READ = 60


@pytest.fixture
def world() -> Iterator[World]:
    """A company that is read, with three pages of shifts."""
    made = new_world()
    assert made.read() == "completed"
    yield made
    made.close()


def ids(world: World, entity: str) -> set[str]:
    return set(world.topics.folded[entity])


def spoilt(world: World, fault: str, by: int = 1) -> None:
    world.company.set_switches(paging=[{"entity": "time-entries", "fault": fault, "by": by}])


@pytest.mark.parametrize(("fault", "by"), [("repeated", 1), ("short", 1), ("shifted", -1)])
@pytest.mark.parametrize("full", [True, False])
def test_pages_that_leave_rows_out_delete_nothing_and_are_not_complete(
    *, world: World, fault: str, by: int, full: bool
) -> None:
    before = {entity: ids(world, entity) for entity in ("time-entries", "users", "cost-codes")}
    spoilt(world, fault, by)
    ended = world.read_full() if full else world.read()
    assert ended.startswith("incomplete")
    assert set(world.memory.incomplete) == {"time-entries"}
    assert {entity: ids(world, entity) for entity in before} == before
    world.settle()
    world.check_topics()
    assert world.memory.incomplete == {}


def test_changed_rows_of_an_incomplete_read_are_published_and_nothing_is_called_complete(world: World) -> None:
    through = world.memory.complete["time-entries"].through
    newest, *_, oldest = sorted(world.company.ids("shifts"), key=lambda one: _start(world, one), reverse=True)
    before = world.company.record("shifts", oldest)["notes"]
    for one in (newest, oldest):
        world.company.edit("shifts", one, notes="changed")
    # Of each page of five two rows come, of the last one its first.
    spoilt(world, "short", by=3)
    ended = world.read_full()
    assert "Buildertrend stated 14 time entries and showed 5." in ended
    notes = {one: record["after"]["notes"] for one, record in world.topics.folded["time-entries"].items()}
    assert (notes[str(newest)], notes[str(oldest)]) == ("changed", before)
    assert world.memory.complete["time-entries"].through == through
    assert world.memory.complete["jobs"].through > through


def test_edits_between_all_requests_whose_total_stays_the_same_delete_nothing_that_is_there(world: World) -> None:
    """A row before the reading position is deleted and one after it added: rows move, their number stays."""
    for shift in range(30):
        world.company.insert(
            "shifts", job_id=0, user_id=world.company.ids("users")[0], time_in=day_text(40 + 2 * shift)
        )
    world.settle()
    gone: list[int] = []

    def edit() -> None:
        newest = max(world.company.ids("shifts"), key=lambda one: _start(world, one))
        gone.append(newest)
        world.company.delete("shifts", newest)
        world.company.insert("shifts", job_id=0, user_id=world.company.ids("users")[0], time_in=day_text(300))

    for request in range(6, 6 + _LONGEST_READ, 2):
        world.trouble(request, edit)
    world.read_full()
    assert len(gone) > 5
    world.settle()
    world.check_topics()


def test_shift_that_slips_past_the_read_and_its_second_look_is_not_deleted(world: World) -> None:
    """Both times a row of page 1 is deleted before page 2 is read, and one is added at the end: the others move up."""
    worker = world.company.ids("users")[0]

    def insert(time_in: str) -> dict[str, Any]:
        return {"op": "insert", "values": {"job_id": 0, "user_id": worker, "time_in": time_in}}

    shifts = sorted(world.company.ids("shifts"), key=lambda one: _start(world, one), reverse=True)
    slips = shifts[PAGE_SIZE]
    newest_goes = {"op": "delete", "place": 0}
    edits = {
        2: [newest_goes, insert(day_text(300))],
        4: [insert(day_text(-1))],
        5: [newest_goes, insert(day_text(301))],
    }
    world.company.set_switches(
        on_request=[{"path_contains": "TimeClock", "request": at, "edits": each} for at, each in edits.items()]
    )
    world.read_full()
    assert str(slips) in world.topics.folded["time-entries"]
    world.settle()
    world.check_topics()


@pytest.mark.parametrize("entity", ["jobs", "cost-codes", "budgets", "time-entries"])
def test_answer_that_shows_nothing_of_an_entity_is_held_however_few_it_has(world: World, entity: str) -> None:
    before = ids(world, entity)
    assert before
    shifts = world.topics.folded["time-entries"].values()
    named = {str(code["id"]) for shift in shifts for code in shift["after"]["costCodes"]}
    hidden: dict[str, Any] = {"missing_rows": [{"entity": entity, "which": "all"}]}
    world.company.set_switches(**hidden)
    assert world.read_full().startswith("incomplete")
    assert ids(world, entity) == before
    # Codes that shifts name are not missing.
    assert set(world.memory.held[entity]) == (before - named if entity == "cost-codes" else before)
    world.settle()
    assert not world.memory.held[entity]


def test_deletions_that_are_held_where_nobody_knows_what_changed_can_be_released(world: World) -> None:
    """A recent read of an account without the report: people are told of them, so they must be there to let go."""
    before = ids(world, "budgets")
    hidden: dict[str, Any] = {"missing_rows": [{"entity": "budgets", "which": "half"}]}
    world.company.set_switches(**hidden)
    assert world.read() == "completed"
    assert world.memory.runs[-1].state == "held"
    assert ids(world, "budgets") == before
    held = set(world.memory.held["budgets"])
    assert held
    assert held < before


def test_job_whose_budget_never_answers_keeps_its_lines_and_the_others_are_read(world: World) -> None:
    lines = world.company.ids("budget-lines")
    silent_job = world.company.record("budget-lines", lines[0])["job_id"]
    amounts = _amounts(world)
    for line in lines:
        world.company.edit("budget-lines", line, original=4321)
    world.company.set_switches(silent_jobs=[silent_job])
    ended = world.read_full()
    assert f"did not answer for the budgets of 1 of 2 jobs ({silent_job})." in ended
    assert {key for key, amount in _amounts(world).items() if amount == amounts[key]} == {
        key for key in amounts if key.startswith(f"{silent_job}:")
    }
    world.settle()
    world.check_topics()


@pytest.mark.parametrize("shown", ["half", "empty"])
def test_job_list_that_lacks_jobs_turns_no_number_and_no_street_to_null(world: World, shown: str) -> None:
    def places() -> dict[str, Any]:
        jobs = world.topics.folded["jobs"]
        return {key: (job["after"]["jobNumber"], job["after"]["street"]) for key, job in jobs.items()}

    before = places()
    assert all(any(place) for key, place in before.items() if key != "0")
    world.company.set_switches(job_list=shown)
    ended = world.read_full()
    assert places() == before
    assert "a part could not be read; they stay as they were read last." in ended
    world.settle()


def test_users_list_that_no_longer_answers_deletes_nobody(world: World) -> None:
    before = world.topics.folded["users"].keys()
    world.company.set_switches(filters_endpoint="500")
    assert world.read_full() == "completed"
    assert world.topics.folded["users"].keys() == before


def _amounts(world: World) -> dict[str, Any]:
    return {key: line["after"]["originalBudgetCosts"] for key, line in world.topics.folded["budgets"].items()}


def _start(world: World, shift: int) -> str:
    return str(world.company.record("shifts", shift)["time_in"])
