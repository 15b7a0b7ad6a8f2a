"""Deciding what is read: initial until one was complete, full when due or asked for, recent else."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.commands import OpenCommand
from producers.buildertrend.reads.plan import ALL_ENTITIES, ALL_JOBS, CHANGED_JOBS, OPEN_JOBS
from producers.runs.decide import Earlier, ReadPlan, decide, new_run, next_due, window_edge
from tests import factories
from tests.factories import NOW, open_command

SETTINGS = factories.settings(full_sync_interval_s=86_400, recent_window_days=35)


def decided(*commands: OpenCommand, **changes: Any) -> ReadPlan:
    return decide(factories.connection(**changes), commands, now=NOW, settings=SETTINGS)


def test_decide_new_connection_reads_initially_and_everything() -> None:
    plan = decided(initial_done_at=None, last_full_at=None)
    assert plan.read == "initial"
    assert (plan.scope.jobs, plan.scope.from_day, plan.scope.entities) == (ALL_JOBS, None, ALL_ENTITIES)
    assert plan.is_whole


def test_decide_initial_goes_on_until_it_was_complete_whatever_is_asked() -> None:
    assert decided(open_command(type="full-sync"), initial_done_at=None).read == "initial"


def test_decide_import_from_bounds_initial_and_full_reads() -> None:
    first_day = date(2026, 1, 1)
    assert decided(initial_done_at=None, import_from=first_day).scope.from_day == first_day
    assert decided(last_full_at=None, import_from=first_day).scope.from_day == first_day


@pytest.mark.parametrize(("since_full", "read"), [(86_399, "recent"), (86_400, "full"), (200_000, "full")])
def test_decide_full_is_due_after_its_interval(since_full: int, read: str) -> None:
    assert decided(last_full_at=NOW - timedelta(seconds=since_full)).read == read


def test_decide_full_sync_command_reads_fully() -> None:
    plan = decided(open_command(type="full-sync"))
    assert (plan.read, plan.scope.from_day, plan.scope.jobs) == ("full", None, ALL_JOBS)


def test_decide_full_read_that_was_asked_for_takes_over_no_pages_of_an_earlier_one() -> None:
    connection = factories.connection()
    asked = new_run(decided(open_command(type="full-sync")), connection, SETTINGS)
    scheduled = new_run(decided(last_full_at=None), connection, SETTINGS)
    assert (asked.usable_s, scheduled.usable_s) == (0, SETTINGS.full_sync_interval_s)
    assert asked.scope == scheduled.scope


def test_decide_reads_everything_again_when_that_was_incomplete_and_is_to_be_tried() -> None:
    plan = decide(factories.connection(), [], earlier=Earlier(wants_whole=True), now=NOW, settings=SETTINGS)
    assert (plan.read, plan.is_whole) == ("full", True)


def test_decide_recent_reads_changed_jobs_from_the_edge_of_the_window() -> None:
    plan = decided()
    assert (plan.read, plan.scope.jobs, plan.scope.from_day) == ("recent", CHANGED_JOBS, date(2026, 5, 13))
    assert not plan.is_whole


def test_decide_recent_that_is_asked_for_reads_the_budgets_of_all_open_jobs() -> None:
    assert decided(open_command()).scope.jobs == OPEN_JOBS


@pytest.mark.parametrize(
    ("import_from", "from_day"), [(date(2026, 6, 1), date(2026, 6, 1)), (date(2020, 1, 1), date(2026, 5, 13))]
)
def test_decide_recent_never_reads_before_import_from(import_from: date, from_day: date) -> None:
    assert decided(import_from=import_from).scope.from_day == from_day


@pytest.mark.parametrize(
    ("time_zone", "edge"), [("America/Denver", date(2026, 5, 13)), ("Pacific/Auckland", date(2026, 5, 14))]
)
def test_window_edge_is_a_local_day(time_zone: str, edge: date) -> None:
    assert window_edge(NOW, time_zone, 35) == edge


def test_decide_commands_for_the_same_join_one_run() -> None:
    commands = [open_command(), open_command(entities=["jobs"]), open_command(type="full-sync")]
    plan = decided(*commands)
    assert plan.commands == commands
    assert plan.command_id == commands[0].command_id
    assert plan.read == "full"


def test_decide_command_for_more_than_the_oldest_waits_for_its_own_run() -> None:
    narrow, wide, narrower = (
        open_command(entities=["jobs", "users"]),
        open_command(),
        open_command(entities=["users"], type="full-sync"),
    )
    plan = decided(narrow, wide, narrower)
    assert plan.commands == [narrow, narrower]
    assert plan.scope.entities == {"jobs", "users"}
    assert not plan.is_whole


def test_decide_without_commands_belongs_to_none() -> None:
    assert decided().command_id is None


@given(st.integers(0, 2**32), st.floats(1, 1e6))
def test_next_due_is_before_the_interval_is_over_and_not_long_before(seed: int, interval_s: float) -> None:
    due = next_due(NOW, interval_s, random.Random(seed))
    assert 0.8 * interval_s <= (due - NOW).total_seconds() <= interval_s
