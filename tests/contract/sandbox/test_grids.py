"""The grid protocol on shifts and users."""

from __future__ import annotations

import json

import pytest

from tests.contract.sandbox.wire import Site, grid_body

GRID = "/api/TimeClock/Grid?gridType=29"


def test_all_pages_together_give_every_shift_once(signed_in: Site) -> None:
    signed_in.control.set_switches(total_pages="records")
    first = signed_in.shifts(size=40)
    assert (first["records"], first["totalPages"], first["page"], first["pageSize"]) == (150, 4, 1, 40)
    pages = [signed_in.shifts(size=40, page=str(page))["data"] for page in range(1, 5)]
    assert [len(page) for page in pages] == [40, 40, 40, 30]
    assert len({row["id"] for page in pages for row in page}) == 150


def test_page_behind_the_last_is_empty(signed_in: Site) -> None:
    assert signed_in.shifts(page="99")["data"] == []


@pytest.mark.parametrize("page", [1, "0", "x", None, ""])
def test_page_number_that_is_no_positive_number_in_a_string_is_refused(signed_in: Site, page: object) -> None:
    answer = signed_in.call("POST", GRID, grid_body(page=page))
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert "pageNumber" in answer.json()["message"]


@pytest.mark.parametrize("size", ["200", 0, 1.5])
def test_page_size_that_is_no_positive_whole_number_is_refused(signed_in: Site, size: object) -> None:
    assert signed_in.call("POST", GRID, grid_body(size=size)).json()["success"] is False


@pytest.mark.wire_facts("G15")
def test_sort_desc_gives_newest_first_and_asc_the_reverse(signed_in: Site) -> None:
    newest = [row["timeIn"]["timeStamp"] for row in signed_in.shifts(direction="desc")["data"]]
    oldest = [row["timeIn"]["timeStamp"] for row in signed_in.shifts(direction="asc")["data"]]
    assert newest == sorted(newest, reverse=True)
    assert oldest == newest[::-1]


def test_sort_by_worker_name_orders_by_name(signed_in: Site) -> None:
    names = [row["name"] for row in signed_in.shifts(sort="2", direction="asc")["data"]]
    assert names == sorted(names)


def test_sort_by_an_unknown_column_or_direction_is_refused(signed_in: Site) -> None:
    assert signed_in.call("POST", GRID, grid_body(sort="99")).json()["success"] is False
    assert signed_in.call("POST", GRID, grid_body(direction="down")).json()["success"] is False


def test_job_ids_narrow_and_general_items_come_only_when_included(signed_in: Site) -> None:
    user_id = signed_in.control.listed("users")[0]["id"]
    signed_in.control.add_shift(job_id=0, user_id=user_id, time_in="2026-06-01T07:00", time_out="2026-06-01T09:00")
    rows = signed_in.shifts()["data"]
    job_id = next(row["jobId"] for row in rows if row["jobId"])
    without = {row["jobId"] for row in signed_in.shifts(job_ids=[job_id], general=False)["data"]}
    beside = {row["jobId"] for row in signed_in.shifts(job_ids=[job_id], general=True)["data"]}
    assert (without, beside) == ({job_id}, {job_id, None})
    assert None not in {row["jobId"] for row in signed_in.shifts(general=False)["data"]}


def test_absent_job_ids_are_an_empty_list(signed_in: Site) -> None:
    body = grid_body()
    body["jobIds"] = None
    assert signed_in.data("POST", GRID, body) == signed_in.shifts(job_ids=[])


@pytest.mark.wire_facts("G10")
def test_custom_range_returns_nothing_unless_the_account_can(signed_in: Site) -> None:
    day = signed_in.shifts()["data"][20]["timeIn"]["timeStamp"][:10]
    dates = {"SelectedValue": 0, "StartDate": f"{day}T00:00:00", "EndDate": f"{day}T00:00:00"}
    assert signed_in.shifts(dates=dates)["records"] == 0
    signed_in.control.set_switches(custom_range_returns_nothing=False)
    found = {row["timeIn"]["timeStamp"][:10] for row in signed_in.shifts(dates=dates)["data"]}
    assert found == {day}


@pytest.mark.wire_facts("G10")
@pytest.mark.parametrize("filters", ["{", "[]", json.dumps({"12": "x"}), json.dumps({"12": '{"SelectedValue":5}'})])
def test_filters_that_cannot_be_read_are_refused(signed_in: Site, filters: str) -> None:
    answer = signed_in.call("POST", GRID, {**grid_body(), "filters": filters})
    assert answer.json()["success"] is False


def test_filters_as_an_object_instead_of_a_string_are_refused(signed_in: Site) -> None:
    assert signed_in.call("POST", GRID, {**grid_body(), "filters": {}}).json()["success"] is False


def test_filters_without_the_date_mean_all_time(signed_in: Site) -> None:
    body = grid_body(job_ids=signed_in.job_ids())
    assert signed_in.data("POST", GRID, {**body, "filters": "{}"})["records"] == 150


def test_grid_type_other_than_the_time_clock_is_refused(signed_in: Site) -> None:
    assert signed_in.call("POST", "/api/TimeClock/Grid?gridType=3", grid_body()).json()["success"] is False


def test_grid_without_a_body_is_refused(signed_in: Site) -> None:
    assert signed_in.call("POST", GRID).json()["success"] is False


def test_users_grid_lists_office_and_field(signed_in: Site) -> None:
    data = signed_in.data("POST", "/api/InternalUsers/Grid", grid_body())
    assert data["records"] == signed_in.control.summary()["users"]
    roles = {row["role"] for row in data["data"]}
    assert {"Owner", "Lead Carpenter"} <= roles
    assert {row["isActive"] for row in data["data"]} == {True, False}


@pytest.mark.parametrize("status", ["404", "500"])
def test_users_endpoint_may_be_missing(signed_in: Site, status: str) -> None:
    signed_in.control.set_switches(users_endpoint=status)
    answer = signed_in.call("POST", "/api/InternalUsers/Grid", grid_body())
    assert answer.status_code == int(status)
    assert answer.headers["content-type"].startswith("text/html")
