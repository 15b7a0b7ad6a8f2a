"""Glances: what is new on the newest page is published by one request, and nothing else of the connection changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from producers.sync_events import SyncEvent
from tests.integration.producers.fix_runs import NOON, Desk

GRID = "/api/TimeClock/Grid"
REAL_STATE = "state, fault, message, next_due_at, last_success_at, last_full_at, failures"


def glance(desk: Desk) -> list[SyncEvent]:
    """The connection's glance is due, no read is."""
    desk.sql(
        "UPDATE integration.connections SET next_glance_at = now() - interval '1 second',"
        " next_due_at = now() + interval '1 hour' WHERE company_id = %s"
    )
    lease = desk.lease()
    assert lease is not None
    return desk.work(lease)


def state(desk: Desk, columns: str = REAL_STATE) -> dict[str, Any]:
    (row,) = desk.sql(f"SELECT {columns} FROM integration.connections WHERE company_id = %s")
    return dict(row)


def sent(desk: Desk, since: int) -> list[str]:
    return [request.url.path for request in desk.source.requests[since:]]


def add_shift(desk: Desk) -> str:
    job = next(job for job in desk.sandbox.listed("jobs") if job["id"])
    user = desk.sandbox.listed("users")[0]
    shift = desk.sandbox.add_shift(
        job_id=job["id"], user_id=user["id"], time_in="2026-06-17T11:00:00", time_out="2026-06-17T11:30:00"
    )
    return str(shift["id"])


def run_rows(desk: Desk) -> list[dict[str, Any]]:
    return desk.sql("SELECT * FROM integration.runs WHERE company_id = %s ORDER BY run_seq")


def test_glance_publishes_a_new_shift_by_one_request(read_desk: Desk) -> None:
    shift_id, since, before = add_shift(read_desk), read_desk.mark(), len(read_desk.source.requests)
    assert glance(read_desk) == []
    assert sent(read_desk, before) == [GRID]
    assert [(one["op"], one["entity_id"]) for one in read_desk.changes("time-entries", since=since)] == [
        ("CREATE", shift_id)
    ]


def test_glance_publishes_an_edit_and_takes_no_missing_shift_for_deleted(read_desk: Desk) -> None:
    newest, other = [one for one in read_desk.sandbox.listed("shifts") if one["time_out"]][:2]
    read_desk.sandbox.edit_shift(newest["id"], notes="Poured the slab.")
    read_desk.sandbox.delete_shift(other["id"])
    since = read_desk.mark()
    glance(read_desk)
    assert [(one["op"], one["entity_id"]) for one in read_desk.changes("time-entries", since=since)] == [
        ("UPDATE", str(newest["id"]))
    ]


def test_glance_without_anything_new_leaves_no_trace_but_the_next_one(read_desk: Desk) -> None:
    rows, reads = run_rows(read_desk), read_desk.sql("SELECT * FROM integration.entity_reads WHERE company_id = %s")
    since, events = read_desk.mark(), len(read_desk.events.written)
    glance(read_desk)
    assert run_rows(read_desk) == rows
    assert read_desk.sql("SELECT * FROM integration.entity_reads WHERE company_id = %s") == reads
    assert (read_desk.mark(), len(read_desk.events.written)) == (since, events)
    following = state(read_desk, "next_glance_at")["next_glance_at"] - read_desk.clock.now()
    assert timedelta(seconds=540) <= following <= timedelta(seconds=600)


def test_glance_that_published_is_the_run_of_its_records_and_tells_nobody(read_desk: Desk) -> None:
    shift_id, events = add_shift(read_desk), len(read_desk.events.written)
    glance(read_desk)
    last = run_rows(read_desk)[-1]
    assert (last["read"], last["state"], last["position"]) == ("glance", "completed", 1)
    assert last["counts"]["time-entries"]["created"] == 1
    record = read_desk.folded("time-entries")[shift_id]
    assert (record["run_id"], record["version"] >> 24) == (str(last["run_id"]), last["run_seq"])
    assert len(read_desk.events.written) == events


def test_glance_is_no_read_of_the_schedule_and_completes_no_command(read_desk: Desk) -> None:
    add_shift(read_desk)
    before = state(read_desk, "last_success_at, last_full_at, fault, failures")
    glance(read_desk)
    assert state(read_desk, "last_success_at, last_full_at, fault, failures") == before
    command_id = read_desk.command(type="sync", entities=["time-entries"])
    events = glance(read_desk)
    assert [event.type for event in events if event.command_id == command_id][-1] == "completed"
    assert run_rows(read_desk)[-1]["read"] == "recent"


def test_no_glance_before_everything_was_read_once(desk: Desk) -> None:
    assert state(desk, "next_glance_at::text")["next_glance_at"] == "infinity"
    desk.sandbox.set_switches(budgets_endpoint="no-permission")
    desk.run()
    assert state(desk, "next_glance_at::text")["next_glance_at"] == "infinity"


def test_read_puts_the_next_glance_off_and_glances_can_be_switched_off(read_desk: Desk) -> None:
    following = state(read_desk, "next_glance_at")["next_glance_at"] - NOON
    assert timedelta(seconds=540) <= following <= timedelta(seconds=660)
    read_desk.settings = read_desk.settings.model_copy(update={"glance_interval_s": 0})
    glance(read_desk)
    assert state(read_desk, "next_glance_at::text")["next_glance_at"] == "infinity"


def test_glance_that_fails_is_put_off_longer_each_time_and_changes_no_read(read_desk: Desk) -> None:
    before, rows, events = state(read_desk, "fault, failures"), run_rows(read_desk), len(read_desk.events.written)
    pauses = []
    for _ in range(3):
        read_desk.sandbox.set_switches(fail_next=[{"path_contains": GRID, "status": 503, "times": 5}])
        glance(read_desk)
        read_desk.sandbox.heal()
        pauses.append((state(read_desk, "next_glance_at")["next_glance_at"] - read_desk.clock.now()).total_seconds())
    assert 1080 <= pauses[0] <= 1200
    assert 2160 <= pauses[1] <= 2400
    assert 4320 <= pauses[2] <= 4800
    assert state(read_desk, "fault, failures") == before
    assert (run_rows(read_desk), len(read_desk.events.written)) == (rows, events)
    glance(read_desk)
    assert state(read_desk, "glance_failures")["glance_failures"] == 0


def test_pause_that_the_source_asks_a_glance_for_holds_for_the_reads_too(read_desk: Desk) -> None:
    read_desk.sandbox.set_switches(fail_next=[{"path_contains": GRID, "status": 429, "times": 1, "retry_after": 9_000}])
    glance(read_desk)
    due = state(read_desk, "next_due_at, next_glance_at")
    read_desk.sandbox.heal()
    assert due["next_glance_at"] >= read_desk.clock.now() + timedelta(seconds=8_900)


def test_what_only_a_read_can_tell_people_makes_one_due(read_desk: Desk) -> None:
    read_desk.sandbox.set_switches(time_clock_endpoint="no-permission")
    glance(read_desk)
    assert state(read_desk, "fault")["fault"] is None
    (due,) = read_desk.sql("SELECT next_due_at <= now() AS now FROM integration.connections WHERE company_id = %s")
    assert due["now"]
    read_desk.run(due=False)
    assert state(read_desk, "fault")["fault"] == "no-permission"


def test_failed_read_puts_off_glances_until_it_is_tried_again(read_desk: Desk) -> None:
    read_desk.sandbox.set_switches(time_clock_endpoint="no-permission")
    read_desk.run()
    now = state(read_desk, "next_due_at, next_glance_at")
    assert now["next_glance_at"] >= now["next_due_at"]


def test_shifts_of_another_account_are_not_published(read_desk: Desk) -> None:
    add_shift(read_desk)
    read_desk.sql("UPDATE integration.connections SET builder_id = '1' WHERE company_id = %s")
    since = read_desk.mark()
    glance(read_desk)
    assert read_desk.mark() == since
    read_desk.run(due=False)
    pending = state(read_desk, "fault, pending_builder_id")
    assert pending == {"fault": "wrong-credentials", "pending_builder_id": str(read_desk.sandbox.company["builder_id"])}


def test_wrong_password_in_a_glance_stops_the_connection_and_says_so(read_desk: Desk) -> None:
    read_desk.sandbox.change_company(password="changed!")
    read_desk.sandbox.end_sessions()
    events = glance(read_desk)
    assert [(event.type, event.fault) for event in events] == [("failed", "wrong-credentials")]
    assert state(read_desk, "state, fault") == {"state": "needs-attention", "fault": "wrong-credentials"}
    assert read_desk.lease() is None


def test_glance_between_a_read_that_failed_and_its_next_try_costs_it_no_page(read_desk: Desk) -> None:
    read_desk.clock.move(read_desk.settings.full_sync_interval_s + 1)
    read_desk.sandbox.set_switches(budgets_endpoint="no-permission")
    read_desk.run()
    read_desk.sandbox.heal()
    add_shift(read_desk)
    glance(read_desk)
    assert run_rows(read_desk)[-1]["read"] == "glance"
    before = len(read_desk.source.requests)
    read_desk.run()
    assert GRID not in sent(read_desk, before)


def test_changes_that_a_crash_left_in_doubt_are_not_forgotten_by_a_glance(read_desk: Desk) -> None:
    shift = next(one for one in read_desk.sandbox.listed("shifts") if one["time_out"])
    read_desk.sql(
        "INSERT INTO integration.announcements (company_id, entity, entity_ids, fingerprints, versions, local_days,"
        f" parent_ids) SELECT %s, 'time-entries', ARRAY['{shift['id']}'], ARRAY['\\x{'00' * 16}'::bytea], ARRAY[1],"
        " ARRAY[NULL::date], ARRAY[NULL::text]"
    )
    since = read_desk.mark()
    glance(read_desk)
    assert [one["entity_id"] for one in read_desk.changes("time-entries", since=since)] == [str(shift["id"])]


@pytest.mark.parametrize("read", ["glance", "recent"])
def test_a_read_that_is_due_goes_before_a_glance(read_desk: Desk, read: str) -> None:
    add_shift(read_desk)
    read_desk.sql(
        "UPDATE integration.connections SET next_glance_at = now() - interval '1 second' WHERE company_id = %s"
    )
    if read == "recent":
        read_desk.run()
    else:
        glance(read_desk)
    assert run_rows(read_desk)[-1]["read"] == read


def test_reads_learn_when_the_company_works(read_desk: Desk) -> None:
    hours = state(read_desk, "working_hours")["working_hours"]
    shifts = [one for one in read_desk.sandbox.listed("shifts", limit=1000) if one["time_in"] >= "2026-05-14"]
    starts = sorted(one["time_in"][11:16] for one in shifts)
    usual = hours["0"]
    assert usual[0] <= int(starts[len(starts) // 2][:2]) * 60 + 59
    assert usual[1] - usual[0] < 16 * 60
    assert "6" not in hours


def test_stated_timeout_of_the_session_brings_the_next_glance_before_it_is_over(read_desk: Desk) -> None:
    stated = state(read_desk, "session_timeout_s")["session_timeout_s"]
    assert stated is not None
    read_desk.clock.move(12 * 3600)
    read_desk.run()
    night = state(read_desk, "next_glance_at")["next_glance_at"] - read_desk.clock.now()
    assert night <= timedelta(seconds=max(stated * 0.8, 300))
