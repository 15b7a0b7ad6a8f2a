"""Recent reads ask for the budgets of jobs that moved; the daily read of all of them serves where no report does."""

from __future__ import annotations

from typing import Any

import pytest

from producers import metrics
from producers.buildertrend.request_kinds import kind_of
from sandbox.client import SandboxControl
from tests.integration.producers.fix_runs import Desk

COSTING = ("budgets", "worksheets", "cost-codes")


@pytest.fixture
def sandbox_company(sandbox_company: SandboxControl) -> SandboxControl:
    """Jobs with a budget are open, as recent reads ask for open ones only: all of a generated company may be closed."""
    for job_id in {line["job_id"] for line in sandbox_company.listed("budget-lines", limit=1000)}:
        sandbox_company.edit("jobs", job_id, status=1)
    return sandbox_company


def asked(desk: Desk, since: int) -> list[str]:
    kinds = [kind_of(request) for request in desk.source.requests[since:]]
    return [kind for kind in kinds if kind in (*COSTING, "report")]


def recent(desk: Desk, **command: Any) -> list[str]:
    """A scheduled recent read, or one that is asked for; what it asked of the jobs' costing."""
    desk.clock.move(3600)
    since = len(desk.source.requests)
    if command:
        desk.command(**command)
    desk.run()
    (last,) = desk.sql("SELECT read, state FROM integration.runs WHERE company_id = %s ORDER BY run_seq DESC LIMIT 1")
    assert (last["read"], last["state"]) == ("recent", "completed")
    return asked(desk, since)


def open_line(desk: Desk) -> dict[str, Any]:
    jobs = {job["id"] for job in desk.sandbox.listed("jobs") if job["status"] in (1, 3)}
    return next(line for line in desk.sandbox.listed("budget-lines", limit=1000) if line["job_id"] in jobs)


def edit_budget(desk: Desk) -> str:
    line = open_line(desk)
    desk.sandbox.edit("budget-lines", line["id"], original="1234.50")
    return f"{line['job_id']}:{line['cost_code_id']}"


def complete_through(desk: Desk, entity: str = "budgets") -> Any:
    rows = desk.sql("SELECT entity, complete_through FROM integration.entity_reads WHERE company_id = %s")
    return next(row["complete_through"] for row in rows if row["entity"] == entity)


def test_recent_read_of_an_unchanged_company_asks_for_the_report_and_no_budget(read_desk: Desk) -> None:
    before = complete_through(read_desk), complete_through(read_desk, "cost-codes")
    assert recent(read_desk) == ["report"]
    assert complete_through(read_desk) > before[0]
    assert complete_through(read_desk, "cost-codes") > before[1]


def test_recent_read_finds_a_budget_that_moved_by_its_row_of_the_report(read_desk: Desk) -> None:
    budget_id, since = edit_budget(read_desk), read_desk.mark()
    assert recent(read_desk) == ["report", "budgets", "worksheets"]
    assert [(one["op"], one["entity_id"]) for one in read_desk.changes("budgets", since=since)] == [
        ("UPDATE", budget_id)
    ]
    assert recent(read_desk) == ["report"]


def test_all_lines_of_one_job_are_deleted_as_those_of_the_jobs_that_did_not_move_are_there(read_desk: Desk) -> None:
    job_id = open_line(read_desk)["job_id"]
    lines = [one for one in read_desk.sandbox.listed("budget-lines", limit=1000) if one["job_id"] == job_id]
    for line in lines[:20]:
        read_desk.sandbox.delete("budget-lines", line["id"])
    since = read_desk.mark()
    recent(read_desk)
    assert len([one for one in read_desk.changes("budgets", since=since) if one["op"] == "DELETE"]) == len(lines[:20])


def test_read_that_is_asked_for_asks_for_the_budgets_of_all_open_jobs(read_desk: Desk) -> None:
    open_jobs = [job for job in read_desk.sandbox.listed("jobs") if job["id"] and job["status"] != 0]
    assert recent(read_desk, type="sync").count("budgets") == len(open_jobs)


@pytest.mark.parametrize("answer", ["404", "500", "no-permission"])
def test_without_the_report_the_daily_read_alone_finds_it_and_says_so(read_desk: Desk, answer: str) -> None:
    read_desk.sandbox.set_switches(reports_endpoint=answer)
    budget_id, since, before = edit_budget(read_desk), read_desk.mark(), complete_through(read_desk)
    assert "budgets" not in recent(read_desk)
    assert complete_through(read_desk) == before
    assert complete_through(read_desk, "time-entries") > before
    read_desk.run_full()
    assert [one["entity_id"] for one in read_desk.changes("budgets", since=since)] == [budget_id]
    assert complete_through(read_desk) > before


def test_budget_that_moved_without_its_row_is_found_daily_and_counted(read_desk: Desk) -> None:
    read_desk.sandbox.set_switches(report_figures="contract")
    read_desk.run_full()
    unmoved = metrics.BUDGET_MOVES.labels("unmoved")
    budget_id, since, before = edit_budget(read_desk), read_desk.mark(), unmoved._value.get()
    assert recent(read_desk) == ["report"]
    read_desk.run_full()
    assert [one["entity_id"] for one in read_desk.changes("budgets", since=since)] == [budget_id]
    assert unmoved._value.get() == before + 1


def test_budget_in_doubt_is_read_whatever_the_report_says(read_desk: Desk) -> None:
    line = open_line(read_desk)
    read_desk.sql(
        f"UPDATE integration.source_state SET fingerprint = '\\x{'00' * 16}' WHERE company_id = %s"
        f" AND entity = 'budgets' AND entity_id = '{line['job_id']}:{line['cost_code_id']}'"
    )
    since = read_desk.mark()
    assert recent(read_desk) == ["report", "budgets", "worksheets"]
    assert len(read_desk.changes("budgets", since=since)) == 1


def test_budget_that_did_not_answer_is_read_again_by_the_next_read(read_desk: Desk) -> None:
    line = open_line(read_desk)
    edit_budget(read_desk)
    read_desk.sandbox.set_switches(silent_jobs=[line["job_id"]])
    read_desk.clock.move(3600)
    read_desk.run()
    assert read_desk.connection().fault == "source-incomplete"
    read_desk.sandbox.heal()
    since = read_desk.mark()
    read_desk.clock.move(3600)
    read_desk.run()
    assert len(read_desk.changes("budgets", since=since)) == 1
    assert read_desk.connection().fault is None


def test_command_that_joins_a_read_of_changed_budgets_waits_for_one_of_all(read_desk: Desk) -> None:
    read_desk.clock.move(3600)
    read_desk.make_due()
    commands: list[str] = []

    def ask() -> None:
        if not commands:
            commands.append(read_desk.command(type="sync"))
            read_desk.stop.set()

    read_desk.clock.on_wait = ask
    read_desk.run(due=False)
    read_desk.clock.on_wait = lambda: None
    read_desk.stop.clear()
    read_desk.run(due=False)
    since = len(read_desk.source.requests)
    assert not [one for one in read_desk.events.written if one.command_id == commands[0] and one.type == "completed"]
    read_desk.run(due=False)
    assert asked(read_desk, since).count("budgets") > 1
    assert [one for one in read_desk.events.written if one.command_id == commands[0] and one.type == "completed"]
