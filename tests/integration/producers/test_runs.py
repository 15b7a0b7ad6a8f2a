"""Runs find what changed and nothing else: the raw topics, folded, are what the source shows."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import RetriableError
from core.kafka.record_headers import RecordHeaders
from producers.runs.messages import Message
from sandbox.client import SandboxControl
from tests.integration.producers.fix_runs import Desk, DeskMaker

ENTITIES = ("jobs", "users", "cost-codes", "budgets", "time-entries")


def everything(sandbox: SandboxControl, kind: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while page := sandbox.listed(kind, limit=1000, offset=len(rows)):
        rows += page
    return rows


def newest_shift(sandbox: SandboxControl, **filters: Any) -> dict[str, Any]:
    return next(shift for shift in sandbox.listed("shifts", **filters) if shift["time_out"])


def ops(desk: Desk, entity: str, *, since: int) -> list[tuple[str, str]]:
    return [(change["op"], change["entity_id"]) for change in desk.changes(entity, since=since)]


# Whatever overtime a made-up shift has, it fits.
A_DAY_IN_WINTER = {
    "time_in": "2026-01-05T08:00:00",
    "time_out": "2026-01-05T16:00:00",
    "overtime_minutes": 0,
    "break_minutes": 0,
}


def test_initial_run_publishes_everything_as_snapshots(read_desk: Desk) -> None:
    folded = {entity: read_desk.folded(entity) for entity in ENTITIES}
    assert {change["op"] for table in folded.values() for change in table.values()} == {"SNAPSHOT"}
    shifts = {str(shift["id"]): shift for shift in everything(read_desk.sandbox, "shifts")}
    assert set(folded["time-entries"]) == set(shifts) == read_desk.state_ids("time-entries")
    for entity_id, shift in shifts.items():
        after = folded["time-entries"][entity_id]["after"]
        assert (after["regularTime"], after["jobId"], after["userID"]) == (
            shift["regular_minutes"],
            shift["job_id"],
            shift["user_id"],
        )
    assert set(folded["jobs"]) == {str(job["id"]) for job in everything(read_desk.sandbox, "jobs")}
    assert set(folded["users"]) == {str(user["id"]) for user in everything(read_desk.sandbox, "users")}
    listed = {str(code["id"]) for code in everything(read_desk.sandbox, "cost-codes")}
    named = {str(code) for shift in shifts.values() for code in shift["cost_code_ids"]}
    by_shifts = {key for key, code in folded["cost-codes"].items() if code["after"]["statedBy"] == "shift"}
    assert listed <= set(folded["cost-codes"])
    assert set(folded["cost-codes"]) - listed <= by_shifts
    assert named <= set(folded["cost-codes"])
    lines = everything(read_desk.sandbox, "budget-lines")
    assert set(folded["budgets"]) == {f"{line['job_id']}:{line['cost_code_id']}" for line in lines}


def test_initial_run_makes_the_connection_connected_and_complete(read_desk: Desk) -> None:
    connection = read_desk.connection()
    assert (connection.state, connection.fault) == ("connected", None)
    assert connection.builder_id == str(read_desk.sandbox.company["builder_id"])
    assert connection.initial_done_at == connection.last_full_at == connection.last_success_at
    assert connection.initial_done_at is not None


def test_second_run_of_an_unchanged_source_publishes_nothing(read_desk: Desk) -> None:
    before = read_desk.mark()
    (completed,) = [event for event in read_desk.run() if event.type == "completed"]
    assert read_desk.mark() == before
    assert completed.counts is not None
    assert (completed.counts["created"], completed.counts["updated"], completed.counts["deleted"]) == (0, 0, 0)
    read_desk.run_full()
    assert read_desk.mark() == before


def test_runs_keep_one_session_and_one_request_in_flight(read_desk: Desk) -> None:
    read_desk.run()
    counters = read_desk.sandbox.counters()
    assert (counters["sign_ins"]["successful"], counters["sign_ins"]["failed"]) == (1, 0)
    assert counters["most_in_flight"] == 1


def test_edit_addition_and_deletion_of_shifts_are_found_and_nothing_else(read_desk: Desk) -> None:
    sandbox, before = read_desk.sandbox, read_desk.mark()
    edited, gone, *_ = [shift for shift in sandbox.listed("shifts") if shift["time_out"]]
    sandbox.edit_shift(edited["id"], regular_minutes=123)
    sandbox.delete_shift(gone["id"])
    added = sandbox.add_shift(
        job_id=edited["job_id"],
        user_id=edited["user_id"],
        time_in="2026-06-16T07:00:00",
        time_out="2026-06-16T15:00:00",
    )
    read_desk.run()
    found = ops(read_desk, "time-entries", since=before)
    assert sorted(found) == sorted(
        [("UPDATE", str(edited["id"])), ("CREATE", str(added["id"])), ("DELETE", str(gone["id"]))]
    )
    assert read_desk.mark() == before + 4, "three changes and one tombstone"
    assert read_desk.folded("time-entries")[str(edited["id"])]["after"]["regularTime"] == 123
    assert str(gone["id"]) not in read_desk.state_ids("time-entries")


def test_deleted_and_returned_shift_is_created_anew_with_a_higher_version(read_desk: Desk) -> None:
    sandbox = read_desk.sandbox
    shift = newest_shift(sandbox)
    sandbox.delete_shift(shift["id"])
    read_desk.run()
    version = max(change["version"] for change in read_desk.changes("time-entries"))
    sandbox.edit_shift(newest_shift(sandbox)["id"], regular_minutes=77)
    before = read_desk.mark()
    read_desk.run()
    (change,) = read_desk.changes("time-entries", since=before)
    assert change["version"] > version


def test_versions_of_a_company_strictly_increase_over_everything_published(read_desk: Desk) -> None:
    read_desk.sandbox.edit_shift(newest_shift(read_desk.sandbox)["id"], regular_minutes=77)
    read_desk.run()
    records = [message for message in read_desk.publisher.messages if message.value is not None]
    versions = [RecordHeaders.decode(message.headers).version for message in records]
    assert versions == sorted(set(versions))


def test_rename_of_a_job_and_change_of_a_budget_are_updates_of_those_alone(read_desk: Desk) -> None:
    sandbox, before = read_desk.sandbox, read_desk.mark()
    line = next(
        line
        for line in everything(sandbox, "budget-lines")
        if sandbox.record("jobs", line["job_id"])["status"] in (1, 3)
    )
    sandbox.edit("budget-lines", line["id"], original=4321.5)
    sandbox.rename_job(line["job_id"], "Renamed")
    read_desk.run()
    assert ops(read_desk, "jobs", since=before) == [("UPDATE", str(line["job_id"]))]
    budget_id = f"{line['job_id']}:{line['cost_code_id']}"
    assert ops(read_desk, "budgets", since=before) == [("UPDATE", budget_id)]
    shifts = sandbox.listed("shifts", job_id=line["job_id"], limit=1000)
    inside = {("UPDATE", str(shift["id"])) for shift in shifts if shift["time_in"] >= "2026-05-13"}
    # The last page of the window shows some of the days before it.
    found = set(ops(read_desk, "time-entries", since=before))
    assert inside <= found <= {("UPDATE", str(shift["id"])) for shift in shifts}


def test_user_that_left_is_deleted(read_desk: Desk) -> None:
    user = read_desk.sandbox.add("users", first_name="Una", last_name="Lee")
    read_desk.run()
    before = read_desk.mark()
    read_desk.sandbox.delete("users", user["id"])
    # Shifts outside the window may name her: only a read of all of them lets her go.
    read_desk.run()
    assert ops(read_desk, "users", since=before) == []
    read_desk.run_full()
    assert ops(read_desk, "users", since=before) == [("DELETE", str(user["id"]))]


def test_deleted_job_goes_with_its_shifts_and_its_budget(read_desk: Desk) -> None:
    """Nobody asks for the budget of a job that is no longer listed: its lines must go all the same."""
    sandbox = read_desk.sandbox
    job = sandbox.add("jobs", name="Short-lived", status=1)
    codes = sandbox.listed("cost-codes")[:3]
    for code in codes:
        sandbox.add("budget-lines", job_id=job["id"], cost_code_id=code["id"], original=10)
    read_desk.run()
    lines = {f"{job['id']}:{code['id']}" for code in codes}
    assert lines <= read_desk.state_ids("budgets")
    before = read_desk.mark()
    sandbox.delete("jobs", job["id"])
    read_desk.run()
    assert ops(read_desk, "jobs", since=before) == [("DELETE", str(job["id"]))]
    assert set(ops(read_desk, "budgets", since=before)) == {("DELETE", line) for line in lines}


def test_closed_jobs_budget_is_not_deleted_by_recent_reads(read_desk: Desk) -> None:
    sandbox = read_desk.sandbox
    line = next(
        line for line in everything(sandbox, "budget-lines") if sandbox.record("jobs", line["job_id"])["status"]
    )
    sandbox.close_job(line["job_id"])
    read_desk.run()
    read_desk.run()
    assert f"{line['job_id']}:{line['cost_code_id']}" in read_desk.state_ids("budgets")
    assert not [change for change in read_desk.changes("budgets") if change["op"] == "DELETE"]


def test_shift_corrected_to_before_the_window_is_an_update_not_a_deletion(read_desk: Desk) -> None:
    sandbox, before = read_desk.sandbox, read_desk.mark()
    shift = newest_shift(sandbox)
    sandbox.edit_shift(shift["id"], **A_DAY_IN_WINTER)
    read_desk.run()
    assert ops(read_desk, "time-entries", since=before) == [("UPDATE", str(shift["id"]))]


def test_many_shifts_corrected_to_before_the_window_are_updates_and_pull_no_brake(read_desk: Desk) -> None:
    sandbox, before = read_desk.sandbox, read_desk.mark()
    moved = sandbox.listed("shifts", limit=60)
    for shift in moved:
        sandbox.edit_shift(shift["id"], **A_DAY_IN_WINTER)
    events = read_desk.run()
    assert not [event for event in events if event.type == "held"]
    assert {op for op, _ in ops(read_desk, "time-entries", since=before)} == {"UPDATE"}
    assert len(ops(read_desk, "time-entries", since=before)) == len(moved)


def test_shift_edited_behind_the_window_is_found_by_the_full_read(read_desk: Desk) -> None:
    sandbox, before = read_desk.sandbox, read_desk.mark()
    oldest = everything(sandbox, "shifts")[-1]
    assert oldest["time_in"] < "2026-05-13"
    sandbox.edit_shift(oldest["id"], regular_minutes=99)
    read_desk.run()
    assert ops(read_desk, "time-entries", since=before) == []
    read_desk.run_full()
    assert ops(read_desk, "time-entries", since=before) == [("UPDATE", str(oldest["id"]))]


def test_import_from_bounds_what_is_read(new_desk: DeskMaker, sandbox_company: SandboxControl) -> None:
    desk = new_desk(sandbox_company)
    desk.connect(import_from="2026-06-01")
    desk.run()
    expected = {str(shift["id"]) for shift in everything(desk.sandbox, "shifts") if shift["time_in"] >= "2026-06-01"}
    assert set(desk.folded("time-entries")) == expected


def test_time_zone_changed_in_connect_publishes_everything_again(read_desk: Desk) -> None:
    read_desk.connect(time_zone="America/Chicago")
    before = read_desk.mark()
    # The next read, whatever is due: those before the window have other instants, too.
    read_desk.run()
    assert {op for op, _ in ops(read_desk, "time-entries", since=before)} == {"UPDATE"}
    assert {change["time_zone"] for change in read_desk.folded("time-entries").values()} == {"America/Chicago"}


def test_unpublishable_batch_is_recorded_nowhere_and_published_later(read_desk: Desk) -> None:
    sandbox, before = read_desk.sandbox, read_desk.mark()
    shift = newest_shift(sandbox)
    sandbox.edit_shift(shift["id"], regular_minutes=55)

    def away(_: list[Message]) -> None:
        raise RetriableError("Kafka is away")

    read_desk.publisher.before_commit = away
    assert not [event for event in read_desk.run() if event.type in {"completed", "failed"}]
    read_desk.publisher.before_commit = lambda _: None
    read_desk.sql("UPDATE integration.connections SET lease_expires_at = '-infinity' WHERE company_id = %s")
    read_desk.run()
    assert ops(read_desk, "time-entries", since=before) == [("UPDATE", str(shift["id"]))]


def test_crash_between_kafka_and_the_database_publishes_again_under_a_higher_version(read_desk: Desk) -> None:
    sandbox, before = read_desk.sandbox, read_desk.mark()
    shift = newest_shift(sandbox)
    sandbox.edit_shift(shift["id"], regular_minutes=55)

    def lose_the_lease(_: list[Message]) -> None:
        read_desk.sql("UPDATE integration.connections SET lease_epoch = lease_epoch + 1 WHERE company_id = %s")

    read_desk.publisher.before_commit = lose_the_lease
    read_desk.run()
    read_desk.publisher.before_commit = lambda _: None
    read_desk.sql("UPDATE integration.connections SET lease_expires_at = '-infinity' WHERE company_id = %s")
    read_desk.run()
    first, second = read_desk.changes("time-entries", since=before)
    assert first["after"] == second["after"]
    assert first["version"] < second["version"]


def test_pages_of_runs_that_were_cut_short_are_not_kept(read_desk: Desk) -> None:
    read_desk.sandbox.edit_shift(newest_shift(read_desk.sandbox)["id"], regular_minutes=55)

    def away(_: list[Message]) -> None:
        raise RetriableError("Kafka is away")

    read_desk.publisher.before_commit = away
    read_desk.run()
    read_desk.publisher.before_commit = lambda _: None
    read_desk.sql("UPDATE integration.connections SET lease_expires_at = '-infinity' WHERE company_id = %s")
    read_desk.run()
    pages = read_desk.sql(
        "SELECT p.page FROM integration.run_pages AS p JOIN integration.runs USING (run_id) WHERE company_id = %s"
    )
    assert pages == []


@pytest.mark.parametrize("spelling", [{"cost_code_fields": "costCodeId-displayCode-name"}, {"cost_code_place": "data"}])
def test_other_spelling_of_the_source_is_no_change(read_desk: Desk, spelling: dict[str, str]) -> None:
    before = read_desk.mark()
    read_desk.sandbox.set_switches(**spelling)
    read_desk.run_full()
    assert read_desk.mark() == before


def test_run_stores_what_its_answers_say_for_and_against_known_facts(read_desk: Desk) -> None:
    def counts() -> dict[str, tuple[int, int]]:
        rows = read_desk.sql("SELECT fact, held, contradicted FROM integration.evidence WHERE company_id = %s")
        return {row["fact"]: (row["held"], row["contradicted"]) for row in rows}

    first = counts()
    assert first["T8"][0] > 100
    assert first["G7"][0] > 0
    assert sum(contradicted for fact, (_, contradicted) in first.items() if fact in ("T8", "G7", "G15", "T6")) == 0
    shift = newest_shift(read_desk.sandbox)
    read_desk.sandbox.edit_shift(shift["id"], regular_minutes=shift["regular_minutes"] + 30)
    read_desk.run()
    assert counts()["T8"] == (first["T8"][0], 1)
    (row,) = read_desk.sql(
        "SELECT first_contradicted_at, last_contradicted_at FROM integration.evidence"
        " WHERE company_id = %s AND fact = 'T8'"
    )
    assert row["first_contradicted_at"] == row["last_contradicted_at"]


def zones_of(desk: Desk) -> set[str]:
    return {change["time_zone"] for change in desk.folded("time-entries").values()}


@pytest.mark.parametrize("form", ["iana", "windows"])
def test_zone_that_buildertrend_states_wins_over_the_admins_from_the_first_record_on(
    new_desk: DeskMaker, sandbox_company: SandboxControl, form: str
) -> None:
    stated = sandbox_company.company["time_zone"]
    sandbox_company.set_switches(stated_time_zone=form)
    desk = new_desk(sandbox_company)
    desk.connect(time_zone="Asia/Tokyo")
    desk.run()
    assert (desk.connection().time_zone, desk.mark()) == (stated, 0)
    assert str(desk.connection().hint).startswith(f"Buildertrend states {stated} as this account's time zone.")
    assert [event.type for event in desk.run()].count("completed") == 1
    assert zones_of(desk) == {stated}
    before = desk.mark()
    desk.run_full()
    assert desk.mark() == before


def test_zone_that_is_stated_in_turns_changes_nothing(read_desk: Desk) -> None:
    chosen, before = read_desk.connection().time_zone, read_desk.mark()

    def state(zone: str) -> None:
        statement = "UPDATE integration.connections SET stated_time_zone = '" + zone + "' WHERE company_id = %s"
        read_desk.sql(statement)

    read_desk.sandbox.set_switches(stated_time_zone="iana")
    for other in ("Asia/Tokyo", "Asia/Tokyo"):
        state(other)
        read_desk.run()
    assert (read_desk.connection().time_zone, read_desk.mark()) == (chosen, before)


def test_another_zone_than_was_stated_before_is_taken_when_it_is_stated_twice(read_desk: Desk) -> None:
    stated = read_desk.connection().time_zone
    read_desk.sandbox.set_switches(stated_time_zone="iana")
    read_desk.sql(
        "UPDATE integration.connections SET time_zone = 'Asia/Tokyo', stated_time_zone = 'Asia/Tokyo',"
        " hint = 'A remark. Buildertrend states Asia/Tokyo as this account''s time zone.' WHERE company_id = %s"
    )
    read_desk.run()
    assert read_desk.connection().time_zone == "Asia/Tokyo"
    read_desk.run()
    assert (read_desk.connection().time_zone, read_desk.connection().last_full_at) == (stated, None)
    hint = str(read_desk.connection().hint)
    assert hint.startswith(f"A remark. Buildertrend states {stated} as this account's time zone.")
    assert hint.count("Buildertrend states") == 1, "The hint does not grow with each change of the zone."
    read_desk.run()
    assert zones_of(read_desk) == {stated}
    assert read_desk.connection().last_full_at is not None
