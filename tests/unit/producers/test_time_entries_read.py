"""The read of time entries: it stops at the edge of the window only if the grid is sorted, and never at a gap."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.source_state import ReadRange
from producers.buildertrend.account import Account
from producers.buildertrend.answers import GridPage, RefusedQueryError
from producers.buildertrend.bodies import JobBatch, PageAsk
from producers.buildertrend.reads.time_entries import Days, TimeEntriesRead
from producers.source import UnreadableRowError
from tests.factories import records_of, shift_on, shift_row
from tests.unit.producers.fix_account import MemoryAccount

EDGE = date(2026, 6, 10)


def account_of(*days: str) -> MemoryAccount:
    return MemoryAccount(shift_rows=[shift_on(f"2026-06-{day}", number) for number, day in enumerate(days, start=1)])


def read_ids(account: MemoryAccount, from_day: date | None) -> list[list[str]]:
    pages = TimeEntriesRead(account.as_account(), Days(from_day)).pages()
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


def test_shifts_empty_page_in_the_middle_hides_rows_that_are_missed() -> None:
    class Holed(MemoryAccount):
        def shifts(self, batch: JobBatch, ask: PageAsk) -> GridPage:
            found = MemoryAccount.shifts(self, batch, ask)
            return GridPage([], found.records) if ask.number == 2 else found

    read = TimeEntriesRead(Holed(shift_rows=account_of(*["12"] * 8).shift_rows).as_account(), Days())
    assert [row.entity_id for page in read.pages() for row in page.rows if not page.again] == ["1", "2", "3", "7", "8"]
    assert read.incomplete_reason() is not None


ODD = [
    ({"timeIn": {"timeStamp": ""}}, "timeIn.timeStamp", "9001"),
    ({"timeIn": {"timeStamp": "20.05.2026"}}, "timeIn.timeStamp", "9001"),
    ({"timeIn": {"timeStamp": "2026-13-01T00:00:00"}}, "timeIn.timeStamp", "9001"),
    ({"id": 2**63}, "id", str(2**63)),
    ({"id": None}, "id", "unreadable-"),
    ({"id": 10**200}, "id", "unreadable-"),
]


@pytest.mark.parametrize("as_bytes", [True, False])
@pytest.mark.parametrize(("changes", "place", "entity_id"), ODD)
def test_shifts_row_that_is_not_understood_is_refused_alone_and_counts_as_shown(
    *, changes: dict[str, Any], place: str, entity_id: str, as_bytes: bool
) -> None:
    rows: list[Any] = [shift_on("2026-06-12", 1), shift_row(**changes), shift_on("2026-06-11", 2)]
    if as_bytes:
        rows = [json.dumps(row).encode() for row in rows]
    (page,) = TimeEntriesRead(MemoryAccount(shift_rows=rows).as_account(), Days(EDGE)).pages()
    first, odd, last = page.rows
    assert (first.read().entity_id, last.read().entity_id) == ("1", "2")
    assert odd.entity_id.startswith(entity_id)
    with pytest.raises(UnreadableRowError, match=place):
        odd.read()


def test_shifts_row_deeper_than_anything_is_refused_alone() -> None:
    deep = json.dumps(shift_on("2026-06-12", 7, x=0)).replace('"x": 0', '"x": ' + "[" * 300 + "]" * 300).encode()
    (page,) = TimeEntriesRead(MemoryAccount(shift_rows=[deep]).as_account(), Days(EDGE)).pages()
    assert page.rows[0].entity_id == "7"
    with pytest.raises(UnreadableRowError):
        page.rows[0].read()


def test_shifts_name_a_worker_as_a_checkpoint_can_keep_it() -> None:
    rows = [shift_on("2026-06-12", n, userID=n, name=name) for n, name in enumerate(["a\x00b", {"x": 1}, "y" * 9_000])]
    reader = TimeEntriesRead(MemoryAccount(shift_rows=rows).as_account(), Days(EDGE))
    list(reader.pages())
    assert reader.named.workers == {0: "ab", 1: None, 2: "y" * 1_000}


def test_shifts_cover_the_range_from_the_edge() -> None:
    assert TimeEntriesRead(MemoryAccount().as_account(), Days(EDGE)).complete_range() == ReadRange(from_day=EDGE)


def test_shifts_second_look_finds_a_missing_shift_wherever_it_moved() -> None:
    account = account_of("12", "11", "10", "09", "08", "01")
    pages = TimeEntriesRead(account.as_account(), Days(EDGE)).second_look({"6", "99"})
    assert [record.entity_id for record in records_of(pages)] == ["6"]


def test_shifts_second_look_stops_when_all_are_found() -> None:
    account = account_of("12", "11", "10", "09", "08", "01")
    list(TimeEntriesRead(account.as_account(), Days(EDGE)).second_look({"2"}))
    assert account.calls["shifts"] == 1


def test_shifts_name_of_a_worker_is_that_of_the_newest_shift() -> None:
    rows = [shift_on("2026-06-12", 1, name="Ana Diaz-Lee"), shift_on("2026-06-01", 2, name="Ana Diaz")]
    account = MemoryAccount(shift_rows=rows, page_size=1).as_account()
    read = TimeEntriesRead(account, Days())
    list(read.pages())
    assert read.named.workers == {77: "Ana Diaz-Lee"}


def stated(*days: str, spoil: Callable[[list[Any]], list[Any]] = lambda rows: rows) -> Account:
    """An account that states how many shifts it has, and shows what `spoil` leaves of each page."""

    class Stated(MemoryAccount):
        def shifts(self, batch: JobBatch, ask: PageAsk) -> GridPage:
            return GridPage(spoil(MemoryAccount.shifts(self, batch, ask).rows), len(self.shift_rows), self.page_size)

    return Stated(shift_rows=account_of(*days).shift_rows).as_account()


@pytest.mark.parametrize("days", [Days(), Days(EDGE), Days(EDGE, kept_from=date(2026, 6, 6))])
def test_shifts_fewer_shown_than_stated_are_not_complete_and_cover_nothing(days: Days) -> None:
    """Of a full read, of one of the window, and of one from an import-from date."""
    read = TimeEntriesRead(stated("13", "12", "12", "11", "11", "10", "09", "08", spoil=lambda rows: rows[:-1]), days)
    list(read.pages())
    found = read.incomplete_reason()
    assert found is not None
    assert found.sentence.startswith("Buildertrend stated ")
    assert read.complete_range() is None


@pytest.mark.parametrize("days", [Days(), Days(EDGE)])
def test_shifts_all_shown_that_are_stated_are_complete(days: Days) -> None:
    read = TimeEntriesRead(stated("13", "12", "12", "11", "11", "10", "09", "08"), days)
    list(read.pages())
    assert (read.incomplete_reason(), read.complete_range()) == (None, ReadRange(from_day=days.edge))


def test_shifts_second_look_that_shows_fewer_than_stated_confirms_nothing() -> None:
    read = TimeEntriesRead(stated("13", "12", "12", "11", spoil=lambda rows: rows[:-1]), Days())
    list(read.second_look({"99"}))
    look = read.second_look_result()
    assert look.incomplete is not None
    assert set(look.shown or ()) == {"1", "2", "3"}


def test_shifts_before_the_first_day_are_read_to_keep_them_true_and_not_taken_in() -> None:
    account = account_of("12", "11", "10", "09", "08", "07", "06", "05")
    days = Days(EDGE, kept_from=date(2026, 6, 8))
    read = TimeEntriesRead(account.as_account(), days)
    pages = list(read.pages())
    assert [row.entity_id for page in pages for row in page.rows] == ["1", "2", "3"]
    assert [row.entity_id for page in pages for row in page.outside] == ["4", "5", "6"]
    assert [entity_id for page in pages for entity_id in page.complete_range_ids] == ["4", "5"]
    assert read.complete_range() == ReadRange(from_day=date(2026, 6, 8))


def test_shifts_batch_that_is_not_sorted_voids_the_edges_of_those_before_it() -> None:
    """A batch that ended at the edge of the window is read again, whole, once another shows that nothing is sorted."""
    rows = [shift_on(f"2026-06-{day}", number) for number, day in enumerate(["12", "11", "09", "01", "08", "11"])]
    for number, row in enumerate(rows):
        row["jobId"] = 1 if number < 4 else 2
    hidden = shift_on("2026-06-12", 99, jobId=1)

    class ByJob(MemoryAccount):
        def shifts(self, batch: JobBatch, ask: PageAsk) -> GridPage:
            if len(batch.job_ids) > 5:
                raise RefusedQueryError("shifts: status 400")
            self.shift_rows = [row for row in [*rows, hidden] if row["jobId"] in batch.job_ids]
            return MemoryAccount.shifts(self, batch, ask)

    account = ByJob(page_size=2)
    read = TimeEntriesRead(account.as_account(), Days(EDGE), [1, 11, 12, 13, 14, 2])
    shown = {row.entity_id for page in read.pages() for row in page.rows}
    assert shown == {"0", "1", "5", "99"}
    assert read.incomplete_reason() is None


def test_shifts_second_pass_of_empty_pages_is_not_behind_the_edge_that_the_first_one_saw() -> None:
    account = account_of("12", "12", "12", "09", "08")

    class Emptied(MemoryAccount):
        def shifts(self, batch: JobBatch, ask: PageAsk) -> GridPage:
            found = MemoryAccount.shifts(self, batch, ask)
            return GridPage(found.rows[:-1] if self.calls["shifts"] <= 2 else [], found.records)

    read = TimeEntriesRead(Emptied(shift_rows=account.shift_rows).as_account(), Days(EDGE))
    list(read.pages())
    assert read.incomplete_reason() is not None


def test_shifts_hours_are_regular_and_both_kinds_of_overtime() -> None:
    row = shift_on("2026-06-12", 1, regularTime=480, overTime=60, doubleOverTime=30, personalTimeOff=240)
    (record,) = records_of(TimeEntriesRead(MemoryAccount(shift_rows=[row]).as_account(), Days()).pages())
    assert record.minutes == 570


def test_an_overtime_of_0_alone_states_no_hours() -> None:
    """As streams have it: `reconcile` compares the two."""
    row = shift_on("2026-06-12", 1, regularTime=None, overTime=0, doubleOverTime=0)
    (record,) = records_of(TimeEntriesRead(MemoryAccount(shift_rows=[row]).as_account(), Days()).pages())
    assert record.minutes is None


def test_shifts_name_cost_codes_by_id_with_the_newest_title() -> None:
    def codes(*named: tuple[Any, Any]) -> list[dict[str, Any]]:
        return [{"id": code_id, "costCodeTitle": title, "totalMinutes": 1} for code_id, title in named]

    rows = [
        shift_on("2026-06-12", 1, costCodes=codes((5, "05 Frame"), (6, "06 Roof"))),
        shift_on("2026-06-11", 2, costCodes=codes((5, "05 Framing"), (None, "x"), ("7", "y"), (8, None))),
        shift_on("2026-06-10", 3, costCodes=None),
        shift_on("2026-01-10", 4, costCodes=codes((9, "09 Old"))),
    ]
    read = TimeEntriesRead(MemoryAccount(shift_rows=rows).as_account(), Days(EDGE))
    list(read.pages())
    assert read.named.codes == {5: "05 Frame", 6: "06 Roof"}
    assert read.showed_all
    resumed = TimeEntriesRead(MemoryAccount().as_account(), Days(EDGE))
    resumed.restore(json.loads(json.dumps(read.cursor())))
    assert (resumed.named.codes, resumed.named.workers) == (read.named.codes, read.named.workers)
