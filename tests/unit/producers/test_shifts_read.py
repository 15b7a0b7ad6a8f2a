"""The read of shifts: it stops at the edge of the window only where the grid is sorted, and never at a hole."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.source_state import ReadRange
from producers.buildertrend.answers import GridPage
from producers.buildertrend.faults import SOURCE_CHANGED, SourceFaultError
from producers.buildertrend.shifts import ShiftsRead
from tests.factories import records_of, shift_on, shift_row
from tests.unit.producers.fix_account import MemoryAccount

EDGE = date(2026, 6, 10)


def account_of(*days: str) -> MemoryAccount:
    return MemoryAccount(shift_rows=[shift_on(f"2026-06-{day}", number) for number, day in enumerate(days, start=1)])


def read_ids(account: MemoryAccount, from_day: date | None) -> list[list[str]]:
    pages = ShiftsRead(account.as_account(), from_day=from_day).pages()
    return [[row.entity_id for row in page.rows] for page in pages]


def test_shifts_without_an_edge_are_read_whole() -> None:
    account = account_of("12", "11", "10", "09", "08", "07", "06")
    assert read_ids(account, None) == [["1", "2", "3"], ["4", "5", "6"], ["7"]]


def test_shifts_newest_first_stop_behind_the_edge() -> None:
    account = account_of("12", "11", "10", "10", "09", "08", "07", "06", "05")
    assert read_ids(account, EDGE) == [["1", "2", "3"], ["4"]]
    assert account.calls["shifts"] == 2


def test_shifts_page_that_ends_on_the_edge_day_is_not_the_last() -> None:
    account = account_of("12", "11", "10", "10", "10", "10", "09")
    assert read_ids(account, EDGE) == [["1", "2", "3"], ["4", "5", "6"], []]


@pytest.mark.parametrize(
    "days", [("12", "05", "11", "10", "12", "11", "06", "10"), ("05", "06", "07", "08", "09", "10", "11", "12")]
)
def test_shifts_grid_that_is_not_sorted_as_asked_is_read_whole(days: tuple[str, ...]) -> None:
    account = account_of(*days)
    inside = [str(number) for number, day in enumerate(days, start=1) if day >= "10"]
    assert [entity_id for page in read_ids(account, EDGE) for entity_id in page] == inside
    assert account.calls["shifts"] == 3


def test_shifts_out_of_order_between_pages_are_noticed() -> None:
    account = account_of("12", "11", "10", "12", "08", "07", "11")
    assert read_ids(account, EDGE) == [["1", "2", "3"], ["4"], ["7"]]


@given(st.lists(st.integers(0, 60), max_size=30), st.integers(0, 60), st.integers(1, 7))
def test_shifts_sorted_grid_shows_exactly_those_of_the_window(ages: list[int], window: int, page_size: int) -> None:
    today = date(2026, 6, 17)
    rows = [shift_on(today - timedelta(days=age), number) for number, age in enumerate(sorted(ages))]
    account = MemoryAccount(shift_rows=rows, page_size=page_size)
    ids = [entity_id for page in read_ids(account, today - timedelta(days=window)) for entity_id in page]
    assert ids == [str(number) for number, age in enumerate(sorted(ages)) if age <= window]


def test_shifts_empty_account_is_read_in_one_request() -> None:
    account = MemoryAccount()
    assert read_ids(account, None) == [[]]
    assert account.calls["shifts"] == 1


def test_shifts_empty_page_in_the_middle_is_source_changed() -> None:
    class Holed(MemoryAccount):
        def shifts(self, page: int) -> GridPage:
            return GridPage([] if page == 2 else [shift_row(page)], 3)

    with pytest.raises(SourceFaultError) as caught:
        read_ids(Holed(), None)
    assert caught.value.fault is SOURCE_CHANGED
    assert "page 2 of 3" in caught.value.detail


@pytest.mark.parametrize("stamp", ["", "20.05.2026", "2026-13-01T00:00:00"])
def test_shifts_start_that_is_no_date_is_source_changed(stamp: str) -> None:
    account = MemoryAccount(shift_rows=[shift_row(timeIn={"timeStamp": stamp})])
    with pytest.raises(SourceFaultError) as caught:
        read_ids(account, None)
    assert caught.value.fault is SOURCE_CHANGED
    assert "timeIn.timeStamp" in caught.value.detail


def test_shifts_cover_the_range_from_the_edge() -> None:
    assert ShiftsRead(MemoryAccount().as_account(), from_day=EDGE).covered() == ReadRange(from_day=EDGE)


def test_shifts_second_look_finds_a_missing_shift_wherever_it_moved() -> None:
    account = account_of("12", "11", "10", "09", "08", "01")
    pages = ShiftsRead(account.as_account(), from_day=EDGE).second_look({"6", "99"})
    assert [record.entity_id for record in records_of(pages)] == ["6"]


def test_shifts_second_look_stops_when_all_are_found() -> None:
    account = account_of("12", "11", "10", "09", "08", "01")
    list(ShiftsRead(account.as_account(), from_day=EDGE).second_look({"2"}))
    assert account.calls["shifts"] == 1


def test_shifts_name_of_a_worker_is_that_of_the_newest_shift() -> None:
    rows = [shift_on("2026-06-12", 1, name="Ana Diaz-Lee"), shift_on("2026-06-01", 2, name="Ana Diaz")]
    account = MemoryAccount(shift_rows=rows, page_size=1).as_account()
    read = ShiftsRead(account, from_day=None, notes_workers=lambda: True)
    list(read.pages())
    assert read.workers == {77: "Ana Diaz-Lee"}
