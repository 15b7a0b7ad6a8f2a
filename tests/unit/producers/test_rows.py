"""Rows: strict where pay depends on a field, tolerant elsewhere, and every unknown field kept exactly."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import AliasChoices, Field, create_model

from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.reads.extras import MOST_EXTRAS_TOGETHER, json_text, refused_text
from producers.buildertrend.reads.rows import (
    BudgetLine,
    CostCodeRow,
    Id,
    ListedJob,
    ListedUser,
    PickerJob,
    Row,
    Shift,
    Text,
    WorksheetLine,
    parse_row,
)
from producers.buildertrend.reads.shift_head import ShiftHead
from schemas.avro_files import plain_schema
from schemas.entities import COST_CODES, JOBS, TIME_ENTRIES, USERS, Entity
from schemas.faults import SOURCE_CHANGED
from tests.factories import shift_row

WHOLE: dict[type[Row], dict[str, Any]] = {
    Shift: shift_row(),
    PickerJob: {"jobId": 1, "jobName": "Tighe Garage", "status": 1},
    ListedJob: {"jobID": 1},
    ListedUser: {"id": 77, "name": "Ana Diaz"},
    CostCodeRow: {"id": 5, "title": "01 Site"},
    BudgetLine: {"id": 5, "title": "01 Site", "originalBudgetCosts": 100},
    WorksheetLine: {"id": 1, "lineItemType": 10, "costCodeTitle": "01 Site", "unit": "HR", "quantity": 8},
}


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def parsed(text: str) -> Any:
    """As the wire's JSON is parsed: decimals exact."""
    return json.loads(text, parse_float=Decimal)


def after_of(kind: type[Row], raw: dict[str, Any]) -> dict[str, Any]:
    return parse_row(kind, raw, what="rows").after(raw)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (kind, field)
        for kind, row in WHOLE.items()
        for field in row
        if field not in {"jobName", "name", "notes", "tags"}
    ],
)
def test_row_without_a_field_that_pay_depends_on_is_source_changed_with_its_name(kind: type[Row], field: str) -> None:
    with pytest.raises(SourceFaultError) as caught:
        parse_row(kind, without(WHOLE[kind], field), what="rows")
    assert caught.value.fault is SOURCE_CHANGED
    assert field in caught.value.detail


@pytest.mark.parametrize(
    "field", ["timeOut", "breakTime", "regularTime", "overTime", "builderCost", "rate", "approvalStatus"]
)
def test_shift_field_may_be_null_where_nothing_is_stated(field: str) -> None:
    assert after_of(Shift, shift_row() | {field: None})[field] is None


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"regularTime": Decimal("480.5")}, "regularTime"),
        ({"regularTime": "eight hours"}, "regularTime"),
        ({"overTime": True}, "overTime"),
        ({"id": "9001x"}, "id"),
        ({"id": 2**63}, "id"),
        ({"regularTime": Decimal("1e25")}, "regularTime"),
        ({"regularTime": Decimal("1e999999999")}, "regularTime"),
        ({"regularTime": 2**70}, "regularTime"),
        ({"regularTime": Decimal("7.5")}, "regularTime"),
        ({"regularTime": "8:00"}, "regularTime"),
        ({"jobId": None, "timeIn": {"timeStamp": "2026-05-20T09:19:00", "jobId": 123}}, "jobId"),
        ({"jobId": 0, "timeIn": {"timeStamp": "2026-05-20T09:19:00", "jobId": 123}}, "jobId"),
        ({"costCodes": [{"id": 5, "costCodeTitle": "01"}]}, "costCodes.0.totalMinutes"),
        ({"costCodes": [{"costCodeTitle": "01", "totalMinutes": 5}]}, "costCodes.0.id"),
        ({"costCodes": [{"id": 5, "totalMinutes": 5}]}, "costCodes.0.costCodeTitle"),
        ({"costCodes": [{"id": None, "costCodeTitle": None, "totalMinutes": 5}]}, "costCodes.0.costCodeTitle"),
        ({"rate": "$" * 999}, "rate"),
        ({"userID": None}, "userID"),
        ({"timeIn": "2026-05-20T09:19:00"}, "timeIn"),
        ({"timeIn": {"time": "x"}}, "timeIn.timeStamp"),
        ({"timeOut": {}}, "timeOut.timeStamp"),
        ({"approvalStatus": {"approved": True}}, "approvalStatus.isApproved"),
        ({"costCodes": [{"title": "01"}]}, "costCodes.0.costCodeTitle"),
        ({"builderCost": {"amount": 1}}, "builderCost"),
    ],
)
def test_shift_field_of_another_form_is_source_changed_with_its_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(SourceFaultError) as caught:
        parse_row(Shift, shift_row(**changes), what="shifts")
    assert f"field {place}" in caught.value.detail


def test_row_fault_never_holds_the_rows_values() -> None:
    with pytest.raises(SourceFaultError) as caught:
        parse_row(Shift, shift_row(name="Ana Diaz", jobId="Ana Diaz"), what="shifts")
    assert "Ana" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("raw", [None, 5, "text", [], [shift_row()]])
def test_row_that_is_no_object_is_source_changed(raw: Any) -> None:
    with pytest.raises(SourceFaultError) as caught:
        parse_row(Shift, raw, what="shifts")
    assert caught.value.fault is SOURCE_CHANGED


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ('{"value": 336.0}', "336.0"),
        ('{"value": 336.10}', "336.10"),
        ('{"value": 336}', "336"),
        ('{"value": "$1,336.00"}', "$1,336.00"),
        ('{"value": null}', None),
        ("336.5", "336.5"),
        ('"$336.50"', "$336.50"),
        ("12345678901234567890.123456", "12345678901234567890.123456"),
    ],
)
def test_money_of_a_shift_is_kept_as_stated_wrapped_or_not(stated: str, kept: str | None) -> None:
    assert after_of(Shift, shift_row(builderCost=parsed(stated)))["builderCost"] == {"value": kept}


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ('{"value": 42.5}', "42.5"),
        ("42.50", "42.50"),
        ("42", "42"),
        ('"$42.50"', "$42.50"),
        ("null", None),
        ("-3.1", "-3.1"),
    ],
)
def test_amounts_are_kept_as_the_text_that_was_stated(stated: str, kept: str | None) -> None:
    line = {**WHOLE[BudgetLine], "originalBudgetCosts": parsed(stated)}
    assert after_of(BudgetLine, line)["originalBudgetCosts"] == kept
    user = {**WHOLE[ListedUser], "defaultLaborCost": parsed(stated)}
    assert after_of(ListedUser, user)["defaultLaborCost"] == kept


@pytest.mark.parametrize(("stated", "minutes"), [("480", 480), ("480.0", 480), ("0", 0), ("4.8E2", 480)])
def test_minutes_are_whole_numbers_however_written(stated: str, minutes: int) -> None:
    assert after_of(Shift, shift_row(regularTime=parsed(stated)))["regularTime"] == minutes


@pytest.mark.parametrize(
    "raw",
    [
        {"id": 5, "code": "01.", "title": "01 Site"},
        {"costCodeId": 5, "displayCode": "01.", "name": "01 Site"},
        {"id": 5, "displayCode": "01.", "title": "01 Site"},
    ],
)
def test_cost_code_spellings_give_the_same_row(raw: dict[str, Any]) -> None:
    after = after_of(CostCodeRow, raw)
    assert after == {"id": 5, "code": "01.", "title": "01 Site", "category": None, "isActive": None} | {
        "statedBy": "list",
        "extras": {},
    }


def test_second_spelling_of_a_field_is_kept_as_unknown() -> None:
    after = after_of(CostCodeRow, {"id": 5, "code": "01.", "displayCode": "01", "title": "01 Site"})
    assert (after["code"], after["extras"]) == ("01.", {"displayCode": '"01"'})


def test_unknown_fields_of_a_list_of_parts_are_kept_by_the_list() -> None:
    code = {"id": 7, "costCodeTitle": "01 Site", "totalMinutes": Decimal("487.998")}
    after = after_of(Shift, shift_row(costCodes=[code | {"useDecimal": False}]))
    assert (after["costCodes"], after["extras"]) == (
        [code | {"totalMinutes": "487.998"}],
        {"costCodes.useDecimal": "false"},
    )


def test_cost_code_as_a_number_is_text_with_every_digit() -> None:
    assert after_of(CostCodeRow, parsed('{"id": 5, "code": 1.10, "title": "x"}'))["code"] == "1.10"


def test_unknown_fields_are_kept_as_exact_json_text_with_their_place() -> None:
    raw = shift_row(
        mood="good",
        odd=parsed('{"one": 39.739235123456789012, "two": -104.990250, "ok": true, "none": null}'),
        timeIn={"timeStamp": "2026-05-20T09:19:00", "device": "phöne"},
        history=parsed('[1, 2.50, {"b": 1, "a": "x"}]'),
    )
    extras = after_of(Shift, raw)["extras"]
    assert extras == {
        "mood": '"good"',
        "odd": '{"none":null,"ok":true,"one":39.739235123456789012,"two":-104.990250}',
        "timeIn.device": '"phöne"',
        "history": '[1,2.50,{"a":"x","b":1}]',
    }


def test_json_text_is_json_that_parses_to_the_same() -> None:
    text = '{"a": [1.10, "q\\"uote", {"é": false}], "b": 1E+30}'
    assert parsed(json_text(parsed(text))) == parsed(text)


@pytest.mark.parametrize(("tags", "kept"), [([], []), (["late"], ["late"]), (None, [])])
def test_tags_that_are_not_stated_are_none(tags: list[str] | None, kept: list[str]) -> None:
    assert after_of(Shift, shift_row(tags=tags))["tags"] == kept
    assert after_of(Shift, without(shift_row(), "tags"))["tags"] == []


@pytest.mark.parametrize(
    ("entity", "kind"), [(TIME_ENTRIES, Shift), (JOBS, PickerJob), (USERS, ListedUser), (COST_CODES, CostCodeRow)]
)
def test_after_has_exactly_the_fields_of_the_raw_schema(entity: Entity, kind: type[Row]) -> None:
    (_, after) = next(field["type"] for field in plain_schema(entity.raw_topic)["fields"] if field["name"] == "after")
    assert set(after_of(kind, WHOLE[kind])) == {field["name"] for field in after["fields"]}


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"regularTime": "480"}, {"regularTime": 480}),
        ({"regularTime": "480.0"}, {"regularTime": 480}),
        ({"regularTime": Decimal("479.998")}, {"regularTime": 480}),
        ({"id": "9001", "userID": Decimal("77.0")}, {"id": 9001, "userID": 77}),
        ({"breakTime": 30}, {"breakTime": {"breakTime": 30}}),
        ({"breakTime": "30"}, {"breakTime": {"breakTime": 30}}),
        ({"approvalStatus": True}, {"approvalStatus": {"isApproved": True}}),
        ({"rate": {"value": Decimal("25.00"), "scale": 2}}, {"rate": "25.00"}),
        ({"rate": Decimal("42.5")}, {"rate": "42.5"}),
        ({"costCodes": None}, {"costCodes": []}),
        ({"tags": [{"id": 1, "name": "late"}, "rain", 5]}, {"tags": ["late", "rain"]}),
        ({"tags": "late"}, {"tags": ["late"]}),
        ({"notes": {"text": "x"}}, {"notes": None}),
        ({"jobId": None, "timeIn": {"timeStamp": "2026-05-20T09:19:00", "jobId": 0}}, {"jobId": 0}),
        ({"jobId": None, "timeIn": {"timeStamp": "2026-05-20T09:19:00", "jobId": None}}, {"jobId": 0}),
        ({"jobId": None}, {"jobId": 0}),
        (
            {"costCodes": [{"id": 5, "costCodeTitle": None, "totalMinutes": None}]},
            {"costCodes": [{"id": 5, "costCodeTitle": "", "totalMinutes": None}]},
        ),
        (
            {"costCodes": [{"id": None, "costCodeTitle": "01", "totalMinutes": "60.0"}]},
            {"costCodes": [{"id": None, "costCodeTitle": "01", "totalMinutes": "60.0"}]},
        ),
        ({"costCodes": [{"id": None, "costCodeTitle": None, "totalMinutes": 0}]}, {"costCodes": []}),
        ({"doubleOverTime": Decimal("59.998"), "personalTimeOff": None}, {"doubleOverTime": 60}),
    ],
)
def test_shift_field_in_another_form_that_is_unambiguous_is_taken(
    changes: dict[str, Any], kept: dict[str, Any]
) -> None:
    after = after_of(Shift, shift_row(**changes))
    assert {name: after[name] for name in kept} == kept


@pytest.mark.parametrize(
    ("kind", "field", "stated"),
    [
        (PickerJob, "status", 2**40),
        (PickerJob, "isClosed", "no"),
        (PickerJob, "dateOpened", {"date": "x"}),
        (ListedUser, "isActive", 1),
        (Shift, "notes", ["x"]),
    ],
)
def test_field_that_decides_no_hours_is_null_and_kept_beside_where_it_is_of_no_use(
    kind: type[Row], field: str, stated: Any
) -> None:
    after = after_of(kind, {**WHOLE[kind], field: stated})
    assert after[field] is None
    assert json.loads(after["extras"][field]) == stated


def test_where_somebody_stood_leaves_in_no_form() -> None:
    where = {"latitude": 1.5, "longitude": 2.5}
    raw = shift_row(
        timeIn={
            "timeStamp": "2026-05-20T09:19:00",
            "location": where,
            "outOfBounds": True,
            "device": {"location": where},
        },
        locationInfo=where,
        outOfBounds=False,
        history=[{"Location": where, "note": "x"}],
    )
    text = json_text(after_of(Shift, raw)) + refused_text(raw).decode()
    assert not any(word in text.lower() for word in ("latitude", "longitude", "location", "outofbounds"))
    assert "note" in text


def test_unknown_fields_are_bounded_and_say_what_was_cut() -> None:
    raw = shift_row(huge="x" * 1_500_000) | {f"field{n}": "y" * 1_000 for n in range(1_000)} | {"k" * 5_000: 1}
    extras = after_of(Shift, raw)["extras"]
    assert json.loads(extras["huge"])["characters"] == 1_500_002
    assert sum(len(name) + len(text) for name, text in extras.items()) <= MOST_EXTRAS_TOGETHER
    assert len(extras) > 50


def test_free_text_without_end_is_cut_and_the_hours_stay() -> None:
    after = after_of(Shift, shift_row(notes="n" * 1_500_000))
    assert len(after["notes"]) < 33_000
    assert after["regularTime"] == shift_row()["regularTime"]


def test_refused_row_that_is_too_long_is_kept_by_its_beginning_size_and_hash() -> None:
    kept = json.loads(refused_text(shift_row(notes="n" * 1_500_000)))
    assert (kept["cut"], len(kept["blake2b"])) == (True, 32)
    assert kept["bytes"] > 1_500_000


# A shift of which Buildertrend renamed the worker and the notes.
RenamedShift = create_model(
    "RenamedShift",
    __base__=Shift,
    userID=(Id, Field(validation_alias=AliasChoices("workerId", "userID"))),
    notes=(Text, Field(default=None, validation_alias="comment")),
)


@pytest.mark.parametrize("worker", ["workerId", "userID"])
def test_renamed_field_is_known_by_its_alias_alone(worker: str) -> None:
    raw = shift_row() | {"comment": "x", "other": 1}
    raw[worker] = raw.pop("userID")
    after = parse_row(RenamedShift, raw, what="shifts").after(raw)
    assert (after["userID"], after["notes"]) == (raw[worker], "x")
    assert "other" in after["extras"]
    assert not {"comment", worker} & after["extras"].keys()


def test_renamed_id_is_found_in_a_row_that_cannot_be_read() -> None:
    class Renamed(Shift):
        id: Id = Field(validation_alias=AliasChoices("shiftId", "id"))

    assert [Renamed.stated_id(raw) for raw in ({"shiftId": "7"}, {"id": 8}, {}, 9)] == [7, 8, None, None]


def test_head_of_a_shift_takes_its_names_from_the_row() -> None:
    assert set(ShiftHead.__struct_fields__) <= Shift.model_fields.keys()
    assert RenamedShift.preferred_names()["userID"] == "workerId"
    assert ShiftHead.__struct_encode_fields__ == tuple(map(Shift.preferred_names().get, ShiftHead.__struct_fields__))


# In the shape that was read off real answers (T2 to T15); nobody's values.
CAPTURED = """
{"id": 90000001, "jobId": null, "builderId": 60001, "userID": 7700001, "jobName": "General", "name": "Ana Diaz",
 "date": {"date": "2026-04-18T08:02:00", "builderId": 60001, "jobId": 0, "id": 90000001},
 "timeIn": {"builderId": 60001, "jobId": 0, "id": 90000001, "timeStamp": "2026-04-18T08:02:00",
            "location": {"latitude": 39.5, "longitude": -105.2}, "outOfBounds": false, "canClockOut": false},
 "timeOut": {"timeStamp": "2026-04-18T09:29:00", "location": null},
 "breakTime": {"id": 90000001, "breakTime": 0, "useDecimal": false, "autoEndBreaks": false, "isOnBreak": false},
 "regularTime": 87, "overTime": 0, "doubleOverTime": 3, "personalTimeOff": 0, "totalWorkTime": 0,
 "approvalStatus": {"isApproved": true, "updatedDate": "2026-05-07T16:43:54.66", "updatedById": 1,
                    "updatedByName": ""},
 "builderCost": {"value": 36.25, "scale": 2}, "rate": "$25.00", "billableRate": null, "billableAmount": null,
 "costCodes": [{"id": 5500001, "costCodeTitle": "04 Concrete", "totalMinutes": 86.998, "useDecimal": false}],
 "createdBy": {"id": 1, "displayName": ""}, "createdDate": null, "edited": null, "accounting": null,
 "locationInfo": null, "gustoSyncStatus": 0, "relatedOwnerInvoices": null, "rowActionColumnResponse": null,
 "notes": "", "tags": [{"id": 4, "name": "late"}]}
"""


def test_captured_shift_is_taken_whole_without_where_somebody_stood() -> None:
    after = after_of(Shift, parsed(CAPTURED))
    known = {name: value for name, value in after.items() if name != "extras"}
    assert known == {
        "id": 90000001,
        "jobId": 0,
        "userID": 7700001,
        "jobName": "General",
        "name": "Ana Diaz",
        "timeIn": {"timeStamp": "2026-04-18T08:02:00"},
        "timeOut": {"timeStamp": "2026-04-18T09:29:00"},
        "breakTime": {"breakTime": 0},
        "regularTime": 87,
        "overTime": 0,
        "doubleOverTime": 3,
        "personalTimeOff": 0,
        "builderCost": {"value": "36.25"},
        "rate": "$25.00",
        "approvalStatus": {"isApproved": True, "updatedDate": "2026-05-07T16:43:54.66"},
        "costCodes": [{"id": 5500001, "costCodeTitle": "04 Concrete", "totalMinutes": "86.998"}],
        "notes": "",
        "tags": ["late"],
    }
    assert after["extras"]["builderId"] == "60001"
    assert after["extras"]["date"].startswith('{"builderId":60001')
    assert not any(word in json_text(after).lower() for word in ("latitude", "location", "outofbounds"))
