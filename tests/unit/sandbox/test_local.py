"""The in-process sandbox: direct edits are seen on the wire at once, and its truth is what the wire shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from sandbox.errors import SandboxError
from sandbox.local import URL, LocalCompany, LocalSandbox
from sandbox.model import LINE_ALLOWANCE, LINE_COST, LINE_SELECTION
from tests.contract.sandbox.wire import Site, groups, plain_amount


@pytest.fixture
def local() -> Iterator[tuple[LocalCompany, Site]]:
    sandbox = LocalSandbox()
    company = sandbox.company(seed=3, jobs=6, shifts=40, anchor_date="2026-06-17")
    company.set_switches(internal_users_grid=True)
    with httpx.Client(transport=sandbox.transport) as client:
        yield company, Site(URL, client, company.control).sign_in()
    sandbox.close()


def shown_shifts(site: Site) -> dict[str, Any]:
    return {str(row["id"]): row for row in site.shifts(size=1000)["data"]}


def new_shift(company: LocalCompany, **values: Any) -> int:
    wanted = {"job_id": 0, "user_id": company.ids("users")[0], "time_in": "2026-06-01T07:00", **values}
    return company.insert("shifts", **wanted)


def test_inserted_edited_moved_and_deleted_shift_is_on_the_wire(local: tuple[LocalCompany, Site]) -> None:
    company, site = local
    shift_id = new_shift(company, time_out="2026-06-01T09:00")
    company.edit("shifts", shift_id, notes="late")
    company.move(shift_id, minutes=-24 * 60)
    row = shown_shifts(site)[str(shift_id)]
    assert (row["notes"], row["timeIn"]["timeStamp"], row["regularTime"]) == ("late", "2026-05-31T07:00:00", 120)
    company.delete("shifts", shift_id)
    assert str(shift_id) not in shown_shifts(site)


def test_moved_shift_keeps_minutes_that_do_not_follow_from_its_times(local: tuple[LocalCompany, Site]) -> None:
    company, _ = local
    shift_id = new_shift(company, time_out="2026-06-01T09:00", regular_minutes=5)
    company.move(shift_id, minutes=60)
    assert company.truth()["time-entries"][str(shift_id)]["regular_minutes"] == 5


def test_hours_of_a_client_selection_are_not_budgeted(local: tuple[LocalCompany, Site]) -> None:
    company, _ = local
    lines = company._company.worksheet_lines.values()
    hours = next(line for line in lines if line.unit == "HR" and line.line_type == LINE_COST)
    budget_id = f"{hours.job_id}:{hours.cost_code_id}"
    before = company.truth()["budgets"][budget_id]["budgeted_minutes"]
    assert isinstance(before, int)
    for line_type, added in ((LINE_SELECTION, 0), (LINE_ALLOWANCE, 90)):
        company._company.put(replace(hours, id=hours.id + 10**9, line_type=line_type, quantity_hundredths=150))
        assert company.truth()["budgets"][budget_id]["budgeted_minutes"] == before + added


def test_moved_open_shift_stays_open(local: tuple[LocalCompany, Site]) -> None:
    company, site = local
    shift_id = new_shift(company)
    company.move(shift_id, minutes=30)
    row = shown_shifts(site)[str(shift_id)]
    assert (row["timeIn"]["timeStamp"], row["timeOut"]) == ("2026-06-01T07:30:00", None)


def test_every_kind_is_edited_directly(local: tuple[LocalCompany, Site]) -> None:
    company, _ = local
    job_id, user_id = company.insert("jobs", name="Barn"), company.insert("users", first_name="Ana")
    code_id = company.insert("cost-codes", code="99.01", name="Solar")
    line_id = company.insert("budget-lines", job_id=job_id, cost_code_id=code_id, original="$10.50")
    company.edit("budget-lines", line_id, original=12)
    company.edit("jobs", job_id, status=0)
    truth = company.truth()
    assert truth["jobs"][str(job_id)]["status"] == 0
    assert truth["users"][str(user_id)]["name"] == "Ana"
    assert truth["budgets"][f"{job_id}:{code_id}"]["original_cents"] == 1200
    company.delete("jobs", job_id)
    company.delete("users", user_id)
    assert f"{job_id}:{code_id}" not in company.truth()["budgets"]
    assert company.record("cost-codes", code_id)["title"] == "99.01 Solar"


@pytest.mark.parametrize("edit", [{"time_in": "x"}, {"no_such": 1}, {"job_id": 5}])
def test_edit_that_makes_no_sense_is_refused(local: tuple[LocalCompany, Site], edit: dict[str, Any]) -> None:
    company, _ = local
    with pytest.raises(SandboxError):
        company.edit("shifts", company.ids("shifts")[0], **edit)
    with pytest.raises(SandboxError):
        company.set_switches(no_such=1)


def test_ended_session_is_over_on_the_wire(local: tuple[LocalCompany, Site]) -> None:
    company, site = local
    assert company.end_sessions() == 1
    assert site.call("GET", "/api/AccountInfo/GlobalInfo").json()["needsToRelogin"] is True


def test_truth_of_shifts_is_what_the_wire_shows(local: tuple[LocalCompany, Site]) -> None:
    company, site = local
    truth, shown = company.truth()["time-entries"], shown_shifts(site)
    assert truth.keys() == shown.keys()
    for shift_id, row in shown.items():
        fact = truth[shift_id]
        assert fact["time_in"] == row["timeIn"]["timeStamp"]
        assert fact["time_out"] == (row["timeOut"] and row["timeOut"]["timeStamp"])
        assert (fact["regular_minutes"], fact["overtime_minutes"]) == (row["regularTime"], row["overTime"])
        assert fact["labor_cost_cents"] == round(100 * row["builderCost"]["value"])
        assert fact["cost_code_titles"] == [code["costCodeTitle"] for code in row["costCodes"]]
        assert (fact["job_id"], fact["user_id"]) == (str(row["jobId"] or 0), str(row["userID"]))
        assert fact["cost_code_ids"] == [str(code["id"]) for code in row["costCodes"]]
        assert (fact["job_name"], fact["user_name"]) == (row["jobName"], row["name"])


def test_truth_of_jobs_users_and_codes_is_what_the_wire_shows(local: tuple[LocalCompany, Site]) -> None:
    company, site = local
    truth = company.truth()
    assert {job_id: job["name"] for job_id, job in truth["jobs"].items()} == {
        str(row["jobId"]): row["jobName"] for row in site.jobs()
    }
    assert {user_id: user["email"] for user_id, user in truth["users"].items()} == {
        str(row["userId"]): row["email"] for row in site.users()["data"]
    }
    codes = {str(row["id"]): row["title"] for job_id in truth["jobs"] for row in site.cost_codes(int(job_id))}
    named = {str(code["id"]): code["costCodeTitle"] for row in shown_shifts(site).values() for code in row["costCodes"]}
    assert {code_id: code["title"] for code_id, code in truth["cost-codes"].items()} == named | codes


def test_truth_of_budgets_is_what_the_wire_shows(local: tuple[LocalCompany, Site]) -> None:
    company, site = local
    budgets = company.truth()["budgets"]
    shown = {f"{job_id}:{row['id']}": row for job_id in company.ids("jobs") for row in site.budget(job_id)}
    assert budgets.keys() == shown.keys()
    assert any(line["budgeted_minutes"] for line in budgets.values())
    titles = Counter((budget_id.partition(":")[0], row["title"]) for budget_id, row in shown.items())
    for budget_id, row in shown.items():
        assert budgets[budget_id]["original_cents"] == round(100 * plain_amount(row["originalBudgetCosts"]))
        job_id, title = budget_id.partition(":")[0], row["title"]
        minutes = _minutes_stated(site, job_id, title) if titles[job_id, title] == 1 else None
        assert budgets[budget_id]["budgeted_minutes"] == minutes


def _minutes_stated(site: Site, job_id: str, title: str) -> int | None:
    sheet = site.worksheet(job_id)
    lines = [line for group in groups(sheet) for line in group["lineItems"] or ()]
    hours = [line["quantity"] for line in lines if line["unit"] == "HR" and line["costCodeTitle"] == title]
    return round(60 * sum(hours)) if hours else None
