"""Jobs, budgets, worksheets, reports and cost codes where observations differ, or where there is nothing to state."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox.wire import Site, grid_body, groups, plain_amount

COSTING = "/apix/v2/JobCostingBudget"
SHORT_BODY = {"searchTerm": "", "showTemplates": False, "showGeneral": True}


@pytest.mark.wire_facts("J1", "J3")
def test_picker_takes_the_short_body_too_and_may_not_list_general(signed_in: Site) -> None:
    rows = signed_in.data("POST", "/api/jobpicker/GetJobPickerData", SHORT_BODY)["jobs"]
    assert rows == signed_in.picker_rows()
    assert 0 in {row["jobId"] for row in rows}
    assert rows[-1].keys() >= {"jobId", "jobName", "status", "isClosed", "dateOpened", "projectedClosingDate"}
    signed_in.control.set_switches(general_job="absent", jobs_row="none")
    assert 0 not in {row["jobId"] for row in signed_in.jobs()}


@pytest.mark.wire_facts("J2")
@pytest.mark.parametrize(("switch", "stated"), [("0", 0), ("-1", -1), ("null", None)])
def test_first_row_of_the_picker_may_be_no_job_and_its_name_counts(
    signed_in: Site, switch: str, stated: int | None
) -> None:
    signed_in.control.set_switches(jobs_row=switch)
    first = signed_in.picker_rows()[0]
    assert (first["jobId"], first["jobName"]) == (stated, "View 11 Jobsites")
    signed_in.control.add("jobs", name="One more")
    assert signed_in.picker_rows()[0]["jobName"] == "View 12 Jobsites"
    signed_in.control.set_switches(jobs_row="none")
    assert signed_in.picker_rows()[0]["jobName"] == "General"


@pytest.mark.wire_facts("J4")
def test_job_list_states_a_status_in_words(signed_in: Site) -> None:
    rows = signed_in.data("GET", "/api/jobpicker/GetExistingJobList")
    assert {row["jobStatus"] for row in rows} <= {"Open", "Closed", "Warranty", "Presale"}


@pytest.mark.wire_facts("J5", "G8")
def test_grid_of_jobs_needs_a_role_and_takes_a_number(signed_in: Site) -> None:
    body = grid_body(page=1)
    assert signed_in.call("POST", "/api/Jobsites/Grid", body).json()["success"] is False
    signed_in.control.set_switches(jobs_grid=True)
    data = signed_in.data("POST", "/api/Jobsites/Grid", body)
    assert data["records"] == len(data["data"]) == 11
    one = data["data"][0]
    assert signed_in.data("GET", f"/api/jobsites/{one['jobId']}")["address"] == one["address"]


def nothing_of(site: Site) -> int:
    """A new job: it has neither budget nor worksheet."""
    return int(site.control.add("jobs", name="Nothing yet")["id"])


@pytest.mark.wire_facts("B4", "C1")
@pytest.mark.parametrize("how", ["empty", "null", "missing"])
def test_nothing_is_stated_as_the_account_does(signed_in: Site, how: str) -> None:
    signed_in.control.set_switches(empty_budget=how, empty_worksheet=how, empty_codes=how)
    job_id = nothing_of(signed_in)
    expected: Any = {"empty": [], "null": None, "missing": "missing"}[how]
    budget = signed_in.call("POST", COSTING, {"jobId": job_id, "filter": "{}"}).json()
    codes = signed_in.call("GET", f"{COSTING}/budget-cost-codes?jobId={job_id}").json()
    sheet = signed_in.data("GET", f"/api/Proposals/{job_id}/Worksheet")
    assert budget.get("costCategories", "missing") == expected
    assert codes.get("costCodesWithBudget", "missing") == expected
    assert sheet.get("formatData", "missing") == expected


@pytest.mark.wire_facts("B4")
def test_data_itself_may_be_null(signed_in: Site) -> None:
    signed_in.control.set_switches(empty_worksheet="no-data", empty_codes="no-data")
    job_id = nothing_of(signed_in)
    assert signed_in.data("GET", f"/api/Proposals/{job_id}/Worksheet") is None
    assert signed_in.call("GET", f"{COSTING}/budget-cost-codes?jobId={job_id}").json()["data"] is None


@pytest.mark.wire_facts("B3", "B4")
@pytest.mark.parametrize(("how", "stated"), [("empty", []), ("null", None), ("missing", "missing")])
def test_group_without_lines_says_so_as_the_account_does(signed_in: Site, how: str, stated: Any) -> None:
    signed_in.control.set_switches(empty_lines=how)
    sheets = [signed_in.worksheet(job["id"]) for job in signed_in.control.listed("jobs")]
    every = groups([group for sheet in sheets for group in sheet])
    assert stated in [group.get("lineItems", "missing") for group in every]
    assert any(group.get("lineItems") for group in every)


@pytest.mark.wire_facts("B2")
def test_budget_lines_have_the_fields_of_the_mock_up(signed_in: Site) -> None:
    line = signed_in.budget(signed_in.control.listed("budget-lines")[0]["job_id"])[0]
    assert line.keys() >= {"revisedBudgetCosts", "committedCosts", "actualCosts", "projectedCosts", "builderVariance"}
    assert line["costType"] in ("Labor", "Material", "Subcontractor", "Other")


@pytest.mark.wire_facts("B5")
@pytest.mark.parametrize(
    ("path", "job_key", "price"),
    [
        ("work-in-progress?openJobLimit=500", "jobID", "contractPrice"),
        ("profitability?openJobLimit=200&closedJobLimit=50&warrantyJobLimit=50", "jobId", "revisedContractPrice"),
    ],
)
def test_report_moves_with_a_budget_and_only_in_that_jobs_row(
    signed_in: Site, path: str, job_key: str, price: str
) -> None:
    job = signed_in.control.add("jobs", name="Open", status=1)
    code = signed_in.control.listed("cost-codes")[0]
    line = signed_in.control.add("budget-lines", job_id=job["id"], cost_code_id=code["id"], original=10)

    def rows() -> dict[int, Any]:
        answer = signed_in.call("GET", f"/apix/v3/Reporting/{path}").json()
        return {row[job_key]: row for row in answer.get("rowData") or answer["data"]}

    before = rows()
    assert before[line["job_id"]].keys() >= {"jobName", "jobStatus", price, "percentComplete", "earnedRevenue"}
    signed_in.control.edit("budget-lines", line["id"], original=line["original"] + 500)
    assert [job_id for job_id, row in rows().items() if row != before[job_id]] == [line["job_id"]]
    signed_in.control.set_switches(report_rows="data")
    assert rows().keys() == before.keys()
    signed_in.control.set_switches(report_figures="contract")
    still = rows()
    signed_in.control.edit("budget-lines", line["id"], original=line["original"])
    assert rows() == still


def test_report_lists_as_many_jobs_as_asked_for(signed_in: Site) -> None:
    assert signed_in.call("GET", "/apix/v3/Reporting/work-in-progress?openJobLimit=1").json()["rowData"][1:] == []
    assert signed_in.call("GET", "/apix/v3/Reporting/work-in-progress").json()["rowData"] == []
    assert signed_in.call("GET", "/apix/v3/Reporting/work-in-progress?openJobLimit=x").json()["success"] is False


@pytest.mark.wire_facts("C2", "T6")
def test_shift_names_a_code_that_no_list_has_and_the_budgets_ids_are_the_shifts(signed_in: Site) -> None:
    code = signed_in.control.add("cost-codes", code="98.1", name="Only on shifts", is_listed=False)
    user_id = signed_in.control.listed("users")[0]["id"]
    line = signed_in.control.listed("budget-lines")[0]
    wanted = {"job_id": line["job_id"], "user_id": user_id, "time_in": "2026-06-01T07:00"}
    made = signed_in.control.add_shift(**wanted, cost_code_ids=[code["id"], line["cost_code_id"]])
    row = next(row for row in signed_in.shifts(job_ids=[line["job_id"]], size=1000)["data"] if row["id"] == made["id"])
    assert [one["id"] for one in row["costCodes"]] == [code["id"], line["cost_code_id"]]
    listed = {one["id"] for job in signed_in.control.listed("jobs") for one in signed_in.cost_codes(job["id"])}
    assert code["id"] not in listed
    budgeted = {one["id"]: one for one in signed_in.budget(line["job_id"])}
    assert budgeted[line["cost_code_id"]]["title"] == row["costCodes"][1]["costCodeTitle"]
    assert plain_amount(budgeted[line["cost_code_id"]]["originalBudgetCosts"]) == line["original"]


@pytest.mark.wire_facts("U5")
def test_shifts_of_a_user_who_left_stay_and_name_that_user(signed_in: Site) -> None:
    shift = signed_in.control.listed("shifts")[0]
    signed_in.control.edit("users", shift["user_id"], is_active=False)
    row = next(row for row in signed_in.shifts()["data"] if row["id"] == shift["id"])
    assert (row["userID"], row["name"]) == (shift["user_id"], shift["user_name"])
