"""Whatever goes wrong in a run: nothing is deleted that exists, nothing blanked, and no account locked out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.kafka.record_headers import RecordHeaders
from producers.buildertrend.account import Account
from producers.buildertrend.bodies import JobBatch, PageAsk
from producers.runs.messages import Message
from producers.sync_events import SyncEvent
from sandbox.client import SandboxControl
from schemas.faults import BLOCKED, MFA_REQUIRED, SESSION_EXPIRED, WRONG_CREDENTIALS
from tests.fix_source import CompanyMaker
from tests.integration.producers.fix_runs import Desk, DeskMaker

GRID, BUDGET, WORKSHEET = "TimeClock/Grid", "JobCostingBudget", "Worksheet"


def deleted(desk: Desk, entity: str | None = None) -> list[str]:
    entities = [entity] if entity else ["jobs", "users", "cost-codes", "budgets", "time-entries"]
    return [change["entity_id"] for name in entities for change in desk.changes(name) if change["op"] == "DELETE"]


def end_of(events: list[SyncEvent]) -> SyncEvent:
    (last,) = [event for event in events if event.type in {"completed", "failed"}]
    return last


def fail(desk: Desk, path: str, status: int, *, times: int = 99) -> None:
    desk.sandbox.set_switches(fail_next=[{"path_contains": path, "status": status, "times": times}])


def remove_shifts(desk: Desk, count: int) -> list[str]:
    shifts = desk.sandbox.listed("shifts", limit=count)
    for shift in shifts:
        desk.sandbox.delete_shift(shift["id"])
    return [str(shift["id"]) for shift in shifts]


@pytest.mark.parametrize(("path", "status"), [(GRID, 500), (GRID, 404), (GRID, 403), ("jobpicker", 500)])
def test_failed_read_deletes_nothing_and_says_why(read_desk: Desk, path: str, status: int) -> None:
    remove_shifts(read_desk, 3)
    fail(read_desk, path, status)
    end = end_of(read_desk.run())
    assert end.type == "failed"
    assert end.fault == ("no-permission" if status == 403 else "source-unavailable")
    assert deleted(read_desk) == []
    connection = read_desk.connection()
    assert (connection.state, connection.fault) == ("connected", end.fault)


def test_read_that_fails_behind_its_first_page_deletes_nothing(read_desk: Desk) -> None:
    gone = remove_shifts(read_desk, 3)
    calls: list[int] = []
    original = Account.shifts

    def second_page_fails(account: Account, batch: JobBatch, ask: PageAsk) -> Any:
        calls.append(ask.number)
        if ask.number == 2:
            fail(read_desk, GRID, 500)
        return original(account, batch, ask)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Account, "shifts", second_page_fails)
        assert end_of(read_desk.run_full()).type == "failed"
    assert calls[:2] == [1, 2]
    assert calls.count(2) == 1, "smaller batches are tried from their first page"
    assert deleted(read_desk) == []
    read_desk.sandbox.set_switches(fail_next=[])
    read_desk.run_full()
    assert sorted(deleted(read_desk)) == sorted(gone)


def test_second_look_that_fails_deletes_nothing(read_desk: Desk) -> None:
    remove_shifts(read_desk, 3)
    seen: list[int] = []
    original = Account.shifts

    def second_look_fails(account: Account, batch: JobBatch, ask: PageAsk) -> Any:
        seen.append(ask.number)
        if seen.count(1) == 2:
            fail(read_desk, GRID, 500)
        return original(account, batch, ask)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Account, "shifts", second_look_fails)
        assert end_of(read_desk.run_full()).type == "failed"
    assert deleted(read_desk) == []


def test_record_that_the_second_look_shows_again_is_not_deleted(read_desk: Desk) -> None:
    """Pages shift while people edit: what slipped between two of them is still there."""
    shown: list[Any] = []
    original = Account.shifts

    def first_look_misses_two(account: Account, batch: JobBatch, ask: PageAsk) -> Any:
        found = original(account, batch, ask)
        if not shown:
            shown.extend(found.rows[:2])
            del found.rows[:2]
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Account, "shifts", first_look_misses_two)
        assert end_of(read_desk.run()).type == "completed"
    assert len(shown) == 2
    assert deleted(read_desk) == []


@pytest.mark.parametrize(("count", "held"), [(20, False), (21, False), (45, False), (46, True)])
def test_brake_boundary_of_a_full_read(*, read_desk: Desk, count: int, held: bool) -> None:
    """Of 450 shifts, 45 are 10 %."""
    gone = remove_shifts(read_desk, count)
    events = read_desk.run_full()
    assert end_of(events).type == "completed"
    assert bool([event for event in events if event.type == "held"]) is held
    assert sorted(deleted(read_desk)) == ([] if held else sorted(gone))


def test_held_deletions_are_named_everywhere_and_end_with_the_records_return(
    new_desk: DeskMaker, sandbox_company: SandboxControl
) -> None:
    desk = new_desk(sandbox_company)
    desk.connect()
    desk.run()
    shifts = desk.sandbox.listed("shifts", limit=60)
    for shift in shifts:
        desk.sandbox.delete_shift(shift["id"])
    events = desk.run_full()
    (held,) = [event for event in events if event.type == "held"]
    assert held.entity == "time-entries"
    assert held.message is not None
    assert held.message.startswith("60 of 450 time-entries")
    assert "deletions are held: 60 time-entries" in str(end_of(events).message)
    (run,) = desk.sql("SELECT state, message FROM integration.runs WHERE company_id = %s ORDER BY run_seq DESC LIMIT 1")
    assert run["state"] == "held"
    assert desk.state_ids("time-entries") >= {str(shift["id"]) for shift in shifts}


def test_grid_that_shows_nothing_pulls_the_brake_though_the_window_is_a_small_part(
    new_desk: DeskMaker, sandbox_company: SandboxControl
) -> None:
    """An old account: the shifts of the window are under 10 % of all, and an empty grid is no reason to delete them."""
    desk = new_desk(sandbox_company)
    desk.connect()
    desk.run()
    desk.sql(
        "INSERT INTO integration.source_state (company_id, entity, entity_id, fingerprint, version, local_day)"
        " SELECT %s, 'time-entries', 'old-' || n, '\\x00', 1, '2020-01-01' FROM generate_series(1, 9000) AS n"
    )
    original = Account.shifts

    def empty(account: Account, batch: JobBatch, ask: PageAsk) -> Any:
        found = original(account, batch, ask)
        return type(found)([], 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Account, "shifts", empty)
        events = desk.run()
    assert [event.entity for event in events if event.type == "held"] == ["time-entries"]
    assert deleted(desk) == []


def test_grid_that_shows_less_than_it_states_is_incomplete_everywhere_and_tried_again_later(read_desk: Desk) -> None:
    read_desk.sandbox.edit_shift(read_desk.sandbox.listed("shifts")[0]["id"], regular_minutes=55)
    read_desk.sandbox.set_switches(paging=[{"entity": "time-entries", "fault": "short", "by": 100}])
    sync, jobs = read_desk.command(type="full-sync"), read_desk.command(entities=["jobs"])
    events = read_desk.run()
    ends = {event.command_id: (event.type, event.fault) for event in events if event.type in {"completed", "failed"}}
    assert ends == {sync: ("failed", "source-incomplete"), jobs: ("completed", None)}
    connection = read_desk.connection()
    assert (connection.state, connection.fault) == ("connected", "source-incomplete")
    assert "time-entries: Buildertrend stated 450 time entries and showed" in str(connection.message)
    assert [change["after"]["regularTime"] for change in read_desk.changes("time-entries")[-1:]] == [55]
    assert deleted(read_desk) == []
    reads = {
        row["entity"]: row for row in read_desk.sql("SELECT * FROM integration.entity_reads WHERE company_id = %s")
    }
    assert reads["time-entries"]["run_id"] != reads["jobs"]["run_id"]
    (short,) = read_desk.sql("SELECT * FROM integration.incomplete_reads WHERE company_id = %s")
    assert (short["entity"], short["times"], short["whole"]) == ("time-entries", 1, True)
    assert 900 <= (connection.next_due_at - read_desk.clock.now()).total_seconds() < 1200
    read_desk.make_due()
    read_desk.sandbox.heal("paging")
    assert end_of(read_desk.run()).type == "completed"
    assert read_desk.connection().fault == "source-incomplete", "A read of the window does not make a full one good."
    read_desk.sql("UPDATE integration.incomplete_reads SET retry_at = now() WHERE company_id = %s")
    assert end_of(read_desk.run()).type == "completed"
    assert read_desk.connection().fault is None
    assert read_desk.sql("SELECT * FROM integration.incomplete_reads WHERE company_id = %s") == []


def test_budget_module_that_fails_deletes_no_line(read_desk: Desk) -> None:
    before = read_desk.mark()
    fail(read_desk, BUDGET, 500, times=999)
    end = end_of(read_desk.run_full())
    assert (end.type, end.fault) == ("failed", "source-incomplete")
    assert "did not answer for the budgets of" in str(end.message)
    assert read_desk.mark() == before


def test_worksheet_module_that_fails_blanks_no_budgeted_hours(read_desk: Desk) -> None:
    before = read_desk.mark()
    with_hours = {key for key, change in read_desk.folded("budgets").items() if change["after"]["worksheetLines"]}
    assert with_hours
    fail(read_desk, WORKSHEET, 500, times=999)
    assert end_of(read_desk.run_full()).fault == "source-incomplete"
    assert read_desk.mark() == before


def test_account_without_worksheets_still_gets_its_budget_changes(
    new_desk: DeskMaker, sandbox_company: SandboxControl
) -> None:
    desk = new_desk(sandbox_company)
    desk.connect()
    fail(desk, WORKSHEET, 500, times=9999)
    desk.run()
    line = next(
        line
        for line in desk.sandbox.listed("budget-lines", limit=1000)
        if desk.sandbox.record("jobs", line["job_id"])["status"]
    )
    before = desk.mark()
    desk.sandbox.edit("budget-lines", line["id"], original=4321.5)
    desk.run()
    changed = desk.changes("budgets", since=before)
    assert [(change["op"], change["entity_id"]) for change in changed] == [
        ("UPDATE", f"{line['job_id']}:{line['cost_code_id']}")
    ]


@pytest.mark.parametrize("status", ["404", "500"])
def test_users_without_a_list_are_those_of_shifts_and_the_list_completes_them(
    new_desk: DeskMaker, sandbox_company: SandboxControl, status: str
) -> None:
    desk = new_desk(sandbox_company)
    desk.connect()
    desk.sandbox.set_switches(filters_endpoint=status)
    assert end_of(desk.run()).type == "completed"
    names = {str(shift["user_id"]): shift["user_name"] for shift in desk.sandbox.listed("shifts", limit=1000)}
    assert {key: change["after"]["name"] for key, change in desk.folded("users").items()} == names
    desk.sandbox.set_switches(filters_endpoint="ok")
    assert end_of(desk.run_full()).type == "completed"
    assert desk.folded("users").keys() == {str(user["id"]) for user in desk.sandbox.listed("users", limit=1000)}


def test_users_list_that_goes_missing_changes_no_user(read_desk: Desk) -> None:
    before = read_desk.mark()
    read_desk.sandbox.set_switches(filters_endpoint="500")
    assert end_of(read_desk.run_full()).type == "completed"
    assert read_desk.mark() == before


@pytest.mark.parametrize("signal", ["relogin", "401", "302", "html"])
def test_session_that_ends_mid_read_is_renewed_and_the_read_goes_on(
    new_desk: DeskMaker, sandbox_company: SandboxControl, signal: str
) -> None:
    desk = new_desk(sandbox_company)
    desk.connect()
    desk.sandbox.set_switches(session_calls=7, session_end_signal=signal)
    assert end_of(desk.run()).type == "completed"
    desk.sandbox.set_switches(session_calls=None)
    assert len(desk.folded("time-entries")) == desk.sandbox.company["shifts"]
    counters = desk.sandbox.counters()
    assert counters["sessions_ended"] >= 2
    assert counters["sign_ins"]["failed"] == 0
    assert deleted(desk) == []


def test_session_that_ends_at_once_is_a_fault_and_not_a_loop_of_sign_ins(read_desk: Desk) -> None:
    read_desk.sandbox.end_sessions()
    read_desk.sandbox.reset_counters()
    fail(read_desk, "GlobalInfo", 401)
    end = end_of(read_desk.run())
    assert end.fault == SESSION_EXPIRED.name
    assert read_desk.sandbox.counters()["sign_ins"]["successful"] == 1


def test_wrong_password_costs_one_attempt_and_stops_sign_ins_until_it_changes(
    new_desk: DeskMaker, sandbox_company: SandboxControl
) -> None:
    desk = new_desk(sandbox_company)
    desk.connect(password="not-it")
    assert end_of(desk.run()).fault == WRONG_CREDENTIALS.name
    connection = desk.connection()
    assert (connection.state, connection.fault) == ("needs-attention", WRONG_CREDENTIALS.name)
    assert connection.message == WRONG_CREDENTIALS.for_admin
    desk.make_due()
    assert desk.lease() is None
    desk.command()
    assert [(event.type, event.fault) for event in desk.run()] == [("failed", WRONG_CREDENTIALS.name)]
    assert desk.sandbox.counters()["sign_ins"]["failed"] == 1
    desk.connect()
    assert end_of(desk.run()).type == "completed"


def test_wrong_password_with_spaces_costs_two_attempts(new_desk: DeskMaker, sandbox_company: SandboxControl) -> None:
    desk = new_desk(sandbox_company)
    desk.connect(password=" not-it ")
    assert end_of(desk.run()).fault == WRONG_CREDENTIALS.name
    assert desk.sandbox.counters()["sign_ins"]["failed"] == 2


def test_username_and_password_typed_with_spaces_sign_in(new_desk: DeskMaker, sandbox_company: SandboxControl) -> None:
    desk = new_desk(sandbox_company)
    profile = sandbox_company.company
    desk.connect(username=f" {profile['username']} ", password=f"{profile['password']} ")
    assert end_of(desk.run()).type == "completed"
    counters = desk.sandbox.counters()
    assert (counters["sign_ins"]["failed"], counters["sign_ins"]["successful"]) == (1, 1)


@pytest.mark.parametrize(("switch", "fault"), [("mfa", MFA_REQUIRED), ("blocked", BLOCKED)])
def test_sign_in_that_only_a_person_can_solve_is_tried_once(
    new_desk: DeskMaker, sandbox_company: SandboxControl, switch: str, fault: Any
) -> None:
    desk = new_desk(sandbox_company)
    desk.connect()
    desk.sandbox.set_switches(sign_in=switch)
    assert end_of(desk.run()).fault == fault.name
    assert desk.connection().state == "needs-attention"
    assert desk.sandbox.counters()["sign_ins"]["failed"] == 1


def test_sign_in_whose_server_is_broken_is_tried_once_a_run_and_again_later(
    new_desk: DeskMaker, sandbox_company: SandboxControl
) -> None:
    desk = new_desk(sandbox_company)
    desk.connect()
    fail(desk, "Login", 500)
    assert end_of(desk.run()).fault == "source-unavailable"
    assert desk.connection().state == "connecting"
    assert sum(desk.sandbox.counters()["requests"].values()) == 1


def test_another_account_than_before_is_refused_before_anything_is_read(
    read_desk: Desk, new_company: CompanyMaker
) -> None:
    other = new_company()
    before = read_desk.mark()
    profile = other.company
    read_desk.connect(username=profile["username"], password=profile["password"])
    end = end_of(read_desk.run())
    assert (end.type, end.fault) == ("failed", "wrong-credentials")
    assert "another Buildertrend account" in str(end.message)
    assert read_desk.mark() == before
    assert read_desk.connection().state == "needs-attention"


def test_rate_limit_beyond_patience_ends_the_run_until_then(read_desk: Desk) -> None:
    read_desk.sandbox.set_switches(fail_next=[{"path_contains": GRID, "status": 429, "times": 99, "retry_after": 1800}])
    assert end_of(read_desk.run()).fault == "rate-limited"
    due_in_s = (read_desk.connection().next_due_at - read_desk.clock.now()).total_seconds()
    assert due_in_s >= 1800


def test_source_changed_names_the_field_in_the_runs_history(read_desk: Desk) -> None:
    original = Account.shifts

    def renamed(account: Account, batch: JobBatch, ask: PageAsk) -> Any:
        found = original(account, batch, ask)
        return replace(found, rows=[raw.replace(b'"regularTime"', b'"regularMinutes"') for raw in found.rows])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Account, "shifts", renamed)
        assert end_of(read_desk.run()).fault == "source-changed"
    (run,) = read_desk.sql("SELECT message FROM integration.runs WHERE company_id = %s ORDER BY run_seq DESC LIMIT 1")
    assert "regularTime" in run["message"]
    assert deleted(read_desk) == []


def test_fenced_run_writes_nothing_more(read_desk: Desk) -> None:
    remove_shifts(read_desk, 3)
    read_desk.make_due()
    old = read_desk.lease()
    assert old is not None
    read_desk.sql("UPDATE integration.connections SET lease_expires_at = '-infinity' WHERE company_id = %s")
    successor = read_desk.lease()
    assert successor is not None
    runs = read_desk.sql("SELECT run_id FROM integration.runs WHERE company_id = %s")
    before = read_desk.mark()
    assert read_desk.work(old) == []
    assert read_desk.mark() == before
    assert read_desk.sql("SELECT run_id FROM integration.runs WHERE company_id = %s") == runs
    assert end_of(read_desk.work(successor)).type == "completed"


def test_credentials_replaced_during_a_run_end_that_run_and_are_used_by_the_next(read_desk: Desk) -> None:
    """The old run must neither say what became of the new password nor keep its session."""
    read_desk.sandbox.edit_shift(read_desk.sandbox.listed("shifts")[0]["id"], regular_minutes=55)
    read_desk.sandbox.change_company(password="the-new-one")

    def reconnect(_: list[Message]) -> None:
        read_desk.publisher.before_commit = lambda _: None
        read_desk.connect()

    read_desk.sandbox.change_company(password="the-old-one")
    read_desk.connect()
    read_desk.publisher.before_commit = reconnect
    events = read_desk.run()
    assert not [event for event in events if event.type in {"completed", "failed"}]
    assert read_desk.connection().state == "connecting"
    assert read_desk.sql("SELECT kind FROM integration.credentials WHERE company_id = %s AND kind = 'session'") == []
    assert end_of(read_desk.run()).type == "completed"


def test_session_of_a_run_that_was_taken_over_is_not_kept(read_desk: Desk) -> None:
    read_desk.make_due()
    lease = read_desk.lease()
    assert lease is not None
    account = read_desk.tools().account(lease, read_desk.connection(), read_desk.stop, lambda _request: None)
    read_desk.connect()
    before = read_desk.mark()
    from core.errors import FencedError

    read_desk.sandbox.end_sessions()
    with pytest.raises(FencedError):
        account.shifts(JobBatch(), PageAsk())
    assert read_desk.mark() == before
    assert read_desk.sql("SELECT kind FROM integration.credentials WHERE company_id = %s AND kind = 'session'") == []


def test_stopped_run_hands_the_connection_back_at_once(read_desk: Desk) -> None:
    command_id = read_desk.command()
    read_desk.stop.set()
    assert not [event for event in read_desk.run() if event.type in {"completed", "failed"}]
    read_desk.stop.clear()
    assert [event.command_id for event in read_desk.run() if event.type == "completed"] == [command_id]


def test_published_records_name_their_company_and_run_in_headers(read_desk: Desk) -> None:
    headers = {RecordHeaders.decode(message.headers).company_id for message in read_desk.publisher.messages}
    assert headers == {read_desk.company_id}
