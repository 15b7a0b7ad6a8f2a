"""Each entity's normalisation as tables of examples."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import InvalidRecordError
from schemas.avro_files import plain_schema
from schemas.codec import from_days, from_micros
from schemas.entities import BUDGETS, COST_CODES, ENTITIES, JOBS, TIME_ENTRIES, USERS, Entity
from streams.normalise.entities import budgeted_minutes, split_title
from streams.normalise.named_codes import NamedCode, named_codes, stated_codes
from streams.rules import RULES
from tests.unit.streams.factories import budget, change, cost_code, job, named, shift, user, worksheet_line

SAMPLES = {JOBS: job(), USERS: user(), COST_CODES: cost_code(), BUDGETS: budget(), TIME_ENTRIES: shift()}


def normalised(entity: Entity, after: dict[str, Any]) -> dict[str, Any]:
    return RULES[entity.name].normalise(change(entity, after))


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_canonical_record_has_the_fields_of_its_schema(entity: Entity) -> None:
    record = normalised(entity, SAMPLES[entity])
    assert set(record) == {field["name"] for field in plain_schema(entity.canonical_topic)["fields"]}
    assert record[entity.id_field] == change(entity, SAMPLES[entity])["entity_id"]
    assert record["deleted_at"] is None


@pytest.mark.parametrize(
    ("status", "word"),
    [(0, "closed"), (1, "open"), (2, "unknown"), (3, "warranty"), (4, "presale"), (None, "unknown"), (99, "unknown")],
)
def test_job_status_is_a_word(status: int | None, word: str) -> None:
    assert normalised(JOBS, job(status=status, isClosed=True))["status"] == word


def test_job_dates_are_local_days_without_sentinels() -> None:
    record = normalised(
        JOBS,
        job(
            dateOpened="2026-05-20T23:59:00",
            projectedStartDate="2026-06-01",
            projectedClosingDate="2055-01-01T00:00:00",
        ),
    )
    assert from_days(record["opened_on"]).isoformat() == "2026-05-20"
    assert from_days(record["starts_on"]).isoformat() == "2026-06-01"
    assert record["projected_close_on"] is None


def test_job_starts_when_it_really_did() -> None:
    record = normalised(JOBS, job(projectedStartDate="2026-06-01", actualStartDate="2026-06-03T00:00:00"))
    assert from_days(record["starts_on"]).isoformat() == "2026-06-03"


@pytest.mark.parametrize(("job_id", "is_general"), [(0, True), (1, False)])
def test_job_zero_is_general(job_id: int, is_general: bool) -> None:
    assert normalised(JOBS, job(job_id))["is_general"] is is_general


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"firstName": "Ana", "lastName": "Diaz"}, "Ana Diaz"),
        ({"firstName": " Ana ", "lastName": None}, "Ana"),
        ({"firstName": None, "lastName": "Diaz", "name": "A. Diaz"}, "Diaz"),
        ({"firstName": None, "lastName": "", "name": "Ana Diaz"}, "Ana Diaz"),
        ({"firstName": None, "lastName": None, "name": None}, None),
    ],
)
def test_user_name_is_first_and_last_else_whole(names: dict[str, str | None], expected: str | None) -> None:
    assert normalised(USERS, user() | names)["name"] == expected


def test_user_cost_is_exact() -> None:
    assert normalised(USERS, user(defaultLaborCost="$42.25"))["hourly_cost_micros"] == 42_250_000


@pytest.mark.parametrize(
    ("title", "stated", "code", "name"),
    [
        ("01.02 General Carpentry", None, "01.02", "General Carpentry"),
        ("01.02 General Carpentry", "01.02", "01.02", "General Carpentry"),
        ("02.3070. Site Work", None, "02.3070", "Site Work"),
        ("02.3070.", None, "02.3070", None),
        ("02.3070. Site Work", "02.3070.", "02.3070", "Site Work"),
        ("1000 - Permits", None, "1000", "Permits"),
        ("02-110A Framing", None, "02-110A", "Framing"),
        ("General Carpentry", "01.02", "01.02", "General Carpentry"),
        ("C-7 Cabinets", "C-7", "C-7", "Cabinets"),
        ("C-70 Cabinets", "C-7", "C-7", "C-70 Cabinets"),
        ("General Carpentry", None, None, "General Carpentry"),
        ("2nd floor", None, None, "2nd floor"),
        ("Buildertrend Flat Rate", None, None, "Buildertrend Flat Rate"),
        (None, None, None, None),
    ],
)
def test_cost_code_is_split_from_its_title(
    title: str | None, stated: str | None, code: str | None, name: str | None
) -> None:
    assert split_title(title, stated) == (code, name)


def test_cost_code_title_is_kept_as_shown() -> None:
    assert normalised(COST_CODES, cost_code(title="02.3070. Site Work"))["title"] == "02.3070. Site Work"


@pytest.mark.parametrize(
    ("lines", "minutes"),
    [
        ([], None),
        ([worksheet_line("10", "EA")], None),
        ([worksheet_line("8")], 480),
        ([worksheet_line("8", "hrs"), worksheet_line("0.5", " Hour "), worksheet_line("1", "HOURS")], 570),
        ([worksheet_line("8"), worksheet_line("100", line_type=5)], 480),
        ([worksheet_line("100", line_type=5)], None),
        # Three times a third of an hour is an hour less a blink; summed before it is rounded, it is an hour.
        ([worksheet_line("0.3333")] * 3, 60),
        ([worksheet_line("0.333333333333")] * 3, 60),
        ([worksheet_line("0.1")] * 10, 60),
        ([worksheet_line(None)], None),
        ([worksheet_line(None), worksheet_line("2")], 120),
        ([worksheet_line("10"), worksheet_line("-2")], 480),
        ([worksheet_line("8", None)], None),
    ],
)
def test_budgeted_minutes_sum_the_lines_counted_in_hours(lines: list[dict[str, Any]], minutes: int | None) -> None:
    assert budgeted_minutes(lines) == minutes


def test_budget_amounts_are_exact() -> None:
    record = normalised(BUDGETS, budget(originalBudgetCosts="12500.10", revisedBudgetCosts='{"value": 13000}'))
    assert (record["original_amount_micros"], record["revised_amount_micros"]) == (12_500_100_000, 13_000_000_000)


def test_shift_is_whole() -> None:
    record = normalised(TIME_ENTRIES, shift(tags=["a", " "], notes=" late "))
    assert (record["break_minutes"], record["regular_minutes"], record["total_minutes"]) == (30, 480, 480)
    assert (record["hourly_cost_micros"], record["labor_cost_micros"]) == (42_000_000, 336_000_000)
    assert (record["approved"], record["notes"], record["tags"]) == (True, " late ", ["a"])


@pytest.mark.parametrize(
    ("regular", "overtime", "double", "total"),
    [
        (480, 30, 0, 510),
        (480, None, None, 480),
        (None, 30, 0, 30),
        (None, None, None, None),
        (0, 0, 0, 0),
        (None, 0, 0, None),
        (0, None, None, 0),
        (480, 30, 15, 525),
        (None, None, 15, 15),
        (None, 0, 15, 15),
    ],
)
def test_shift_total_is_regular_time_and_both_overtimes(
    regular: int | None, overtime: int | None, double: int | None, total: int | None
) -> None:
    record = normalised(TIME_ENTRIES, shift(regularTime=regular, overTime=overtime, doubleOverTime=double))
    assert (record["double_overtime_minutes"], record["total_minutes"]) == (double, total)


def test_paid_absence_is_not_in_the_total() -> None:
    record = normalised(TIME_ENTRIES, shift(personalTimeOff=120))
    assert (record["pto_minutes"], record["total_minutes"]) == (120, 480)


@pytest.mark.parametrize(
    ("is_approved", "stated", "approved_at"),
    [
        (True, "2026-05-07T16:43:54.66", "2026-05-07T20:43:54.660000+00:00"),
        (True, "2026-11-01T01:30:00", "2026-11-01T05:30:00+00:00"),
        (True, "2026-03-08T02:30:00", "2026-03-08T07:30:00+00:00"),
        (True, "0001-01-01T00:00:00", None),
        (True, None, None),
        (False, "2026-05-07T16:43:54.66", None),
        (None, "soon", None),
    ],
)
def test_approval_that_stands_has_its_instant(
    is_approved: bool | None, stated: str | None, approved_at: str | None
) -> None:
    record = normalised(TIME_ENTRIES, shift(approvalStatus={"isApproved": is_approved, "updatedDate": stated}))
    found = record["approved_at"]
    assert (found and from_micros(found).isoformat(), record["link_detail"]) == (approved_at, None)


def test_shift_with_nothing_optional_is_normalised() -> None:
    bare = dict.fromkeys(("breakTime", "regularTime", "overTime", "builderCost", "rate", "approvalStatus", "notes"))
    record = normalised(TIME_ENTRIES, shift(end=None) | bare)
    assert {record[name] for name in ("ended_at", "break_minutes", "total_minutes", "approved", "notes")} == {None}


def test_shift_length_with_its_break_decides_the_double_hour() -> None:
    worked = {"regularTime": 440, "overTime": 40, "doubleOverTime": 20, "breakTime": {"breakTime": 40}}
    late = normalised(TIME_ENTRIES, shift(start="2026-11-01T01:30:00", end="2026-11-01T09:30:00") | worked)
    assert late["ended_at"] - late["started_at"] == 540 * 60_000_000


def test_named_codes_are_distinct_and_in_order() -> None:
    found = named_codes(stated_codes(shift(titles=("B", "A", " B ", ""))))
    assert found.codes == (NamedCode(None, "B"), NamedCode(None, "A"))


@pytest.mark.parametrize(("stated", "kept"), [("shift", "shift"), ("list", "list"), ("?", "list")])
def test_cost_code_says_who_states_it(stated: str, kept: str) -> None:
    assert normalised(COST_CODES, cost_code(statedBy=stated))["stated_by"] == kept


@pytest.mark.parametrize(
    ("entity", "after", "reason"),
    [
        (JOBS, job(-1), "job id is negative"),
        (BUDGETS, budget(worksheetLines=[worksheet_line("many")]), "worksheet quantity is not a number"),
        (BUDGETS, budget(worksheetLines=[worksheet_line("1e20")]), "budgeted time cannot be"),
        (TIME_ENTRIES, shift(userID=-5), "user id is negative"),
        (TIME_ENTRIES, shift(regularTime=-480), "regular time cannot be"),
        (TIME_ENTRIES, shift(doubleOverTime=-1), "double overtime cannot be"),
        (TIME_ENTRIES, shift(start="9999-12-31T08:00:00"), "start is in the year 9999, not in 1990 to 2100"),
        (TIME_ENTRIES, shift(end="0002-01-01T08:00:00"), "end is in the year 2, not in 1990 to 2100"),
        (TIME_ENTRIES, shift(end="2026-05-20T08:00:00"), "ends before it starts"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_reason(entity: Entity, after: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidRecordError, match=reason):
        normalised(entity, after)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"notes": "a\x00b"}, "Control characters were removed from the notes."),
        ({"jobName": "a\x00b"}, "Control characters were removed from the job name."),
        ({"name": "a\x1bb"}, "Control characters were removed from the worker's name."),
        ({"tags": ["\x00"]}, "Control characters were removed from the tags."),
        ({"costCodes": [named("\x00A")]}, "Control characters were removed from the cost code title."),
        ({"notes": "a" * 20_000}, "Only the first 10000 characters of the notes are kept."),
        ({"rate": "€42.00"}, "The rate is not a number that can be read."),
        ({"rate": "$42.00/hr"}, "The rate is not a number that can be read."),
        ({"rate": "—"}, "The rate is not a number that can be read."),
        ({"rate": '{"a":' * 3_000}, "The rate is not a number that can be read."),
        ({"builderCost": {"value": "9" * 5_000}}, "The labor cost is not a number that can be read."),
        ({"personalTimeOff": -1}, "The paid absence cannot be -1 minutes."),
        (
            {"approvalStatus": {"isApproved": True, "updatedDate": "soon"}},
            "The approval is not a timestamp such as 2026-05-20T09:19:00.",
        ),
        ({"builderCost": {"value": "1e50"}}, "The labor cost is larger than any amount of money can be."),
    ],
)
def test_what_decides_no_hours_never_refuses_a_shift_and_is_noted(changes: dict[str, Any], note: str) -> None:
    record = normalised(TIME_ENTRIES, shift(**changes))
    assert (record["total_minutes"], record["link_detail"]) == (480, note)


@pytest.mark.parametrize(
    ("entity", "after", "left"),
    [
        (JOBS, job(jobName="a\x00b", dateOpened="soon"), {"name": "ab", "opened_on": None}),
        (JOBS, job(projectedClosingDate="9999-12-31"), {"projected_close_on": None}),
        (USERS, user(defaultLaborCost="a lot", email="\x00"), {"hourly_cost_micros": None, "email": None}),
        (COST_CODES, cost_code(title="\x0001 A"), {"title": "01 A", "code": "01"}),
        (
            BUDGETS,
            budget(originalBudgetCosts="€5", category="\x00a"),
            {"original_amount_micros": None, "category": "a"},
        ),
    ],
)
def test_no_other_entity_is_refused_for_its_texts_and_amounts(
    entity: Entity, after: dict[str, Any], left: dict[str, Any]
) -> None:
    record = normalised(entity, after)
    assert {name: record[name] for name in left} == left


def test_unknown_time_zone_is_refused() -> None:
    with pytest.raises(InvalidRecordError, match="correct it in the connection"):
        RULES["time-entries"].normalise(change(TIME_ENTRIES, shift(), time_zone="Nowhere/None"))
