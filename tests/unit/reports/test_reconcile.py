"""Four sides compared: totals a job and week, each difference by name, and the ranges to read again."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.left_overs import LeftOver
from reports.reconcile import SIDES, Repair, Total, by_kind, monday, reconcile, repairs
from reports.sides import Item, Sides

MONDAY = date(2026, 6, 15)
SHIFT = Item(10, MONDAY, "7", 480)


def sides(**given_sides: dict[str, Item]) -> Sides:
    """Sides that all hold one shift, but for those given."""
    same = {"1": SHIFT}
    return Sides(**{name: given_sides.get(name, same) for name in SIDES})


def test_reconcile_of_equal_sides_agrees() -> None:
    found = reconcile(
        "time-entries", sides(canonical={"1": SHIFT._replace(version=12)}, table={"1": SHIFT._replace(version=12)})
    )
    assert found.agrees
    assert found.totals == (Total(1, 480),) * 4
    (line,) = found.lines
    assert (line.job_id, line.week, line.differs) == ("7", MONDAY, False)
    assert repairs([found]) == []


@pytest.mark.parametrize(
    ("given_sides", "kind", "between"),
    [
        ({"raw": {}, "canonical": {}, "table": {}}, "missing", ("buildertrend", "raw")),
        ({"canonical": {}, "table": {}}, "missing", ("raw", "canonical")),
        ({"table": {}}, "missing", ("canonical", "table")),
        ({"buildertrend": {}}, "left-over", ("buildertrend", "raw")),
        ({"buildertrend": {}, "raw": {}}, "left-over", ("raw", "canonical")),
        ({"table": {"1": SHIFT._replace(version=9)}}, "stale", ("canonical", "table")),
        ({"table": {"1": SHIFT._replace(minutes=420)}}, "hours", ("canonical", "table")),
        ({"table": {"1": SHIFT._replace(job_id="8")}}, "hours", ("canonical", "table")),
        (
            {"raw": {"1": SHIFT._replace(minutes=1)}, "canonical": {"1": SHIFT._replace(minutes=1)}},
            "hours",
            ("buildertrend", "raw"),
        ),
    ],
)
def test_reconcile_names_the_difference_and_where_it_begins(
    given_sides: dict[str, dict[str, Item]], kind: str, between: tuple[str, str]
) -> None:
    found = reconcile("time-entries", sides(**given_sides))
    first = found.differences[0]
    assert (first.kind, first.between, first.entity_id) == (kind, between, "1")
    assert by_kind(found.differences)[kind, *between] >= 1
    assert repairs([found]) == [Repair("time-entries", MONDAY, MONDAY + timedelta(days=6))]


def test_reconcile_hours_that_buildertrends_side_does_not_know_are_no_difference() -> None:
    found = reconcile("time-entries", sides(buildertrend={"1": Item(10, MONDAY)}))
    assert found.agrees
    (line,) = found.lines
    assert [total.minutes for total in line.totals] == [None, 480, 480, 480]
    assert not line.differs


def test_repairs_join_neighbouring_weeks_and_leave_others_out() -> None:
    days = [MONDAY, MONDAY + timedelta(days=8), MONDAY + timedelta(days=30)]
    lost = {str(n): Item(1, day, "7", 60) for n, day in enumerate(days)}
    found = reconcile("time-entries", Sides(lost, lost, lost, {}))
    assert repairs([found]) == [
        Repair("time-entries", MONDAY, MONDAY + timedelta(days=13)),
        Repair("time-entries", monday(days[2]), monday(days[2]) + timedelta(days=6)),
    ]


def test_repairs_of_records_without_a_day_are_the_entity() -> None:
    found = reconcile("jobs", Sides({"1": Item(1)}, {"1": Item(1)}, {}, {}))
    assert found.lines == ()
    assert repairs([found]) == [Repair("jobs", None, None)]


_ITEMS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(
        Item,
        st.integers(1, 3),
        st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2026, 3, 1))),
        st.sampled_from(["7", "8"]),
        st.one_of(st.none(), st.integers(0, 600)),
    ),
)


@given(st.builds(Sides, _ITEMS, _ITEMS, _ITEMS, _ITEMS))
def test_reconcile_counts_every_record_of_every_side_once(given_sides: Sides) -> None:
    found = reconcile("time-entries", given_sides)
    if found.lines:
        for number in range(4):
            assert sum(line.totals[number].records for line in found.lines) == found.totals[number].records


@given(st.builds(Sides, _ITEMS, _ITEMS, _ITEMS, _ITEMS))
def test_repairs_cover_every_difference(given_sides: Sides) -> None:
    found = reconcile("time-entries", given_sides)
    ranges = repairs([found])
    for difference in found.differences:
        assert any(
            wanted.from_day is None
            or (
                difference.day is not None
                and wanted.to_day is not None
                and wanted.from_day <= difference.day <= wanted.to_day
            )
            for wanted in ranges
        )
    assert bool(ranges) == bool(found.differences)


def test_reconcile_names_what_is_left_over_behind_buildertrend_with_its_newest_version() -> None:
    row, raw = Item(7, MONDAY, "j", 60), Item(9)
    found = reconcile("time-entries", Sides({}, {"1": raw}, {}, {"1": row, "2": row}))
    assert found.left_over == (LeftOver("1", 9, MONDAY, "j"), LeftOver("2", 7, MONDAY, "j"))
    assert reconcile("budgets", Sides({}, {}, {}, {"5:9": Item(3)})).left_over == (LeftOver("5:9", 3, None, "5"),)
    assert reconcile("jobs", Sides({"1": Item(1)}, {}, {}, {"1": Item(1)})).left_over == ()
