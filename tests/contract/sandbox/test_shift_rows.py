"""A shift's row as it was read off real answers, with what its switches change."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.sandbox.wire import Site

CAPTURED = [
    "id", "jobId", "builderId", "userID", "jobName", "name", "date", "timeIn", "timeOut", "breakTime", "regularTime",
    "overTime", "doubleOverTime", "personalTimeOff", "totalWorkTime", "approvalStatus", "builderCost", "rate",
    "billableRate", "billableAmount", "costCodes", "createdBy", "createdDate", "edited", "accounting", "locationInfo",
    "gustoSyncStatus", "relatedOwnerInvoices", "rowActionColumnResponse", "notes", "tags",
]  # fmt: skip


def add(site: Site, **values: Any) -> dict[str, Any]:
    """A shift of General from seven o'clock, as the grid shows it."""
    user_id = site.control.listed("users")[0]["id"]
    wanted = {"job_id": 0, "user_id": user_id, "time_in": "2026-05-20T07:00", **values}
    return shown(site, site.control.add_shift(**wanted)["id"])


def shown(site: Site, shift_id: int) -> dict[str, Any]:
    return next(row for row in site.shifts(size=1000)["data"] if row["id"] == shift_id)


def codes(site: Site, count: int) -> list[int]:
    return sorted(code["id"] for code in site.control.listed("cost-codes"))[:count]


@pytest.mark.wire_facts("S10", "U1", "T10", "T15", "M1", "M3")
def test_row_has_the_captured_fields_in_their_order(signed_in: Site) -> None:
    row = signed_in.shifts()["data"][-1]
    assert list(row) == CAPTURED
    assert row["builderId"] == signed_in.control.company["builder_id"]
    assert isinstance(row["userID"], int)
    assert row["name"]
    assert row["totalWorkTime"] == 0
    assert re.fullmatch(r"\$[\d,]+\.\d\d", row["rate"])
    assert row["builderCost"].keys() == {"value", "scale"}
    assert row["approvalStatus"].keys() == {"isApproved", "updatedDate", "updatedById", "updatedByName"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", row["timeIn"]["timeStamp"])
    assert row["breakTime"].keys() == {"id", "breakTime", "useDecimal", "autoEndBreaks", "isOnBreak", "canEndBreak"}


@pytest.mark.wire_facts("T2")
def test_general_shift_has_no_job_id_and_its_parts_say_zero(signed_in: Site) -> None:
    row = add(signed_in)
    assert (row["jobId"], row["timeIn"]["jobId"], row["date"]["jobId"], row["jobName"]) == (None, 0, 0, "General")
    job_id = signed_in.control.listed("jobs")[1]["id"]
    row = add(signed_in, job_id=job_id)
    assert (row["jobId"], row["timeIn"]["jobId"]) == (job_id, job_id)


@pytest.mark.wire_facts("T3", "T4")
@pytest.mark.parametrize(("minutes", "stated"), [(488, 487.998), (110, 109.998), (1, 1.002), (87, 87), (30, 30)])
def test_code_states_its_id_and_its_minutes_by_hours_of_four_decimals(
    signed_in: Site, minutes: int, stated: float
) -> None:
    (code_id,) = codes(signed_in, 1)
    until = f"2026-05-20T{7 + minutes // 60:02d}:{minutes % 60:02d}"
    (code,) = add(signed_in, time_out=until, cost_code_ids=[code_id])["costCodes"]
    assert code == {
        "id": code_id,
        "costCodeTitle": signed_in.control.record("cost-codes", code_id)["title"],
        "totalMinutes": stated,
        "useDecimal": False,
    }


@pytest.mark.wire_facts("T5", "T8", "T9")
def test_times_of_a_shift_add_up_and_its_codes_share_them(signed_in: Site) -> None:
    wanted = {"time_out": "2026-05-20T20:00", "break_minutes": 60, "overtime_minutes": 120, "pto_minutes": 45}
    row = add(signed_in, **wanted, double_overtime_minutes=60, cost_code_ids=codes(signed_in, 2))
    assert (row["regularTime"], row["overTime"], row["doubleOverTime"], row["personalTimeOff"]) == (540, 120, 60, 45)
    assert [code["totalMinutes"] for code in row["costCodes"]] == [360, 360]
    signed_in.control.set_switches(double_overtime_in_codes=False, pto_in_regular_time=True)
    row = shown(signed_in, row["id"])
    assert [code["totalMinutes"] for code in row["costCodes"]] == [330, 330]
    assert row["regularTime"] == 585


@pytest.mark.wire_facts("T3")
@pytest.mark.parametrize(("switch", "stated"), [("missing", None), ("zero", 0)])
def test_minutes_of_codes_may_be_missing(signed_in: Site, switch: str, stated: int | None) -> None:
    signed_in.control.set_switches(shift_code_minutes=switch)
    row = add(signed_in, time_out="2026-05-20T09:00", cost_code_ids=codes(signed_in, 2))
    assert [code["totalMinutes"] for code in row["costCodes"]] == [stated, stated]


@pytest.mark.wire_facts("T7")
def test_flat_rate_has_an_id_also_beside_another_code(signed_in: Site) -> None:
    (code_id,) = codes(signed_in, 1)
    alone = add(signed_in, time_out="2026-05-20T08:00", is_flat_rate=True)["costCodes"]
    beside = add(
        signed_in, time_out="2026-05-20T08:00", is_flat_rate=True, cost_code_ids=[code_id], cost_code_minutes=[20, 40]
    )["costCodes"]
    assert [code["costCodeTitle"] for code in alone] == ["Buildertrend Flat Rate"]
    assert [code["id"] for code in beside] == [code_id, alone[0]["id"]]
    assert alone[0]["id"] not in {code["id"] for code in signed_in.control.listed("cost-codes")}
    assert [code["totalMinutes"] for code in beside] == [19.998, 40.002]


@pytest.mark.wire_facts("T11")
def test_clocked_in_shift_has_no_time_out(signed_in: Site) -> None:
    assert add(signed_in)["timeOut"] is None
    assert add(signed_in, time_out="2026-05-20T08:00")["timeOut"]["timeStamp"] == "2026-05-20T08:00:00"


@pytest.mark.wire_facts("T12")
def test_tags_are_text_or_objects_with_a_name(signed_in: Site) -> None:
    row = add(signed_in, tags=["Rework", "Travel"])
    assert row["tags"] == ["Rework", "Travel"]
    signed_in.control.set_switches(tag_form="object")
    assert [tag["name"] for tag in shown(signed_in, row["id"])["tags"]] == ["Rework", "Travel"]


@pytest.mark.wire_facts("T13")
def test_shift_is_edited_and_deleted_without_a_trace(signed_in: Site) -> None:
    row = add(signed_in, time_out="2026-05-20T08:00")
    signed_in.control.edit_shift(row["id"], time_out="2026-05-20T09:00")
    assert shown(signed_in, row["id"])["regularTime"] == 120
    signed_in.control.delete_shift(row["id"])
    assert row["id"] not in {one["id"] for one in signed_in.shifts()["data"]}


@pytest.mark.wire_facts("T14")
def test_most_shifts_say_where_the_worker_stood(signed_in: Site) -> None:
    places = [row["timeIn"]["location"] for row in signed_in.shifts()["data"]]
    assert None in places
    assert all(place is None or place.keys() == {"latitude", "longitude"} for place in places)
    assert any(row["timeIn"]["outOfBounds"] for row in signed_in.shifts()["data"])


@pytest.mark.wire_facts("T15")
def test_approval_states_when_and_keeps_it_when_it_is_taken_back(signed_in: Site) -> None:
    row = add(signed_in, time_out="2026-05-20T08:00", is_approved=True)
    assert row["approvalStatus"]["isApproved"] is True
    assert row["approvalStatus"]["updatedDate"] == "2026-05-20T16:43:54.66"
    signed_in.control.edit_shift(row["id"], is_approved=False)
    status = shown(signed_in, row["id"])["approvalStatus"]
    assert (status["isApproved"], status["updatedDate"]) == (False, "2026-05-20T16:43:54.66")
