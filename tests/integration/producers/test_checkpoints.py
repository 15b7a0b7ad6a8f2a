"""A run that is cut short goes on where it stood: stopped, failed, on other terms, or with its connection closed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from control.entity_reads import freshness
from control.held_deletions import list_held, release
from producers.runs.messages import Message
from producers.sync_events import SyncEvent
from sandbox.client import Kind, SandboxControl
from schemas.entities import ENTITIES
from tests.fix_source import CompanyMaker
from tests.integration.producers.fix_runs import Desk, DeskMaker

GRID = "/api/TimeClock/Grid"


@pytest.fixture
def long_desk(new_desk: DeskMaker, new_company: CompanyMaker) -> Desk:
    """Connected and never read: 5 pages of shifts."""
    made = new_desk(new_company(shifts=900))
    made.connect()
    return made


def of_type(events: list[SyncEvent], kind: str) -> list[SyncEvent]:
    return [event for event in events if event.type == kind]


def runs(desk: Desk) -> list[dict[str, Any]]:
    return desk.sql("SELECT * FROM integration.runs WHERE company_id = %s ORDER BY run_seq")


def grid_pages(desk: Desk, since: int) -> list[int]:
    """Page numbers that were asked of the time clock since the n-th request."""
    return [
        int(request.read().split(b'"pageNumber"')[1].split(b'"')[1])
        for request in desk.source.requests[since:]
        if request.url.path == GRID
    ]


def stop_at_page(desk: Desk, number: int) -> None:
    """The process is asked to end while that page of shifts is waited for."""

    def stopping() -> None:
        if len(grid_pages(desk, 0)) == number:
            desk.stop.set()

    desk.clock.on_wait = stopping


def work_on_again(desk: Desk) -> list[SyncEvent]:
    desk.stop.clear()
    desk.clock.on_wait = lambda: None
    return desk.run()


def shown_as_source(desk: Desk) -> None:
    kinds: dict[str, Kind] = {"time-entries": "shifts", "jobs": "jobs", "users": "users"}
    for entity, kind in kinds.items():
        assert set(desk.folded(entity)) == {str(row["id"]) for row in desk.sandbox.listed(kind, limit=1000)}


def test_stopped_run_goes_on_from_its_last_page_as_the_same_run(long_desk: Desk) -> None:
    stop_at_page(long_desk, 3)
    assert of_type(long_desk.run(), "completed") == []
    (left,) = runs(long_desk)
    before, published = len(long_desk.source.requests), long_desk.mark()
    (completed,) = of_type(work_on_again(long_desk), "completed")
    assert completed.run_id == str(left["run_id"])
    assert grid_pages(long_desk, before) == [3, 4, 5]
    paths = {request.url.path for request in long_desk.source.requests[before:]}
    assert "/api/jobpicker/GetJobPickerData" not in paths
    shown_as_source(long_desk)
    (run,) = runs(long_desk)
    assert (run["attempts"], run["state"], run["first_seq"] < run["run_seq"]) == (2, "completed", True)
    assert long_desk.changes("time-entries", since=published)[0]["version"] >> 24 == run["run_seq"]


def test_run_that_went_on_is_followed_by_another_at_once(long_desk: Desk) -> None:
    """What changed behind its position while it was away is found now and not in two hours."""
    stop_at_page(long_desk, 3)
    long_desk.run()
    newest = long_desk.sandbox.listed("shifts", limit=1)[0]["id"]
    long_desk.sandbox.edit_shift(newest, regular_minutes=77)
    work_on_again(long_desk)
    assert long_desk.connection().next_due_at <= long_desk.clock.now()
    assert of_type(long_desk.run(), "completed") != []
    assert long_desk.folded("time-entries")[str(newest)]["after"]["regularTime"] == 77
    assert long_desk.connection().next_due_at > long_desk.clock.now()


def test_stopped_run_counts_every_row_once(long_desk: Desk) -> None:
    stop_at_page(long_desk, 3)
    long_desk.run()
    work_on_again(long_desk)
    (run,) = runs(long_desk)
    counts = run["counts"]["time-entries"]
    assert (counts["read"], counts["created"], counts["unchanged"]) == (900, 900, 0)


def test_crash_between_topics_and_state_goes_on_and_publishes_that_page_again(long_desk: Desk) -> None:
    def crash(messages: list[Message]) -> None:
        if messages[0].topic == "buildertrend.time-entries" and len(long_desk.changes("time-entries")) == 400:
            long_desk.publisher.batches.append(messages)
            raise RuntimeError("the process is gone")

    long_desk.publisher.before_commit = crash
    long_desk.run()
    long_desk.publisher.before_commit = lambda _: None
    long_desk.sql("UPDATE integration.connections SET lease_expires_at = '-infinity' WHERE company_id = %s")
    before = len(long_desk.source.requests)
    work_on_again(long_desk)
    assert grid_pages(long_desk, before)[:2] == [2, 3]
    shown_as_source(long_desk)
    versions = [change["version"] for entity in ENTITIES for change in long_desk.changes(entity.name)]
    assert len(set(versions)) == len(versions)


def test_run_that_failed_midway_leaves_its_pages_to_the_next(long_desk: Desk) -> None:
    def fail_at_page(number: int) -> Callable[[], None]:
        def failing() -> None:
            if len(grid_pages(long_desk, 0)) == number:
                rule = {"path_contains": GRID, "status": 429, "times": 99, "retry_after": 1800}
                long_desk.sandbox.set_switches(fail_next=[rule])

        return failing

    long_desk.clock.on_wait = fail_at_page(3)
    (failed,) = of_type(long_desk.run(), "failed")
    assert failed.fault == "rate-limited"
    long_desk.sandbox.heal()
    before = len(long_desk.source.requests)
    work_on_again(long_desk)
    assert grid_pages(long_desk, before) == [3, 4, 5]
    shown_as_source(long_desk)
    assert [run["state"] for run in runs(long_desk)] == ["failed", "completed"]


def test_run_on_other_terms_begins_anew(long_desk: Desk) -> None:
    stop_at_page(long_desk, 3)
    long_desk.run()
    long_desk.connect(time_zone="America/Chicago")
    before = len(long_desk.source.requests)
    work_on_again(long_desk)
    assert grid_pages(long_desk, before) == [1, 2, 3, 4, 5]
    zones = {record["time_zone"] for record in long_desk.folded("time-entries").values()}
    assert zones == {"America/Chicago"}


def test_recent_run_that_is_older_than_the_interval_begins_anew(long_desk: Desk) -> None:
    long_desk.run()
    stop_at_page(long_desk, len(grid_pages(long_desk, 0)) + 1)
    long_desk.run()
    assert runs(long_desk)[-1]["state"] == "running"
    long_desk.sql("UPDATE integration.runs SET started_at = started_at - interval '3 hours' WHERE company_id = %s")
    long_desk.clock.instant = datetime.now(UTC)
    work_on_again(long_desk)
    assert [run["state"] for run in runs(long_desk)] == ["completed", "failed", "completed"]


def test_open_run_of_a_connection_that_may_not_be_read_ends(long_desk: Desk) -> None:
    stop_at_page(long_desk, 3)
    command_id = long_desk.command()
    long_desk.run()
    long_desk.sql(
        "UPDATE integration.connections SET state = 'needs-attention', fault = 'wrong-credentials', message = 'No.' "
        "WHERE company_id = %s"
    )
    (failed,) = of_type(work_on_again(long_desk), "failed")
    assert (failed.command_id, failed.fault) == (command_id, "wrong-credentials")
    assert [run["state"] for run in runs(long_desk)] == ["failed"]


def test_completed_reads_say_up_to_when_each_entity_is_complete(read_desk: Desk) -> None:
    began = read_desk.clock.now()
    with read_desk.database.transaction() as tx:
        first = freshness(tx, read_desk.company_id)
    assert set(first) == {entity.name for entity in ENTITIES}
    assert all(one.complete_through <= began and one.whole_through == one.complete_through for one in first.values())
    read_desk.clock.move(7200)
    read_desk.run()
    with read_desk.database.transaction() as tx:
        shifts = freshness(tx, read_desk.company_id)["time-entries"]
    assert shifts.complete_through > began
    assert shifts.whole_through == first["time-entries"].whole_through
    assert shifts.from_day is not None


def remove_shifts(sandbox: SandboxControl, count: int) -> set[str]:
    ids = [row["id"] for row in sandbox.listed("shifts", limit=count)]
    for shift_id in ids:
        sandbox.delete_shift(shift_id)
    return {str(shift_id) for shift_id in ids}


def held_ids(desk: Desk) -> set[str]:
    with desk.database.transaction() as tx:
        return {one.entity_id for one in list_held(tx, desk.company_id)}


def let_go(desk: Desk) -> dict[str, int]:
    with desk.database.transaction() as tx:
        return release(tx, desk.company_id, entities=(), released_by="operator")


def deleted_ids(desk: Desk, since: int) -> set[str]:
    return {change["entity_id"] for change in desk.changes("time-entries", since=since) if change["op"] == "DELETE"}


def test_held_deletions_go_once_an_operator_lets_them_go(read_desk: Desk) -> None:
    gone = remove_shifts(read_desk.sandbox, 100)
    assert of_type(read_desk.run_full(), "held") != []
    assert held_ids(read_desk) == gone
    assert let_go(read_desk) == {"time-entries": 100}
    since = read_desk.mark()
    events = read_desk.run_full()
    assert (of_type(events, "held"), deleted_ids(read_desk, since), held_ids(read_desk)) == ([], gone, set())


def test_release_lets_only_those_go_that_were_held_then(read_desk: Desk) -> None:
    """An operator who looked at a hundred has not looked at the next hundred."""
    first = remove_shifts(read_desk.sandbox, 100)
    read_desk.run_full()
    let_go(read_desk)
    second = remove_shifts(read_desk.sandbox, 100)
    since = read_desk.mark()
    assert of_type(read_desk.run_full(), "held") != []
    assert (deleted_ids(read_desk, since), held_ids(read_desk)) == (first, second)


def test_held_records_that_come_back_are_held_no_more(read_desk: Desk) -> None:
    read_desk.sandbox.set_switches(missing_rows=[{"entity": "time-entries", "which": "half"}])
    assert of_type(read_desk.run_full(), "held") != []
    assert held_ids(read_desk) != set()
    read_desk.sandbox.heal()
    since = read_desk.mark()
    (completed,) = of_type(read_desk.run_full(), "completed")
    assert "held" not in str(completed.message)
    assert (deleted_ids(read_desk, since), held_ids(read_desk)) == (set(), set())
