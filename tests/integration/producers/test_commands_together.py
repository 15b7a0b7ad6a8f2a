"""Commands beside one another: for all companies, joining a read, interrupting it, asked only what they would take."""

from __future__ import annotations

from typing import Any

import pytest

from producers.commands.command_loop import CommandLoop
from producers.commands.intake import Intake
from producers.sync_events import SyncEvent
from schemas.codec import to_days
from schemas.sync_events import TERMINAL_EVENTS
from tests import factories
from tests.fix_source import CompanyMaker
from tests.integration.producers.fix_runs import Desk, DeskMaker


def take(desk: Desk, **changes: Any) -> str:
    """Take a command in as the inbox does."""
    body = factories.command_body(**({"company_id": desk.company_id} | changes))
    Intake(desk.settings, desk.database, desk.events, desk.clock).take(body)
    return str(body["command_id"])


def command_loop(desk: Desk) -> CommandLoop:
    return CommandLoop(desk.tools().recorder, lambda: 0, lambda: 0, desk.clock)


def last(desk: Desk, command_id: str) -> SyncEvent:
    """The one final event of a command."""
    desk.publish_answers()
    (found,) = [e for e in desk.events.written if e.command_id == command_id and e.type in TERMINAL_EVENTS]
    return found


@pytest.fixture
def pair(new_desk: DeskMaker, new_company: CompanyMaker) -> tuple[Desk, Desk]:
    """Two connected companies of one database."""
    desks = tuple(new_desk(new_company()) for _ in range(2))
    for one in desks:
        one.connect()
    return desks[0], desks[1]


def run_each(pair: tuple[Desk, Desk]) -> None:
    for desk in pair:
        # The other desk's look for work leased this one, too.
        desk.sql("UPDATE integration.connections SET lease_expires_at = '-infinity' WHERE company_id = %s")
        desk.run(due=False)


def test_sync_of_all_companies_is_parted_spread_out_and_ends_with_the_sum(pair: tuple[Desk, Desk]) -> None:
    first, _second = pair
    whole = take(first, company_id="*", entities=["jobs"])
    delays = first.sql(
        "SELECT extract(epoch FROM due_at - received_at)::int AS delay FROM integration.commands"
        " WHERE company_id <> %s OR fan_out_id IS NOT NULL ORDER BY due_at"
    )
    assert {row["delay"] for row in delays} == {0, 1}
    loop = command_loop(first)
    loop.turn()
    assert [e.pages_total for e in first.events.of_type("progress") if e.command_id == whole] == [2]
    first.sql("UPDATE integration.commands SET due_at = now() WHERE company_id <> %s OR true")
    run_each(pair)
    loop.turn()
    end = last(first, whole)
    assert (end.type, end.company_id, end.message) == ("completed", "*", "All 2 companies completed.")
    assert end.counts is not None
    assert end.counts["read"] == 24


def test_command_for_all_leaves_out_whom_it_is_not_for(pair: tuple[Desk, Desk]) -> None:
    first, second = pair
    second.sql("UPDATE integration.connections SET state = 'needs-attention' WHERE company_id = %s")
    whole = take(first, company_id="*")
    parts = first.sql("SELECT company_id FROM integration.commands WHERE fan_out_id IS NOT NULL AND company_id = %s")
    assert len(parts) == 1
    assert second.sql("SELECT 1 FROM integration.commands WHERE company_id = %s") == []
    pause = take(first, company_id="*", type="pause", reason="audit")
    assert len(second.sql("SELECT 1 FROM integration.commands WHERE company_id = %s")) == 1
    assert whole != pause


def test_command_for_all_sent_twice_is_parted_once(pair: tuple[Desk, Desk]) -> None:
    first, _second = pair
    whole = take(first, company_id="*")
    take(first, company_id="*", command_id=whole)
    assert len(first.sql("SELECT 1 FROM integration.commands WHERE company_id = %s")) == 1


def test_part_that_fails_fails_the_whole_and_is_named(pair: tuple[Desk, Desk]) -> None:
    first, second = pair
    whole = take(first, company_id="*", entities=["jobs"])
    second.sql("UPDATE integration.connections SET state = 'paused', paused_by = 'ana' WHERE company_id = %s")
    first.sql("UPDATE integration.commands SET due_at = now() WHERE company_id <> %s OR true")
    run_each(pair)
    command_loop(first).turn()
    end = last(first, whole)
    assert end.type == "failed"
    assert f"{second.company_id}: Reading is paused by ana" in str(end.message)


def running(desk: Desk) -> None:
    """A read under way, as another thread would have it."""
    desk.sql(
        "INSERT INTO integration.runs (run_id, company_id, run_seq, first_seq, read, state, scope) VALUES"
        " (gen_random_uuid(), %s, 99, 99, 'recent', 'running',"
        """ '{"entities": ["jobs", "users", "cost-codes", "budgets", "time-entries"]}')"""
    )


def test_sync_joins_a_read_under_way_and_is_told_its_run(desk: Desk) -> None:
    running(desk)
    joined = take(desk)
    others = [take(desk, type=kind) for kind in ("full-sync", "backfill")]
    assert command_loop(desk).reads_to_stop([desk.company_id]) == set()
    started = [event for event in desk.events.of_type("started") if event.command_id == joined]
    assert [event.message for event in started] == ["joins the read under way"]
    assert started[0].run_id
    rows = desk.sql("SELECT command_id::text AS id, state FROM integration.commands WHERE company_id = %s")
    assert {row["id"]: row["state"] for row in rows} == {joined: "running", **dict.fromkeys(others, "pending")}


def test_sync_for_more_than_a_read_under_way_reads_does_not_join_it(desk: Desk) -> None:
    running(desk)
    desk.sql("""UPDATE integration.runs SET scope = '{"entities": ["jobs"]}' WHERE company_id = %s""")
    take(desk)
    take(desk, entities=["jobs"])
    command_loop(desk).reads_to_stop([desk.company_id])
    assert len(desk.events.of_type("started")) == 1


@pytest.mark.parametrize(
    ("kind", "stops"), [("pause", True), ("cancel", True), ("disconnect", True), ("resume", False)]
)
def test_read_under_way_stops_for_what_cannot_wait(desk: Desk, kind: str, stops: bool) -> None:
    running(desk)
    take(desk, type=kind)
    assert (desk.company_id in command_loop(desk).reads_to_stop([desk.company_id])) == stops
    assert command_loop(desk).reads_to_stop([]) == set()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "sync"}, "Recent read. About"),
        ({"type": "full-sync"}, "Full read. About"),
        ({"type": "backfill", "from_date": 20_000, "to_date": 20_001}, "Backfill read. About"),
        ({"type": "release-deletions"}, "No deletion is held."),
        ({"type": "pause"}, "Reading would be paused. No command waits; no read is under way."),
        ({"type": "resume"}, "Reading would go on."),
        ({"type": "cancel"}, "No command waits; no read is under way."),
        ({"type": "disconnect"}, "The company would be disconnected"),
    ],
)
def test_dry_run_is_answered_at_once_and_changes_nothing(read_desk: Desk, changes: dict[str, Any], said: str) -> None:
    before = read_desk.connection()
    requests = len(read_desk.source.requests)
    command_id = take(read_desk, dry_run=True, **changes)
    end = last(read_desk, command_id)
    assert end.type == "completed"
    assert str(end.message).startswith(said)
    assert read_desk.connection() == before
    assert len(read_desk.source.requests) == requests


def test_dry_run_of_a_full_read_is_near_what_the_read_takes(read_desk: Desk) -> None:
    command_id = take(read_desk, type="full-sync", dry_run=True)
    told = str(last(read_desk, command_id).message)
    before = len(read_desk.source.requests)
    read_desk.run_full()
    asked = len(read_desk.source.requests) - before
    expected = int(told.split(" requests", maxsplit=1)[0].rsplit(maxsplit=1)[-1].replace(",", ""))
    assert abs(expected - asked) <= asked // 5, (told, asked)


def test_backfill_publishes_again_what_it_reads_of_those_days_alone(read_desk: Desk) -> None:
    rows = read_desk.sql(
        "SELECT local_day FROM integration.source_state WHERE company_id = %s AND local_day IS NOT NULL"
    )
    days = sorted(row["local_day"] for row in rows)
    first = to_days(days[len(days) // 2])
    mark = read_desk.mark()
    command_id = take(read_desk, type="backfill", entities=["time-entries"], from_date=first, to_date=first + 6)
    read_desk.run(due=False)
    end = last(read_desk, command_id)
    changed = read_desk.changes("time-entries", since=mark)
    assert end.counts is not None
    assert len(changed) == end.counts["updated"] > 0
    assert {change["op"] for change in changed} == {"UPDATE"}
    assert read_desk.changes("jobs", since=mark) == []
    complete = [event for event in read_desk.events.of_type("entity-complete") if event.entity == "time-entries"]
    assert (complete[-1].to_date is not None, complete[-1].complete_through) == (True, None)


def test_backfill_wipes_out_no_column_that_is_suddenly_empty(read_desk: Desk) -> None:
    mark = read_desk.mark()
    read_desk.sandbox.set_switches(fields=[{"entity": "time-entries", "field": "regularTime", "change": "null"}])
    command_id = take(read_desk, type="backfill", entities=["time-entries"])
    read_desk.run(due=False)
    assert "without regularTime" in str(last(read_desk, command_id).message)
    assert read_desk.changes("time-entries", since=mark) == []


def test_disconnect_forgets_password_and_session(read_desk: Desk) -> None:
    command_id = take(read_desk, type="disconnect")
    read_desk.run(due=False)
    assert last(read_desk, command_id).type == "completed"
    assert read_desk.connection().state == "disconnected"
    assert read_desk.sql("SELECT 1 FROM integration.credentials WHERE company_id = %s") == []
    assert read_desk.state_ids("jobs")


def test_replay_is_done_for_a_company_that_is_not_read(read_desk: Desk) -> None:
    read_desk.sql("UPDATE integration.connections SET state = 'paused' WHERE company_id = %s")
    command_id = take(read_desk, type="replay-dead-letters", entities=["jobs"])
    read_desk.run(due=False)
    assert [one.command_id for one in read_desk.replayed] == [command_id]
    assert last(read_desk, command_id).message == "Dead letters: 0 put through."
