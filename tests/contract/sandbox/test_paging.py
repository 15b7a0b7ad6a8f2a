"""Pages and orders that are not what was asked for, and edits in the middle of a read."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.client import ControlError
from tests.contract.sandbox.wire import Site

GRID = "TimeClock/Grid"


def set_paging(site: Site, fault: str, by: int = 1) -> None:
    rule = {"entity": "time-entries", "fault": fault, "by": by}
    site.control.set_switches(paging=[rule], total_pages="records")


def pages(site: Site, *numbers: int, size: int = 40) -> list[list[int]]:
    """Ids on each of the pages."""
    return [[row["id"] for row in site.shifts(size=size, page=str(number))["data"]] for number in numbers]


def test_ignored_page_number_gives_the_first_page_every_time(signed_in: Site) -> None:
    (first,) = pages(signed_in, 1)
    set_paging(signed_in, "page-ignored")
    assert pages(signed_in, 1, 2, 3, 99) == [first] * 4
    data = signed_in.shifts(size=40, page="3")
    assert (data["page"], data["totalPages"], data["records"]) == (1, 4, 150)


def test_shifted_pages_overlap_by_so_many_rows(signed_in: Site) -> None:
    whole = [row["id"] for row in signed_in.shifts()["data"]]
    set_paging(signed_in, "shifted", by=3)
    assert pages(signed_in, 1, 2, 3, 4) == [whole[:40], whole[37:77], whole[77:117], whole[117:157]]
    set_paging(signed_in, "shifted", by=-3)
    assert pages(signed_in, 1, 2) == [whole[:40], whole[43:83]]


@pytest.mark.parametrize(("by", "stated"), [(2, 6), (-1, 3), (-9, 0)])
def test_stated_pages_lie_and_rows_do_not(signed_in: Site, by: int, stated: int) -> None:
    before = pages(signed_in, 1, 4, 5)
    set_paging(signed_in, "stated-pages", by=by)
    assert pages(signed_in, 1, 4, 5) == before
    assert signed_in.shifts(size=40)["totalPages"] == stated


def test_growing_pages_state_one_more_than_asked_for(signed_in: Site) -> None:
    set_paging(signed_in, "growing-pages")
    stated = [signed_in.shifts(size=40, page=page)["totalPages"] for page in ("1", "3", "4", "50")]
    assert stated == [4, 4, 5, 51]


def test_repeated_rows_stand_in_place_of_the_next_pages_first(signed_in: Site) -> None:
    whole = [row["id"] for row in signed_in.shifts()["data"]]
    set_paging(signed_in, "repeated", by=2)
    assert pages(signed_in, 1, 2) == [whole[:40], [*whole[38:40], *whole[42:80]]]
    assert signed_in.shifts(size=40, page="2")["records"] == 150


def test_short_pages_lack_their_last_rows_and_totals_stay_true(signed_in: Site) -> None:
    whole = [row["id"] for row in signed_in.shifts()["data"]]
    set_paging(signed_in, "short", by=30)
    assert pages(signed_in, 1, 2, 4) == [whole[:10], whole[40:50], []]
    assert signed_in.shifts(size=40, page="2")["records"] == 150


def test_paging_of_one_grid_leaves_the_other_alone_and_heals(signed_in: Site) -> None:
    signed_in.control.set_switches(total_pages="records")
    users = signed_in.users(size=3, page="2")
    set_paging(signed_in, "page-ignored")
    assert signed_in.users(size=3, page="2") == users
    signed_in.control.set_switches(paging=[{"entity": "users", "fault": "page-ignored"}])
    assert signed_in.users(size=3, page="2")["data"] == signed_in.users(size=3)["data"]
    signed_in.control.heal("paging")
    assert signed_in.users(size=3, page="2") == users


def test_sort_may_be_ascending_whatever_was_asked(signed_in: Site) -> None:
    ascending = signed_in.shifts(direction="asc")["data"]
    signed_in.control.set_switches(grid_sort="ascending")
    assert signed_in.shifts(direction="desc")["data"] == ascending
    assert signed_in.shifts(direction="asc")["data"] == ascending


def test_sort_may_be_random_and_the_same_every_time_with_every_row_once(signed_in: Site) -> None:
    whole = [row["id"] for row in signed_in.shifts()["data"]]
    signed_in.control.set_switches(grid_sort="random")
    (shown,) = pages(signed_in, 1, size=200)
    assert [one for page in pages(signed_in, 1, 2, 3, 4) for one in page] == shown
    assert sorted(shown) == sorted(whole)
    assert shown not in (whole, whole[::-1])


def script(site: Site, *edits: dict[str, Any], request: int = 1, path: str = GRID) -> None:
    site.control.set_switches(on_request=[{"path_contains": path, "request": request, "edits": list(edits)}])


def test_edits_are_made_right_before_the_chosen_request(signed_in: Site) -> None:
    whole = [row["id"] for row in signed_in.shifts()["data"]]
    script(signed_in, {"op": "delete", "id": whole[5]}, {"op": "delete", "id": whole[6]}, request=2)
    first, second = pages(signed_in, 1, 2)
    assert first == whole[:40]
    # Two rows of page 1 are gone by now, so two rows have slipped from page 2 to page 1 unseen.
    assert second == whole[42:82]
    assert signed_in.control.switches()["on_request"][0]["request"] == 0
    assert signed_in.shifts()["records"] == 148


def test_inserted_shift_pushes_a_row_onto_the_next_page(signed_in: Site) -> None:
    whole = [row["id"] for row in signed_in.shifts()["data"]]
    user_id = signed_in.control.listed("users")[0]["id"]
    values = {"job_id": 0, "user_id": user_id, "time_in": "2026-06-18T07:00"}
    script(signed_in, {"op": "insert", "values": values}, request=2)
    assert pages(signed_in, 1, 2) == [whole[:40], whole[39:79]]


def test_moved_and_edited_shift_are_named_by_their_place(signed_in: Site) -> None:
    whole = [row["id"] for row in signed_in.shifts()["data"]]
    script(
        signed_in,
        {"op": "edit", "place": 1, "values": {"notes": "late"}},
        {"op": "move", "place": 0, "minutes": -60 * 24 * 3650},
    )
    rows = signed_in.shifts()["data"]
    assert rows[-1]["id"] == whole[0]
    assert next(row["notes"] for row in rows if row["id"] == whole[1]) == "late"


@pytest.mark.parametrize(
    ("path", "edit", "seen"),
    [
        ("jobpicker", {"op": "edit", "kind": "jobs", "place": 1, "values": {"name": "Mid-read"}}, "Mid-read"),
        ("InternalUsers", {"op": "insert", "kind": "users", "values": {"first_name": "Mid-read"}}, "Mid-read"),
    ],
)
def test_jobs_and_users_change_in_a_read_too(signed_in: Site, path: str, edit: dict[str, Any], seen: str) -> None:
    script(signed_in, edit, path=path)
    text = str(signed_in.jobs()) if path == "jobpicker" else str(signed_in.users()["data"])
    assert seen in text


def test_budget_line_goes_in_the_middle_of_a_read(signed_in: Site) -> None:
    line = signed_in.control.listed("budget-lines")[0]
    script(signed_in, {"op": "delete", "kind": "budget-lines", "id": line["id"]}, request=2, path="JobCostingBudget")
    seen = [[row["id"] for row in signed_in.budget(line["job_id"])] for _ in range(2)]
    assert line["cost_code_id"] in seen[0]
    assert line["cost_code_id"] not in seen[1]


def test_edit_that_cannot_be_made_is_noted_and_the_others_are_made(signed_in: Site) -> None:
    gone, kept = (row["id"] for row in signed_in.shifts()["data"][:2])
    script(signed_in, {"op": "delete", "id": 1}, {"op": "delete", "place": 9999}, {"op": "delete", "id": gone})
    assert signed_in.shifts()["data"][0]["id"] == kept
    assert "place 9999" in signed_in.control.switches()["on_request"][0]["problem"]


@pytest.mark.parametrize(
    "edit",
    [
        {"op": "insert", "values": {"job_id": 0}},
        {"op": "insert", "id": 5, "values": {}},
        {"op": "edit", "values": {"notes": "x"}},
        {"op": "edit", "id": 5, "values": {"nots": "x"}},
        {"op": "move", "kind": "jobs", "id": 5},
        {"op": "vanish", "id": 5},
    ],
)
def test_script_that_makes_no_sense_is_refused_at_once(site: Site, edit: dict[str, Any]) -> None:
    with pytest.raises(ControlError):
        script(site, edit)
