"""What needs attention, progress, steps, history and charts: from data to words."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.views.attention import held_item, waiting_item
from console.views.labor import bars_of, total_of
from console.views.runs import entity_lines, line_of, progress_of
from console.views.steps import steps_of
from console.words import zone
from tests.unit.console.factories import (
    NOW,
    checkpoint,
    going,
    held,
    labor,
    link,
    minutes,
    run,
    shifts,
    snapshot,
    waiting,
)

DENVER = zone("America/Denver")
COMMAND = "3f9a21c0-0000-4000-8000-000000000000"


def test_waiting_shifts_say_hours_and_what_they_wait_for() -> None:
    item = waiting_item(waiting())
    assert f"{item.hours} {item.sentence}" == "12.5 h on 3 shifts wait for job Tighe Garage"
    assert item.query == {"status": "waiting-for-job", "subject": "Tighe Garage"}


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("waiting-for-job", "on 1 shift waits for job X"),
        ("uncoded", "on 1 shift has no cost code"),
        ("several-codes", "on 1 shift names several cost codes without the time of each"),
        ("ambiguous-code", "on 1 shift names cost code X, and more than one has this title"),
        ("waiting-for-user", "on 1 shift waits for worker X"),
        ("waiting-for-cost-code", "on 1 shift waits for cost code X"),
        ("something-new", "on 1 shift are something-new"),
    ],
)
def test_waiting_shift_is_told_in_the_singular(status: str, sentence: str) -> None:
    assert waiting_item(waiting(link_status=status, subject="X", shifts=1)).sentence == sentence


def test_waiting_shifts_whose_parent_has_no_name_say_that() -> None:
    assert "that Buildertrend does not name" in waiting_item(waiting(subject=None)).sentence


def test_held_deletions_say_how_many_and_at_stake_what() -> None:
    item = held_item(held())
    assert (item.hours, item.is_held) == ("10 h", True)
    assert "30 time entries are no longer shown" in item.sentence
    assert held_item(held(entity="budgets", records=1)).hours == ""
    assert "1 budget line" in held_item(held(entity="budgets", records=1)).sentence
    assert not held_item(held(released=True)).is_held


def test_progress_estimates_from_pages_and_says_what_follows() -> None:
    progress = progress_of(going(checkpoint("jobs", state="complete"), checkpoint(), counts={}), NOW)
    assert progress is not None
    assert progress.left == "About 3 min left for time entries, then users, budgets and cost codes"
    states = {one.entity: one.state for one in progress.entities}
    assert states == {
        "jobs": "done",
        "users": "waiting",
        "time-entries": "reading",
        "cost-codes": "waiting",
        "budgets": "waiting",
    }


@pytest.mark.parametrize(
    "changes", [{"pages_done": 0}, {"pages_total": None}, {"began_at": NOW - timedelta(seconds=1)}]
)
def test_progress_estimates_nothing_from_too_little(changes: dict[str, Any]) -> None:
    progress = progress_of(going(checkpoint(**changes), counts={}), NOW)
    assert progress is not None
    assert progress.left.endswith("How long it takes is not known yet.")


def test_progress_of_a_first_sync_says_what_is_here_already() -> None:
    first = going(checkpoint())
    progress = progress_of(snapshot(first.link, facts=first.facts, runs=first.runs, shifts=shifts()), NOW)
    assert progress is not None
    assert progress.here == "4,210 shifts back to Mar 3, 2026 are in Protiv already: 33,000 h."
    recent = progress_of(going(checkpoint(), read="recent"), NOW)
    assert recent is not None
    assert recent.here == ""


def test_progress_without_checkpoints_follows_the_counts() -> None:
    progress = progress_of(going(counts={"jobs": {"read": 3}, "time-entries": {"read": 1}}), NOW)
    assert progress is not None
    assert [one.state for one in progress.entities][:3] == ["done", "reading", "waiting"]


def test_progress_is_none_without_a_run_that_goes_on() -> None:
    assert progress_of(snapshot(), NOW) is None


def steps(**changes: object) -> list[str]:
    values = {"state": "connecting", "session_at": None, "builder_name": None, **changes}
    found = steps_of(snapshot(link(**values), runs=()), COMMAND, NOW, NOW)
    return [one.state for one in found.steps]


def test_steps_go_on_with_what_the_database_says() -> None:
    assert steps() == ["now", "waiting", "waiting", "waiting"]
    assert steps(session_at=NOW) == ["done", "now", "waiting", "waiting"]
    assert steps(session_at=NOW, state="connected") == ["done", "done", "now", "waiting"]


def test_steps_end_connected_with_the_first_records_of_a_run_after_it() -> None:
    connected = link(state="connected", session_at=NOW)
    new = run(state="running", finished_at=None, position=5, attempted_at=NOW)
    assert steps_of(snapshot(connected, runs=(new,)), COMMAND, NOW, NOW).outcome == "connected"
    old = run(attempted_at=NOW - minutes(10))
    assert steps_of(snapshot(connected, runs=(old,)), COMMAND, NOW, NOW).outcome == "going"


def test_steps_of_a_refusal_say_which_field_to_change() -> None:
    refused = link(state="needs-attention", fault="mfa-required", message="A second factor.", session_at=None)
    found = steps_of(snapshot(refused), COMMAND, NOW, NOW)
    assert (found.outcome, found.field, found.text, found.reference) == ("failed", "username", "A second factor.", "")
    blocked = link(state="needs-attention", fault="blocked-by-buildertrend", session_at=None)
    assert steps_of(snapshot(blocked), COMMAND, NOW, NOW).reference == "3F9A21C0"


def test_steps_of_a_missing_permission_name_the_module_and_end_the_spinner() -> None:
    connected = link(fault="no-permission", message="This Buildertrend user may not see the Time Clock.")
    ended = run(state="failed", attempted_at=NOW)
    found = steps_of(snapshot(connected, runs=(ended,)), COMMAND, NOW, NOW)
    assert (found.outcome, [one.state for one in found.steps]) == (
        "no-access",
        ["done", "failed", "waiting", "waiting"],
    )
    assert "Time Clock" in found.text
    assert "administrator" in found.hint


def test_steps_of_a_reconnect_that_was_refused_say_that_the_one_before_goes_on() -> None:
    back = link(refused_username="typo", refused_fault="wrong-credentials", refused_message="Check.", refused_at=NOW)
    found = steps_of(snapshot(back), COMMAND, NOW, NOW)
    assert (found.outcome, found.field, found.text) == ("failed", "password", "Check.")
    assert "previous username" in found.hint
    assert steps_of(snapshot(back), COMMAND, NOW + minutes(1), NOW).outcome == "going"


def test_steps_of_an_outage_are_tried_again() -> None:
    away = link(state="connecting", fault="source-unavailable", session_at=None)
    assert steps_of(snapshot(away), COMMAND, NOW, NOW).outcome == "trying"


def test_steps_of_another_account_wait_for_a_confirmation() -> None:
    other = link(state="needs-attention", fault="wrong-credentials", pending_builder_id="2")
    assert steps_of(snapshot(other), COMMAND, NOW, NOW).outcome == "another-account"


def test_steps_that_nobody_takes_say_so_after_a_while() -> None:
    waits = snapshot(link(state="connecting", session_at=None, leased=False), runs=())
    assert steps_of(waits, COMMAND, NOW - timedelta(seconds=9), NOW).steps[0].detail == ""
    assert "free reader" in steps_of(waits, COMMAND, NOW - timedelta(seconds=11), NOW).steps[0].detail


def test_line_of_history_says_who_what_and_how_long() -> None:
    line = line_of(run(requested_by="console:dana@acme.example"), None, NOW, DENVER)
    assert (line.read_name, line.state_name, line.duration) == ("Recent changes", "Completed", "1 min 0 s")
    assert (line.records, line.changes) == ("1,250 read", "12 created, 3 updated, 1 deleted")
    assert line.asked_by == "dana@acme.example"
    assert line_of(run(counts={}), None, NOW, DENVER).changes == "no changes"
    assert line_of(run(), None, NOW, DENVER).asked_by == "the schedule"


def test_line_of_a_run_that_nobody_works_on_is_interrupted() -> None:
    lost = run(state="running", finished_at=None)
    assert line_of(lost, None, NOW, DENVER).state == "interrupted"
    assert line_of(lost, lost, NOW, DENVER).state == "running"


def test_entities_of_a_run_stand_in_the_order_of_reading() -> None:
    lines = entity_lines(run(), [checkpoint("budgets", state="held", pages_done=2, pages_total=2)])
    assert [(one.name, one.state, one.pages) for one in lines] == [
        ("Time entries", "", ""),
        ("Budgets", "Deletions held", "2 of 2"),
    ]
    assert lines[0].counts == (1250, 12, 3, 1, 1234)


def test_bars_show_work_within_and_beyond_the_budget_to_one_scale() -> None:
    within, over, unknown = bars_of([labor("100", "50"), labor("100", "125"), labor(None, "25")])
    assert (within.budget_width, within.worked_width, within.left) == ("80.00%", "40.00%", "50 h left")
    assert (over.worked_width, over.over_from, over.over_width) == ("80.00%", "80.00%", "20.00%")
    assert (over.left, over.is_over) == ("25 h over", True)
    assert (unknown.budget, unknown.left, unknown.worked_width) == ("not stated", "", "20.00%")


def test_total_counts_only_budgets_that_are_stated() -> None:
    total = total_of([labor("100", "50"), labor(None, "25")])
    assert total is not None
    assert (total.budget, total.worked, total.left) == ("100 h", "75 h", "25 h left")
    assert total_of([]) is None
    none = total_of([labor(None, "0")])
    assert none is not None
    assert none.budget == "not stated"


amounts = st.decimals(min_value=0, max_value=10_000, places=2)


@given(st.lists(st.tuples(st.none() | amounts, amounts), min_size=1, max_size=8))
def test_no_bar_is_longer_than_its_place(lines: list[tuple[Decimal | None, Decimal]]) -> None:
    for bar in bars_of([labor(None if budget is None else str(budget), str(worked)) for budget, worked in lines]):
        for width in (bar.budget_width, bar.worked_width, bar.over_width):
            assert 0 <= float(width.rstrip("%")) <= 100
        assert float(bar.over_from.rstrip("%")) + float(bar.over_width.rstrip("%")) <= 100.02
