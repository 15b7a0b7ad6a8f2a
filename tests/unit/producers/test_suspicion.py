"""Rules of suspicion, at their bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from control.source_state import Known, ReadRange
from producers.buildertrend.filled import field_names, filled_of
from producers.runs.compare import Change, Comparison
from producers.runs.emptied import EmptiedFields
from producers.runs.suspicion import (
    EMPTY_BUDGETS,
    FEWER_CODES,
    HALF_THE_RECORDS,
    NO_ROWS,
    Looked,
    emptied_fields,
    suspicions,
)
from producers.source import Page, SourceRecord, SourceRow
from schemas.entities import BUDGETS, COST_CODES, JOBS, TIME_ENTRIES, USERS, Entity


def looked(entity: Entity = TIME_ENTRIES, **changes: Any) -> Looked:
    usual = Looked(
        entity=entity,
        whole=True,
        covered=ReadRange(),
        shows_nothing=False,
        unasked=(),
        published=100,
        in_range=100,
        jobs=10,
        records=None,
        records_before=None,
        brake_is_pulled=False,
    )
    return replace(usual, **changes)


def rules(found: Looked) -> list[str]:
    return [one.rule for one in suspicions(found)]


def test_usual_read_is_not_suspicious() -> None:
    assert [rules(looked(entity)) for entity in (JOBS, USERS, TIME_ENTRIES, COST_CODES, BUDGETS)] == [[]] * 5


@pytest.mark.parametrize(("before", "now", "wrong"), [(20, 9, True), (20, 10, False), (19, 1, False), (450, 224, True)])
def test_half_the_records(*, before: int, now: int, wrong: bool) -> None:
    assert rules(looked(records=now, records_before=before)) == ([HALF_THE_RECORDS] if wrong else [])


@pytest.mark.parametrize(("gone", "of", "wrong"), [(3, 5, True), (2, 2, False), (3, 6, False), (4, 7, True)])
def test_fewer_codes(*, gone: int, of: int, wrong: bool) -> None:
    found = looked(COST_CODES, unasked=[str(one) for one in range(gone)], in_range=of)
    assert rules(found) == ([FEWER_CODES] if wrong else [])


def test_empty_budgets_of_deleted_jobs_are_no_concern() -> None:
    unasked = ["1:7", "2:7", "3:7", "4:8"]
    asked = looked(BUDGETS, unasked=unasked, showing=["5", "6"], covered=ReadRange(parents=["1", "2", "3", "4", "5"]))
    assert rules(asked) == [EMPTY_BUDGETS]
    assert rules(replace(asked, covered=ReadRange(parents=["1", "2", "5", "6"]))) == []
    assert rules(replace(asked, showing=["5", "6", "7", "8"])) == []
    assert rules(replace(asked, showing=["1", "2", "5", "6"])) == []


def test_nothing_at_all_is_suspicious_where_there_was_something_or_there_are_jobs_to_work_on() -> None:
    nothing = looked(shows_nothing=True)
    assert rules(nothing) == [NO_ROWS]
    assert rules(replace(nothing, published=0, jobs=1)) == [NO_ROWS]
    assert rules(replace(nothing, published=0, jobs=0)) == []
    assert rules(replace(nothing, entity=USERS, published=0)) == []
    some_jobs = ReadRange(parents=["1"])
    assert rules(replace(nothing, entity=BUDGETS, whole=False, covered=some_jobs)) == []
    assert rules(replace(nothing, entity=BUDGETS, whole=True, covered=some_jobs)) == [NO_ROWS]


def test_every_sentence_says_where_to_look_and_what_to_order() -> None:
    everything = [
        looked(shows_nothing=True),
        looked(JOBS, brake_is_pulled=True, unasked=["1"]),
        looked(COST_CODES, unasked=["1", "2", "3"], in_range=4),
        looked(BUDGETS, unasked=["1:7", "2:7", "3:7"], showing=["5"]),
        looked(records=1, records_before=100),
    ]
    found = [one for each in everything for one in suspicions(each)] + [emptied_fields(TIME_ENTRIES, ["rate"])]
    assert len({one.rule for one in found}) == 6
    for one in found:
        assert "Look in Buildertrend" in one.sentence
        assert one.sentence.endswith("If that is true, order release-deletions.")


AFTER: dict[str, Any] = {
    "regularTime": 480,
    "overTime": 0,
    "breakTime": {"breakTime": 30},
    "costCodes": [{"id": 1}],
    "jobId": 0,
    "rate": "$0.00",
    "builderCost": {"value": "36.25"},
    "timeOut": None,
}


def test_filled_fields_are_those_with_another_value_than_null_zero_and_nothing() -> None:
    bits = filled_of("time-entries")(AFTER)
    assert field_names("time-entries", bits) == ["regularTime", "breakTime.breakTime", "costCodes", "builderCost.value"]
    assert filled_of("time-entries")({}) == 0


def taken(watch: EmptiedFields, rows: dict[str, tuple[int, int]], unchanged: dict[str, int] | None = None) -> set[str]:
    """Rows by id with the bits before and now; `unchanged` ones with their bits."""
    same = unchanged or {}
    known = {one: Known(b"", None, before) for one, (before, _) in rows.items() if before >= 0}
    known |= {one: Known(b"", None, bits) for one, bits in same.items()}
    changes = [Change("UPDATE", one, None, b"", None, now) for one, (_, now) in rows.items()]
    page = Page(1, [SourceRow.of(SourceRecord(one, {})) for one in (*rows, *same)], None)
    return watch.take(page, known, Comparison(changes, len(same)))


def test_rows_that_lost_a_field_wait_and_ten_rows_with_three_losses_are_suspicious() -> None:
    watch = EmptiedFields()
    assert taken(watch, {"1": (1, 0), "new": (-1, 0)}) == {"1", "new"}
    assert taken(watch, {str(one): (0, 0) for one in range(2, 9)}) == set()
    assert taken(watch, {"9": (1, 0)}) == {"9"}
    assert watch.suspicious() == 0, "two losses"
    assert taken(watch, {"10": (1, 0)}) == {"10"}
    assert watch.suspicious() == 1


def test_losses_in_fewer_than_ten_rows_are_edits() -> None:
    watch = EmptiedFields()
    taken(watch, {str(one): (1, 0) for one in range(9)})
    assert watch.suspicious() == 0


def test_a_row_that_has_the_field_shows_that_the_source_fills_it() -> None:
    watch = EmptiedFields()
    assert taken(watch, {str(one): (1, 0) for one in range(9)}, unchanged={"x": 1}) == set()
    watch = EmptiedFields()
    taken(watch, {str(one): (3, 2) for one in range(12)})
    assert watch.suspicious() == 1
    taken(watch, {"13": (0, 1)})
    assert watch.suspicious() == 0
