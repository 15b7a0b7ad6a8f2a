"""The five entities as the wire spells them, with their quirks."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from tests.contract.sandbox.wire import Site, groups, plain_amount

CODES = "/apix/v2/JobCostingBudget/budget-cost-codes"


def test_shift_minutes_are_the_clock_without_the_break(signed_in: Site) -> None:
    control = signed_in.control
    user_id = control.listed("users")[0]["id"]
    made = control.add_shift(
        job_id=0, user_id=user_id, time_in="2026-05-20T09:19", time_out="2026-05-20T17:49", break_minutes=30, rate=42
    )
    row = next(row for row in signed_in.shifts()["data"] if row["id"] == made["id"])
    assert row["timeIn"]["timeStamp"] == "2026-05-20T09:19:00"
    assert (row["regularTime"], row["builderCost"], row["rate"]) == (480, {"value": 336.0, "scale": 2}, "$42.00")
    assert row["breakTime"]["breakTime"] == 30


def test_shift_rate_above_a_thousand_has_a_comma(signed_in: Site) -> None:
    assert "$1,042.50" in {row["rate"] for row in signed_in.shifts()["data"]}


def test_open_shift_has_no_time_out_and_no_minutes(signed_in: Site) -> None:
    newest = signed_in.shifts()["data"][0]
    assert newest["timeOut"] is None
    assert (newest["regularTime"], newest["overTime"], newest["builderCost"]) == (0, 0, {"value": 0.0, "scale": 2})


def test_shift_code_titles_of_flat_rate_several_and_none(signed_in: Site) -> None:
    control = signed_in.control
    user_id, codes = control.listed("users")[0]["id"], control.listed("cost-codes")[:2]

    def titles(**values: object) -> list[str]:
        shift = control.add_shift(job_id=0, user_id=user_id, time_in="2026-05-20T09:00", **values)
        row = next(row for row in signed_in.shifts()["data"] if row["id"] == shift["id"])
        return [code["costCodeTitle"] for code in row["costCodes"]]

    assert titles() == []
    assert titles(is_flat_rate=True) == ["Buildertrend Flat Rate"]
    assert titles(cost_code_ids=[code["id"] for code in codes]) == [code["title"] for code in codes]


def test_job_picker_leaves_the_general_job_out_unless_asked(signed_in: Site) -> None:
    assert len(signed_in.jobs(general=False)) == 11
    jobs = signed_in.jobs(general=True)
    assert len(jobs) == 12
    assert (jobs[0]["jobId"], jobs[0]["jobName"]) == (0, "General")


def test_job_picker_with_filters_that_are_no_string_is_refused(signed_in: Site) -> None:
    assert signed_in.call("POST", "/api/jobpicker/GetJobPickerData", {"filters": {}}).json()["success"] is False


def test_job_picker_of_another_builder_is_refused(signed_in: Site) -> None:
    body = {"filters": "{}", "builderId": "1"}
    assert signed_in.call("POST", "/api/jobpicker/GetJobPickerData", body).json()["success"] is False


@pytest.mark.wire_facts("M2")
def test_job_without_dates_states_sentinels(signed_in: Site) -> None:
    job = signed_in.control.add("jobs", name="Tighe Garage")
    row = next(row for row in signed_in.jobs() if row["jobId"] == job["id"])
    dates = {row[name][:4] for name in ("dateOpened", "projectedStartDate", "actualStartDate", "projectedClosingDate")}
    assert dates <= {"0001", "2006", "2055"}


@pytest.mark.wire_facts("J4")
def test_existing_job_list_spells_job_id_in_capitals(signed_in: Site) -> None:
    rows = signed_in.data("GET", "/api/jobpicker/GetExistingJobList")
    assert {row["jobID"] for row in rows} == {job["jobId"] for job in signed_in.jobs()}
    assert {"jobNumber", "jobStatus", "street", "projectManagers"} <= rows[1].keys()


def test_jobsite_gives_one_job_and_refuses_an_unknown_one(signed_in: Site) -> None:
    job = signed_in.jobs()[3]
    assert signed_in.data("GET", f"/api/jobsites/{job['jobId']}")["jobName"] == job["jobName"]
    assert signed_in.call("GET", "/api/jobsites/5").json()["success"] is False


@pytest.mark.wire_facts("B1", "R2")
def test_budget_is_not_enveloped_and_its_totals_add_up(signed_in: Site) -> None:
    job_id = signed_in.control.listed("budget-lines")[0]["job_id"]
    answer = signed_in.call("POST", "/apix/v2/JobCostingBudget", {"jobId": job_id, "filter": "{}"}).json()
    assert "success" not in answer
    lines = [line for category in answer["costCategories"] for line in category["costCodes"]]
    total = sum(Decimal(str(plain_amount(line["originalBudgetCosts"]))) for line in lines)
    assert Decimal(str(plain_amount(answer["totalValues"]["originalBudgetCosts"]))) == total
    columns = {
        "id",
        "title",
        "originalBudgetCosts",
        "revisedBudgetCosts",
        "committedCosts",
        "actualCosts",
        "projectedCosts",
    }
    assert columns <= lines[0].keys()


@pytest.mark.wire_facts("M3")
def test_budget_money_is_sometimes_wrapped_and_always_exact_cents(signed_in: Site) -> None:
    jobs = {line["job_id"] for line in signed_in.control.listed("budget-lines", limit=1000)}
    amounts = [line["originalBudgetCosts"] for job_id in jobs for line in signed_in.budget(job_id)]
    assert {type(amount) for amount in amounts} == {float, dict}
    assert all(re.fullmatch(r"\d+\.\d{1,2}", str(plain_amount(amount))) for amount in amounts)


def test_budget_of_a_job_without_one_has_empty_categories(signed_in: Site) -> None:
    assert signed_in.budget(0) == []


def test_budget_without_a_job_id_is_refused(signed_in: Site) -> None:
    assert signed_in.call("POST", "/apix/v2/JobCostingBudget", {"filter": "{}"}).json()["success"] is False


def test_budget_cost_codes_of_all_jobs_reach_every_code(signed_in: Site) -> None:
    added = signed_in.control.add("cost-codes", code="99.01", name="Solar")
    ids = set()
    for job in signed_in.jobs():
        rows = signed_in.cost_codes(job["jobId"])
        ids |= {row["id"] for row in rows}
    assert added["id"] in ids
    assert len(ids) == len(signed_in.control.listed("cost-codes"))
    named = {code["id"] for row in signed_in.shifts()["data"] for code in row["costCodes"]}
    assert len(ids | named) == signed_in.control.summary()["cost_codes"]


@pytest.mark.wire_facts("C1")
def test_budget_cost_codes_may_be_inside_data_with_other_names(signed_in: Site) -> None:
    job_id = signed_in.control.listed("budget-lines")[0]["job_id"]
    plain = signed_in.call("GET", f"{CODES}?jobId={job_id}").json()["costCodesWithBudget"][0]
    switches = {"cost_code_place": "data", "cost_code_fields": "costCodeId-displayCode-name"}
    signed_in.control.set_switches(**switches)
    wrapped = signed_in.call("GET", f"{CODES}?jobId={job_id}").json()["data"]["costCodesWithBudget"][0]
    expected = (plain["id"], plain["code"], plain["title"])
    assert (wrapped["costCodeId"], wrapped["displayCode"], wrapped["name"]) == expected


def test_budget_cost_codes_without_a_job_are_refused(signed_in: Site) -> None:
    assert signed_in.call("GET", CODES).json()["success"] is False


@pytest.mark.wire_facts("B3")
def test_worksheet_nests_groups_and_states_hours_by_unit(site: Site) -> None:
    # Few jobs have a worksheet: of many, some do.
    many = site.control.create_company(seed=7, jobs=80, shifts=10)
    signed_in = Site(site.base_url, site.sender, many).sign_in()
    sheets = [signed_in.worksheet(job["jobId"]) for job in signed_in.jobs()]
    found = groups([group for sheet in sheets for group in sheet])
    lines = [line for group in found for line in group["lineItems"] or ()]
    assert any(group["subGroups"] for group in found)
    assert {line["lineItemType"] for line in lines} == {10, 7, 5}
    hours = [line for line in lines if line["unit"] == "HR"]
    assert hours
    for line in hours:
        cost = Decimal(str(line["quantity"])) * Decimal(str(plain_amount(line["unitCost"])))
        assert cost == Decimal(str(plain_amount(line["builderCost"])))


def test_worksheet_allowances_have_a_price_and_no_cost(signed_in: Site) -> None:
    for job in signed_in.jobs():
        data = signed_in.worksheet(job["jobId"])
        for line in [line for group in groups(data) for line in group["lineItems"] or () if line["lineItemType"] == 7]:
            assert line["builderCost"] is None
            assert plain_amount(line["ownerPrice"]) > 0


def test_worksheet_of_an_unknown_job_is_refused(signed_in: Site) -> None:
    assert signed_in.call("GET", "/api/Proposals/5/Worksheet").json()["success"] is False


def test_saved_job_filters_are_listed(signed_in: Site) -> None:
    assert signed_in.data("GET", "/api/Filters/33")["savedFilters"][0]["isDefault"] is True


@pytest.mark.parametrize("entity", ["jobs", "time_entries", "budgets", "users"])
def test_summary_counts_what_the_wire_gives(signed_in: Site, entity: str) -> None:
    jobs = signed_in.jobs()
    counted = {
        "jobs": len(jobs),
        "time_entries": signed_in.shifts(size=1)["records"],
        "budgets": sum(len(signed_in.budget(job["jobId"])) for job in jobs),
        "users": len(signed_in.control.listed("users", limit=1000)),
    }
    assert signed_in.control.summary()[entity] == counted[entity]


def test_summary_minutes_are_the_sum_over_all_rows(signed_in: Site) -> None:
    rows = signed_in.shifts()["data"]
    assert signed_in.control.summary()["minutes"] == sum(
        row["regularTime"] + row["overTime"] + row["doubleOverTime"] for row in rows
    )
