"""Walking a grid: rows that move are not missed, a read resumes where it left off, and every walk ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from producers.buildertrend.answers import GridPage
from producers.buildertrend.bodies import JobBatch, PageAsk
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.reads.grid_walk import GridWalk
from producers.buildertrend.reads.job_batches import JobBatches
from producers.buildertrend.reads.tally import Tally, incomplete_reason
from producers.source import FROM_THE_START, ReadStart
from schemas.faults import SOURCE_CHANGED

SIZE = 3


@dataclass(slots=True)
class Grid:
    """Rows by id, newest first; `before` is called with the number of the request before it is answered.

    `spoil` changes the rows of a page, `edge` is the last page that is of interest.
    """

    rows: list[int]
    before: dict[int, Callable[[], None]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    spoil: Callable[[int, list[int]], list[int]] = lambda _page, rows: rows
    edge: int | None = None
    tally: Tally = field(default_factory=Tally)

    def fetch(self, _batch: JobBatch, ask: PageAsk) -> GridPage:
        self.before.get(len(self.asked), lambda: None)()
        self.asked.append(ask.number)
        start = (ask.number - 1) * ask.size
        page_rows = self.spoil(ask.number, list(self.rows[start : start + ask.size]))
        return GridPage(page_rows, len(self.rows), ask.size)

    def walk(self, start: ReadStart = FROM_THE_START) -> list[tuple[int, list[str]]]:
        walk = GridWalk(self.fetch, int, str, what="shifts", page_size=SIZE)
        self.tally = Tally(page=max(start.pages_done, 1))
        pages = walk.pages(JobBatches(), start, tally=self.tally, is_edge=lambda page: page.number == self.edge)
        return [(page.number, list(page.ids)) for page in pages]

    def shown(self, start: ReadStart = FROM_THE_START) -> set[str]:
        return {entity_id for _, ids in self.walk(start) for entity_id in ids}


def all_ids(rows: list[int]) -> set[str]:
    return {str(row) for row in rows}


def test_walk_shows_every_page_in_order() -> None:
    assert Grid([7, 6, 5, 4, 3, 2, 1]).walk() == [(1, ["7", "6", "5"]), (2, ["4", "3", "2"]), (3, ["1"])]


def test_walk_of_an_empty_grid_is_one_empty_page() -> None:
    assert Grid([]).walk() == [(1, [])]


@pytest.mark.parametrize("gone", [[7], [7, 6], [7, 6, 5, 4], [5]])
@pytest.mark.parametrize("request_number", [1, 2])
def test_walk_rows_that_moved_up_behind_its_back_are_shown(gone: list[int], request_number: int) -> None:
    grid = Grid([9, 8, 7, 6, 5, 4, 3, 2, 1])
    left = [row for row in grid.rows if row not in gone]
    grid.before = {request_number: lambda: grid.rows.__setitem__(slice(None), left)}
    assert all_ids(left) <= grid.shown()


def test_walk_rows_that_were_added_are_shown_twice_and_none_is_left_out() -> None:
    grid = Grid([6, 5, 4, 3, 2, 1])
    grid.before = {1: lambda: grid.rows.insert(0, 7)}
    assert all_ids([6, 5, 4, 3, 2, 1]) <= grid.shown()


def test_walk_of_a_list_that_people_keep_cleaning_up_comes_to_an_end() -> None:
    grid = Grid(list(range(60, 0, -1)))
    grid.before = {number: lambda: grid.rows.__delitem__(0) for number in range(1, 50)}
    grid.walk()
    assert len(grid.asked) < 60


def test_walk_of_a_grid_that_ignores_the_page_number_is_source_changed() -> None:
    with pytest.raises(SourceFaultError, match="pageNumber") as caught:
        walked(lambda _page: GridPage([3, 2, 1], 6))
    assert caught.value.fault is SOURCE_CHANGED


@pytest.mark.parametrize("records", [None, 10**9])
def test_walk_of_a_grid_without_an_end_is_source_changed(records: int | None) -> None:
    with pytest.raises(SourceFaultError, match="pageNumber"):
        walked(lambda page: GridPage([page], records))


def test_walk_goes_on_with_the_page_that_was_taken_last() -> None:
    grid = Grid([9, 8, 7, 6, 5, 4, 3, 2])
    seen = {"9", "8", "7", "6", "5", "4"}
    start = ReadStart(2, seen=seen.intersection, all_seen=lambda: seen)
    assert [number for number, _ in grid.walk(start)] == [2, 3]
    assert grid.asked == [2, 3]


def test_walk_steps_back_until_it_joins_what_was_seen() -> None:
    """Eight rows were deleted in between: those of page 4 are on page 2 now."""
    grid = Grid(list(range(12, 0, -1)))
    seen = {str(row) for row in range(20, 8, -1)}
    assert all_ids(list(range(8, 0, -1))) <= grid.shown(ReadStart(4, seen=seen.intersection))


def test_walk_that_joins_nowhere_begins_at_the_first_page() -> None:
    grid = Grid([4, 3, 2, 1])
    assert [number for number, _ in grid.walk(ReadStart(2, seen=lambda _ids: ()))] == [1, 2]


def walked(fetch: Callable[[int], GridPage]) -> tuple[list[int], Tally]:
    """The numbers of the pages that a walk shows, and its tally."""
    walk = GridWalk(lambda _batch, ask: fetch(ask.number), int, str, what="shifts", page_size=SIZE)
    tally = Tally()
    return [page.number for page in walk.pages(JobBatches(), tally=tally)], tally


def repeated(rows: list[int]) -> Callable[[int, list[int]], list[int]]:
    """The last row of a page replaces the first one of the next page."""
    return lambda page, shown: shown if page == 1 or not shown else [rows[(page - 1) * SIZE - 1], *shown[1:]]


def test_walk_over_rows_that_are_shown_twice_in_place_of_others_is_not_complete() -> None:
    rows = [9, 8, 7, 6, 5, 4, 3, 2, 1]
    grid = Grid(rows, spoil=repeated(rows))
    assert grid.shown() == {"9", "8", "7", "5", "4", "2", "1"}
    assert grid.tally.missing == 2
    short = incomplete_reason(grid.tally, "time entries")
    assert short is not None
    assert short.sentence == "Buildertrend stated 9 time entries and showed 7."
    assert grid.asked == [1, 2, 3, 4, 1, 2, 3, 4], "Once more, and no third time where nothing new came."


def test_walk_to_an_edge_over_rows_that_are_shown_twice_is_not_complete() -> None:
    rows = [9, 8, 7, 6, 5, 4, 3, 2, 1]
    grid = Grid(rows, spoil=repeated(rows), edge=2)
    grid.walk()
    assert grid.tally.missing == 1


@pytest.mark.parametrize("edge", [None, 3])
def test_walk_over_a_short_page_in_the_middle_is_not_complete(edge: int | None) -> None:
    grid = Grid(list(range(12, 0, -1)), spoil=lambda page, rows: rows[:1] if page == 2 else rows, edge=edge)
    grid.walk()
    assert grid.tally.missing == 2


@pytest.mark.parametrize("edge", [None, 2])
def test_walk_over_a_whole_list_is_complete(edge: int | None) -> None:
    grid = Grid([7, 6, 5, 4, 3, 2, 1], edge=edge)
    grid.walk()
    assert (grid.tally.missing, incomplete_reason(grid.tally, "time entries")) == (0, None)
    assert grid.asked == [1, 2, 3][: edge or 3]


def test_walk_over_an_empty_page_in_the_middle_shows_those_behind_it_and_is_not_complete() -> None:
    grid = Grid(list(range(9, 0, -1)), spoil=lambda page, rows: [] if page == 2 else rows)
    assert grid.shown() == all_ids([9, 8, 7, 3, 2, 1])
    assert grid.tally.missing == 3


def test_walk_whose_rows_all_move_down_shows_the_new_one_before_it_is_complete() -> None:
    grid = Grid([6, 5, 4, 3, 2, 1])
    grid.before = {1: lambda: grid.rows.insert(0, 7)}
    assert grid.shown() == all_ids([7, 6, 5, 4, 3, 2, 1])
    assert grid.tally.missing == 0


def test_walk_with_smaller_pages_than_asked_for_misses_none() -> None:
    """The answer states its size (G9), or nothing at all: pages go on until as many rows were shown as it states."""
    rows = list(range(9, 0, -1))
    for size in (2, None):

        def fetch(page: int, size: int | None = size) -> GridPage:
            return GridPage(rows[(page - 1) * 2 : page * 2], 9, size)

        pages, tally = walked(fetch)
        assert (pages, tally.missing) == ([1, 2, 3, 4, 5], 0)


def test_walk_over_a_grid_that_pages_by_first_row_with_smaller_pages_than_asked_for_misses_none() -> None:
    rows = list(range(9, 0, -1))
    first_rows = []

    def fetch(_batch: JobBatch, ask: PageAsk) -> GridPage:
        first = (ask.number - 1) * ask.size
        first_rows.append(first)
        return GridPage(rows[first : first + min(ask.size, 2)], 9, 2)

    tally = Tally()
    list(GridWalk(fetch, int, str, what="shifts", page_size=SIZE).pages(JobBatches(), tally=tally))
    assert (first_rows, tally.missing) == ([0, 2, 4, 6, 8], 0)


def test_walk_that_missed_rows_by_steps_larger_than_the_pages_takes_smaller_ones() -> None:
    rows = list(range(9, 0, -1))

    def fetch(_batch: JobBatch, ask: PageAsk) -> GridPage:
        first = (ask.number - 1) * ask.size
        return GridPage(rows[first : first + min(ask.size, 2)], 9)

    tally = Tally()
    list(GridWalk(fetch, int, str, what="shifts", page_size=SIZE).pages(JobBatches(), tally=tally))
    assert tally.missing == 0


def test_walk_tells_the_grid_how_many_rows_it_has_once_that_is_known() -> None:
    asked = []

    def fetch(_batch: JobBatch, ask: PageAsk) -> GridPage:
        asked.append(ask.records)
        return GridPage([9 - ask.number] if ask.number <= 3 else [], 3)

    list(GridWalk(fetch, int, str, what="shifts", page_size=1).pages(JobBatches()))
    assert asked[:3] == [None, 3, 3]


@pytest.mark.parametrize("behind", [[], [3, 2, 1]])
def test_walk_whose_last_page_is_full_ends_where_the_next_one_shows_nothing_new(behind: list[int]) -> None:
    pages, tally = walked(lambda page: GridPage([[6, 5, 4], [3, 2, 1], behind][page - 1], 6))
    assert (pages, tally.missing) == ([1, 2], 0)


def test_walk_reads_nothing_twice_over_a_page_behind_the_end_that_states_no_rows_at_all() -> None:
    """The last page is full, so the next one is asked for: it says that it is empty, not that the list is."""
    asked: list[int] = []

    def fetch(page: int) -> GridPage:
        asked.append(page)
        return GridPage({1: [6, 5, 4], 2: [3, 2, 1]}.get(page, []), 6 if page < 3 else 0)

    numbers, tally = walked(fetch)
    assert (numbers, asked) == ([1, 2], [1, 2, 3])
    assert incomplete_reason(tally, "shifts") is None


def test_walk_of_a_list_that_people_empty_meanwhile_is_complete_with_nothing_left() -> None:
    grid = Grid([6, 5, 4, 3, 2, 1])
    grid.before = {1: grid.rows.clear}
    assert grid.shown() == all_ids([6, 5, 4])
    assert grid.asked[-1] == 1
    assert grid.tally.ends[0].records == 0


def test_walk_over_a_grid_whose_number_of_rows_comes_and_goes_reads_it_a_few_times_at_most() -> None:
    rows = list(range(600, 0, -1))
    asked: list[int] = []

    def fetch(page: int) -> GridPage:
        asked.append(page)
        return GridPage(rows[(page - 1) * SIZE : page * SIZE], len(rows) if len(asked) % 100 else len(rows) // 2)

    walked(fetch)
    assert len(asked) < 10 * len(rows) / SIZE


def test_walk_of_a_grid_that_states_the_rows_of_a_page_as_those_of_all_is_not_complete() -> None:
    """All of them are shown, but nobody knows what `records` is: that as many were shown proves nothing."""
    rows = list(range(30, 0, -1))
    pages, tally = walked(lambda page: GridPage(rows[(page - 1) * 3 : page * 3], 3))
    assert pages == list(range(1, 11))
    short = incomplete_reason(tally, "time entries")
    assert short is not None
    assert short.sentence == "Buildertrend stated only 3 time entries and showed 30."


def test_walk_over_a_grid_that_never_states_its_rows_shows_all_and_is_not_complete() -> None:
    shown = {1: [6, 5, 4], 2: [3, 2], 3: []}
    pages, tally = walked(lambda page: GridPage(shown[page]))
    assert pages == [1, 2, 3]
    short = incomplete_reason(tally, "time entries")
    assert short is not None
    assert short.sentence == "Buildertrend did not state how many time entries there are; it showed 5."


def test_walk_over_a_grid_that_states_its_rows_now_and_then_goes_by_what_it_stated_last() -> None:
    rows = [6, 5, 4, 3, 2, 1]
    pages, tally = walked(lambda page: GridPage(rows[(page - 1) * 3 : page * 3], 6 if page == 1 else None))
    assert (pages, tally.missing, tally.is_unstated) == ([1, 2], 0, False)


def test_walk_over_nothing_but_empty_pages_ends_soon() -> None:
    pages, tally = walked(lambda _page: GridPage([], 10**9))
    assert len(pages) < 10
    assert tally.missing == 10**9


def test_walk_that_sees_a_page_again_as_as_many_rows_were_added_goes_on() -> None:
    grid = Grid([6, 5, 4, 3, 2, 1])
    grid.before = {1: lambda: grid.rows.__setitem__(slice(0, 0), [9, 8, 7])}
    assert grid.shown() == all_ids(list(range(9, 0, -1)))


def test_walk_steps_back_again_when_rows_are_deleted_while_it_steps_back() -> None:
    grid = Grid(list(range(18, 0, -1)))
    grid.before = {3: lambda: grid.rows.remove(1), 5: lambda: grid.rows.remove(10)}
    assert all_ids([9, 8, 7]) <= grid.shown()
