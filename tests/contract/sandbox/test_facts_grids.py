"""Which shifts a grid shows and how it counts them: what the jobs' ids, the stated total and the columns decide."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox.wire import CAPTURED_COLUMNS, Site, grid_body

GRID = "/api/TimeClock/Grid?gridType=29"


def ids(site: Site) -> list[int]:
    return [job["id"] for job in site.control.listed("jobs") if job["id"]]


def truth(site: Site) -> dict[int | None, int]:
    """Shifts by job (None for General), counted from the control API."""
    counted: dict[int | None, int] = {}
    for shift in site.control.listed("shifts", limit=1000):
        counted[shift["job_id"] or None] = counted.get(shift["job_id"] or None, 0) + 1
    return counted


def of_general(site: Site) -> None:
    user_id = site.control.listed("users")[0]["id"]
    site.control.add_shift(job_id=0, user_id=user_id, time_in="2026-06-01T07:00", time_out="2026-06-01T09:00")


@pytest.mark.wire_facts("G1", "T1")
def test_answer_states_its_page_inside_the_envelopes_data(signed_in: Site) -> None:
    data = signed_in.shifts(job_ids=ids(signed_in), size=50)
    assert data.keys() == {"data", "totalPages", "records", "page", "pageSize"}
    assert (data["page"], data["pageSize"], len(data["data"])) == (1, 50, 50)


@pytest.mark.wire_facts("G2", "G4")
def test_job_ids_decide_which_shifts_are_shown(signed_in: Site) -> None:
    of_general(signed_in)
    counted, every = truth(signed_in), ids(signed_in)
    assert signed_in.shifts(job_ids=every)["records"] == sum(counted.values())
    assert signed_in.shifts(job_ids=every, general=False)["records"] == sum(counted.values()) - counted[None]
    some = every[:7]
    seen = {row["jobId"] for row in signed_in.shifts(job_ids=some, general=False, size=1000)["data"]}
    assert seen == {job_id for job_id in some if job_id in counted}
    assert signed_in.shifts(job_ids=[5], general=False)["records"] == 0


@pytest.mark.wire_facts("G3")
@pytest.mark.parametrize("switch", ["general", "nothing", "everything"])
def test_empty_list_of_ids_shows_what_the_account_takes_it_for(signed_in: Site, switch: str) -> None:
    of_general(signed_in)
    signed_in.control.set_switches(no_job_ids=switch)
    counted = truth(signed_in)
    expected = {"general": counted[None], "nothing": 0, "everything": sum(counted.values())}
    assert signed_in.shifts(job_ids=[])["records"] == expected[switch]


@pytest.mark.wire_facts("G5")
@pytest.mark.parametrize("answer", ["400", "500", "refused"])
def test_list_that_is_too_long_is_refused_and_batches_are_not(signed_in: Site, answer: str) -> None:
    signed_in.control.set_switches(most_job_ids=5, long_list_answer=answer)
    every = ids(signed_in)
    refused = signed_in.call("POST", GRID, grid_body(job_ids=every[:6]))
    assert refused.status_code == (200 if answer == "refused" else int(answer))
    if answer == "refused":
        assert refused.json()["success"] is False
    batches = [signed_in.shifts(job_ids=every[at : at + 5], general=at == 0)["records"] for at in range(0, 15, 5)]
    assert sum(batches) == sum(truth(signed_in).values())


@pytest.mark.wire_facts("G6", "G7")
def test_total_pages_follows_the_total_that_the_client_states_and_records_is_true(signed_in: Site) -> None:
    signed_in.control.set_switches(total_pages="asked")
    every = ids(signed_in)

    def pages(asked: int, size: int) -> tuple[int, int]:
        body = grid_body(job_ids=every, size=size)
        body["pagingData"]["totalRowsAllPages"] = asked
        data = signed_in.data("POST", GRID, body)
        return data["totalPages"], data["records"]

    assert [pages(asked, 40) for asked in (0, 39, 40, 80, 150)] == [(1, 150), (1, 150), (2, 150), (3, 150), (4, 150)]
    signed_in.control.set_switches(total_pages="records")
    assert pages(40, 40) == (4, 150)


@pytest.mark.wire_facts("G8")
@pytest.mark.parametrize(("form", "taken", "refused"), [("text", "1", 1), ("number", 1, "1")])
def test_page_number_is_taken_in_one_form_alone(signed_in: Site, form: str, taken: Any, refused: Any) -> None:
    signed_in.control.set_switches(page_number=form)
    assert signed_in.call("POST", GRID, grid_body(page=taken)).json()["success"] is True
    assert signed_in.call("POST", GRID, grid_body(page=refused)).json()["success"] is False


@pytest.mark.wire_facts("G9")
def test_page_may_be_smaller_than_asked_for_and_says_so(signed_in: Site) -> None:
    whole = [row["id"] for row in signed_in.shifts(job_ids=ids(signed_in))["data"]]
    signed_in.control.set_switches(most_page_size=60)
    pages = [signed_in.shifts(job_ids=ids(signed_in), page=page) for page in ("1", "2", "3", "4")]
    assert [page["pageSize"] for page in pages] == [60] * 4
    assert [[row["id"] for row in page["data"]] for page in pages] == [whole[:60], whole[60:120], whole[120:], []]


@pytest.mark.wire_facts("G11", "G12", "T10")
def test_columns_that_are_not_selected_are_null_or_zero(signed_in: Site) -> None:
    signed_in.control.set_switches(unselected_columns="null")
    every = ids(signed_in)

    def row(columns: list[str]) -> dict[str, Any]:
        body = grid_body(job_ids=every)
        body["gridRequest"]["selectedColumns"] = columns
        return dict(signed_in.data("POST", GRID, body)["data"][-1])

    bare, captured = row([]), row(list(CAPTURED_COLUMNS))
    assert (bare["id"], bare["timeIn"], bare["regularTime"], bare["costCodes"]) == (bare["id"], None, 0, None)
    for field in ("timeIn", "name", "breakTime", "costCodes", "approvalStatus", "builderCost", "rate"):
        assert captured[field] is not None, field
    assert captured["totalWorkTime"] == 0
    totals = {one["totalWorkTime"] for one in signed_in.data("POST", GRID, _with_total(every))["data"]}
    assert totals != {0}
    signed_in.control.set_switches(unselected_columns="shown")
    assert row([])["timeIn"] is not None


def _with_total(job_ids: list[int]) -> dict[str, Any]:
    body = grid_body(job_ids=job_ids)
    body["gridRequest"]["selectedColumns"] = ["8"]
    return body


@pytest.mark.wire_facts("G13", "U3")
@pytest.mark.parametrize("shape", ["plain", "nested", "listed"])
def test_option_lists_stand_somewhere_in_the_tree_of_filters(signed_in: Site, shape: str) -> None:
    signed_in.control.set_switches(filters_shape=shape)
    users = {user["id"]: user["name"] for user in signed_in.control.listed("users", limit=1000)}
    options = found(signed_in.data("GET", "/api/Filters/92"))
    assert {one["id"]: one["name"] for one in options["users"]} == users
    assert {one["id"] for one in options["5"]} == set(ids(signed_in))
    signed_in.control.set_switches(users_in_filters=False)
    assert "users" not in found(signed_in.data("GET", "/api/Filters/33"))
    assert signed_in.call("GET", "/api/Filters/7").status_code == 404


def found(tree: Any) -> dict[str, Any]:
    """The largest `options` in a tree."""
    nodes, best = [tree], dict[str, Any]()
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            options = node.get("options")
            best = options if isinstance(options, dict) and len(options) >= len(best) else best
        nodes += node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return best


@pytest.mark.wire_facts("G13")
def test_views_describe_columns(signed_in: Site) -> None:
    (view,) = signed_in.data("GET", "/api/GridViews/29")["views"]
    assert {str(column["id"]) for column in view["columns"]} >= set(CAPTURED_COLUMNS)
    assert view["columns"][0].keys() >= {"id", "name", "jsonKey"}


@pytest.mark.wire_facts("U6")
def test_without_permission_only_ones_own_shifts_are_shown(signed_in: Site) -> None:
    signed_in.control.set_switches(other_time_sheets=False)
    own = min(user["id"] for user in signed_in.control.listed("users", limit=1000))
    signed_in.control.add_shift(job_id=0, user_id=own, time_in="2026-06-01T07:00")
    assert {row["userID"] for row in signed_in.shifts(job_ids=ids(signed_in))["data"]} == {own}


@pytest.mark.wire_facts("U2")
def test_grid_of_internal_users_is_there_only_where_it_is_switched_on(signed_in: Site) -> None:
    for there, status in ((True, 200), (False, 404)):
        signed_in.control.set_switches(internal_users_grid=there)
        assert signed_in.call("POST", "/api/InternalUsers/Grid", grid_body()).status_code == status


@pytest.mark.wire_facts("U4")
def test_bills_defaults_list_internal_users_and_others(signed_in: Site) -> None:
    assert signed_in.call("GET", "/api/Bills/DefaultInfo").status_code == 404
    signed_in.control.set_switches(bills_defaults=True)
    groups = signed_in.data("GET", "/api/Bills/DefaultInfo")["assignedTo"]["options"]
    people = [one for group in groups for one in group["options"]]
    assert {one["extraData"]["userType"] for one in people} == {1, 2}
    assert people[0].keys() >= {"id", "name", "emailAddresses", "phone"}
