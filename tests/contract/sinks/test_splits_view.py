"""`time_entry_splits`: parts of shifts whose minutes and cost add up exactly, and `job_labor`, which counts by them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.entities import BUDGETS, COST_CODES, TIME_ENTRIES
from sinks.messages import TopicPartition
from tests.contract.sinks.fix_postgres import rows
from tests.contract.sinks.fix_writers import Sink
from tests.unit.sinks.factories import deletion, message, record

AT = TopicPartition(TIME_ENTRIES.canonical_topic, 0)
IDS = ["9", "10", "101"]


@pytest.fixture
def sink(database_url: str) -> Iterator[Sink]:
    made = Sink(database_url, "columnar")
    yield made
    made.close()


def split(minutes: list[int], cost_micros: int | None, **fields: Any) -> dict[str, Any]:
    return {
        "split_cost_code_ids": IDS[: len(minutes)],
        "split_minutes": minutes,
        "total_minutes": sum(minutes),
        "labor_cost_micros": cost_micros,
        "link_status": "split",
        "job_id": "1",
        "ended_at": 1,
    } | fields


def parts(sink: Sink, entry_id: str = "1") -> list[tuple[Any, ...]]:
    found = rows(
        sink.database_url,
        "SELECT * FROM protiv.time_entry_splits WHERE time_entry_id = %s ORDER BY length(cost_code_id), cost_code_id",
        entry_id,
    )
    return [(row["cost_code_id"], row["minutes"], row["labor_cost"]) for row in found]


def micros(*amounts: int | None) -> list[Decimal | None]:
    return [None if amount is None else Decimal(amount).scaleb(-6) for amount in amounts]


@pytest.mark.parametrize(
    ("minutes", "cost", "shares"),
    [
        ([120, 360], 336_000_000, (84_000_000, 252_000_000)),
        # A third each: the millionth that is left goes to the smaller id, and 9 is smaller than 10 and 101.
        ([1, 1, 1], 100, (34, 33, 33)),
        ([1, 1, 1], 101, (34, 34, 33)),
        ([1, 1, 1], -101, (-34, -34, -33)),
        ([1, 2], 100, (33, 67)),
        ([0, 480], 5, (0, 5)),
        # A cost without minutes is shared evenly.
        ([0, 0], 5, (3, 2)),
        ([1, 2], 0, (0, 0)),
        ([1, 2], None, (None, None)),
        ([2**31, 2**32], 999_999_999_999_999_999, (333_333_333_333_333_333, 666_666_666_666_666_666)),
    ],
)
def test_cost_is_shared_to_the_millionth(
    sink: Sink, minutes: list[int], cost: int | None, shares: tuple[int | None, ...]
) -> None:
    sink.put(message(record(**split(minutes, cost)), 0))
    assert parts(sink) == list(zip(IDS, minutes, micros(*shares), strict=False))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 600), min_size=2, max_size=3), st.integers(-(10**18) + 1, 10**18 - 1)),
        min_size=1,
        max_size=40,
    )
)
def test_shares_add_up_and_are_within_a_millionth_of_exact(sink: Sink, shifts: list[tuple[list[int], int]]) -> None:
    rows(sink.database_url, "TRUNCATE protiv.time_entries")
    sink.again_from_zero(AT)
    sink.put(*(message(record(entity_id=str(n), **split(*each)), n) for n, each in enumerate(shifts)))
    for number, (minutes, cost) in enumerate(shifts):
        found = parts(sink, str(number))
        assert [each[1] for each in found] == minutes
        assert sum(each[2] for each in found) == Decimal(cost).scaleb(-6)
        for _, own, share in found:
            exact = Fraction(cost, len(minutes)) if not sum(minutes) else Fraction(cost * own, sum(minutes))
            assert abs(Fraction(share) * 10**6 - exact) < 1


def test_every_current_shift_has_its_rows_and_their_minutes_add_up(sink: Sink) -> None:
    sink.put(
        message(record(entity_id="1", total_minutes=100, cost_code_id="9", cost_code_title="Framing"), 0),
        message(record(entity_id="2", total_minutes=20, link_status="uncoded"), 1),
        message(record(entity_id="3", total_minutes=None), 2),
        message(record(entity_id="4", **split([30, 10], 4_000_000)), 3),
        message(record(entity_id="5", **split([5, 5], None)), 4),
        message(deletion(entity_id="5", version=2), 5),
    )
    found = rows(
        sink.database_url,
        "SELECT time_entry_id, count(*) AS parts, sum(minutes) AS minutes FROM protiv.time_entry_splits GROUP BY 1",
    )
    assert {row["time_entry_id"]: (row["parts"], row["minutes"]) for row in found} == {
        "1": (1, 100), "2": (1, 20), "3": (1, None), "4": (2, 40),
    }  # fmt: skip


def test_part_has_the_title_of_its_cost_code_once_that_is_there(sink: Sink) -> None:
    sink.put(message(record(**split([30, 10], None, cost_code_title="A; B")), 0))
    sink.put(message(record(COST_CODES, "9", title="Framing", stated_by="shift"), 0, entity=COST_CODES))
    found = rows(sink.database_url, "SELECT cost_code_id, cost_code_title FROM protiv.time_entry_splits ORDER BY 2")
    assert [tuple(row.values()) for row in found] == [("9", "Framing"), ("10", None)]


def test_job_labor_counts_a_split_shift_by_its_parts(sink: Sink) -> None:
    sink.put(
        message(record(entity_id="1", **split([30, 10], 4_000_000)), 0),
        message(record(entity_id="2", total_minutes=5, cost_code_id="9", job_id="1", ended_at=1), 1),
        message(record(entity_id="3", **split([1, 2], None, link_status="waiting-for-user")), 2),
        message(record(entity_id="4", total_minutes=7, link_status="several-codes", job_id="1", ended_at=1), 3),
    )
    sink.put(message(record(BUDGETS, "1:9", job_id="1", cost_code_id="9", budgeted_minutes=90), 0, entity=BUDGETS))
    found = rows(sink.database_url, "SELECT * FROM protiv.job_labor ORDER BY length(cost_code_id), cost_code_id")
    assert [
        (row["cost_code_id"], row["actual_minutes"], row["actual_dollars"], row["shifts"], row["shifts_without_cost"])
        for row in found
    ] == [("9", 36, 3, 3, 2), ("10", 12, 1, 2, 1), (None, 7, 0, 1, 1)]
    assert [row["budgeted_hours"] for row in found] == [Decimal("1.5"), None, None]
    assert [row["hours_not_linked_by_status"] for row in found] == [
        {"waiting-for-user": 0.0167},
        {"waiting-for-user": 0.0333},
        {"several-codes": 0.1167},
    ]
