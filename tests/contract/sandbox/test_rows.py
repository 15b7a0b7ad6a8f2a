"""Changed fields and missing rows: chosen by id, so that every read sees the same ones."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.client import ControlError
from tests.contract.sandbox.wire import Site, groups

# An entity, a field of its rows, and how to read its rows.
FIELDS = [
    ("jobs", "jobName", lambda site: site.jobs()),
    ("jobs", "jobNumber", lambda site: site.data("GET", "/api/jobpicker/GetExistingJobList")),
    ("jobs", "address", lambda site: [site.data("GET", "/api/jobsites/0")]),
    ("time-entries", "regularTime", lambda site: site.shifts()["data"]),
    ("users", "lastName", lambda site: site.users()["data"]),
    ("budgets", "originalBudgetCosts", lambda site: every_job(site, site.budget)),
    ("cost-codes", "title", lambda site: every_job(site, site.cost_codes)),
    ("worksheets", "quantity", lambda site: every_job(site, lambda job_id: worksheet_lines(site, job_id))),
]


def every_job(site: Site, read: Any) -> list[dict[str, Any]]:
    return [row for job in site.control.listed("jobs") for row in read(job["id"])]


def worksheet_lines(site: Site, job_id: int) -> list[dict[str, Any]]:
    sheet = site.worksheet(job_id)
    return [line for group in groups(sheet) for line in group["lineItems"] or ()]


def change_field(site: Site, entity: str, field: str, change: str, **more: Any) -> None:
    site.control.set_switches(fields=[{"entity": entity, "field": field, "change": change, **more}])


@pytest.mark.parametrize(("entity", "field", "read"), FIELDS)
def test_field_is_renamed_dropped_null_and_healed_in_every_answer_of_its_entity(
    signed_in: Site, entity: str, field: str, read: Any
) -> None:
    before = [row.get(field) for row in read(signed_in)]
    assert before
    change_field(signed_in, entity, field, "rename", name="renamed")
    assert [row["renamed"] for row in read(signed_in)] == before
    assert not any(field in row for row in read(signed_in))
    change_field(signed_in, entity, field, "drop")
    assert not any(field in row for row in read(signed_in))
    change_field(signed_in, entity, field, "null")
    assert {row[field] for row in read(signed_in)} == {None}
    signed_in.control.heal("fields")
    assert [row.get(field) for row in read(signed_in)] == before


def test_field_of_other_type_is_text_for_a_number_and_an_object_for_text(signed_in: Site) -> None:
    before = {row["id"]: row for row in signed_in.shifts()["data"]}
    change_field(signed_in, "time-entries", "regularTime", "other-type")
    assert all(row["regularTime"] == str(before[row["id"]]["regularTime"]) for row in signed_in.shifts()["data"])
    change_field(signed_in, "time-entries", "rate", "other-type")
    assert all(row["rate"] == {"value": before[row["id"]]["rate"]} for row in signed_in.shifts()["data"])


def test_field_inside_another_is_reached_by_dots_where_there_is_one(signed_in: Site) -> None:
    change_field(signed_in, "time-entries", "timeOut.timeStamp", "rename", name="stamp")
    rows = signed_in.shifts()["data"]
    assert any(row["timeOut"] is None for row in rows)
    assert all("stamp" in row["timeOut"] for row in rows if row["timeOut"])


def test_unknown_field_appears_with_its_value(signed_in: Site) -> None:
    change_field(signed_in, "users", "badge", "add", value={"colour": ["red"]})
    assert {str(row["badge"]) for row in signed_in.users()["data"]} == {"{'colour': ['red']}"}


def test_share_of_rows_is_the_same_ones_every_time(signed_in: Site) -> None:
    change_field(signed_in, "time-entries", "regularTime", "drop", share=0.3)
    first, again = (
        {row["id"] for row in signed_in.shifts(direction=direction)["data"] if "regularTime" not in row}
        for direction in ("asc", "desc")
    )
    assert first == again
    # Ids are made anew for each company: about 0.3 of them, and far from none and from all.
    assert 0.1 < len(first) / len(signed_in.shifts()["data"]) < 0.6


@pytest.mark.parametrize(
    "rule",
    [
        {"entity": "shifts", "field": "x", "change": "drop"},
        {"entity": "jobs", "field": "x", "change": "rename"},
        {"entity": "jobs", "field": "x", "change": "drop", "name": "y"},
        {"entity": "jobs", "field": "x", "change": "drop", "share": 0},
    ],
)
def test_field_rule_that_makes_no_sense_is_refused(site: Site, rule: dict[str, Any]) -> None:
    with pytest.raises(ControlError):
        site.control.set_switches(fields=[rule])


def missing(site: Site, entity: str, which: str) -> None:
    site.control.set_switches(missing_rows=[{"entity": entity, "which": which}], total_pages="records")


def test_grid_without_rows_says_so_completely(signed_in: Site) -> None:
    for entity, read in (("time-entries", signed_in.shifts), ("users", signed_in.users)):
        missing(signed_in, entity, "all")
        data = read(size=20)
        assert (data["data"], data["records"], data["totalPages"]) == ([], 0, 0)


def test_empty_grid_may_state_one_page(signed_in: Site) -> None:
    missing(signed_in, "time-entries", "all")
    signed_in.control.set_switches(paging=[{"entity": "time-entries", "fault": "one-empty-page"}])
    data = signed_in.shifts()
    assert (data["data"], data["records"], data["totalPages"]) == ([], 0, 1)


def test_grid_with_half_its_rows_has_the_same_half_on_every_page_size_and_totals_that_agree(signed_in: Site) -> None:
    missing(signed_in, "time-entries", "half")
    at_once = signed_in.shifts(size=200)
    by_page = [row["id"] for page in range(1, 12) for row in signed_in.shifts(size=10, page=str(page))["data"]]
    assert [row["id"] for row in at_once["data"]] == by_page
    assert at_once["records"] == len(by_page)
    assert 50 <= len(by_page) <= 100
    assert signed_in.shifts(size=10)["totalPages"] == -(-len(by_page) // 10)


def test_grid_without_its_last_page_has_totals_that_agree(signed_in: Site) -> None:
    whole = [row["id"] for row in signed_in.shifts()["data"]]
    missing(signed_in, "time-entries", "last-page")
    data = signed_in.shifts(size=40)
    assert (data["records"], data["totalPages"]) == (120, 3)
    shown = [row["id"] for page in "123" for row in signed_in.shifts(size=40, page=page)["data"]]
    assert shown == whole[:120]
    assert signed_in.shifts(size=50)["records"] == 100
    assert signed_in.shifts(size=200)["records"] == 0


@pytest.mark.parametrize(
    ("entity", "read"), [(entity, read) for entity, field, read in FIELDS if field not in ("lastName", "address")]
)
def test_every_entity_may_lose_half_or_all_of_its_rows(signed_in: Site, entity: str, read: Any) -> None:
    before = len(read(signed_in))
    missing(signed_in, entity, "half")
    assert 0 < len(read(signed_in)) < before
    missing(signed_in, entity, "all")
    assert read(signed_in) == []
    signed_in.control.heal("missing_rows")
    assert len(read(signed_in)) == before


def test_totals_of_a_budget_agree_with_the_lines_left(signed_in: Site) -> None:
    missing(signed_in, "budgets", "all")
    job_id = signed_in.control.listed("budget-lines")[0]["job_id"]
    answer = signed_in.call("POST", "/apix/v2/JobCostingBudget", {"jobId": job_id, "filter": "{}"}).json()
    assert answer["costCategories"] is None
    assert answer["totalValues"]["originalBudgetCosts"] in (0, {"value": 0, "scale": 2})


def test_last_page_of_an_entity_without_pages_is_refused(site: Site) -> None:
    with pytest.raises(ControlError, match="no pages"):
        missing(site, "jobs", "last-page")
