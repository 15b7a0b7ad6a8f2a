"""Walking a grid: rows that move are not missed, a read resumes where it left off, and every walk ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from producers.buildertrend.answers import GridPage
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.reads.grid_walk import GridWalk, Tally, incomplete_reason
from producers.source import ReadStart
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

    def fetch(self, page: int) -> GridPage:
        self.before.get(len(self.asked), lambda: None)()
        self.asked.append(page)
        start = (page - 1) * SIZE
        page_rows = self.spoil(page, list(self.rows[start : start + SIZE]))
        return GridPage(page_rows, -(-len(self.rows) // SIZE), len(self.rows), SIZE)

    def walk(self, start: ReadStart | None = None) -> list[tuple[int, list[str]]]:
        walk = GridWalk(self.fetch, int, str, what="shifts")
        self.tally = Tally()
        pages = walk.pages(start or ReadStart(), tally=self.tally, is_edge=lambda page: page.number == self.edge)
        return [(page.number, list(page.ids)) for page in pages]

    def shown(self, start: ReadStart | None = None) -> set[str]:
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
    walk = GridWalk(lambda _page: GridPage([3, 2, 1], 2, 6), int, str, what="shifts")
    with pytest.raises(SourceFaultError, match="pageNumber") as caught:
        list(walk.pages())
    assert caught.value.fault is SOURCE_CHANGED


def test_walk_of_a_grid_without_an_end_is_source_changed() -> None:
    walk = GridWalk(lambda page: GridPage([page], page + 1, None), int, str, what="shifts")
    with pytest.raises(SourceFaultError, match="pageNumber"):
        list(walk.pages())


def test_walk_goes_on_with_the_page_that_was_taken_last() -> None:
    grid = Grid([9, 8, 7, 6, 5, 4, 3, 2, 1])
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


def test_walk_goes_on_behind_the_stated_last_page_while_more_rows_are_stated() -> None:
    """`totalPages` is computed from what we send, `records` is true."""
    rows = [9, 8, 7, 6, 5, 4, 3, 2, 1]
    walk = GridWalk(lambda page: GridPage(rows[(page - 1) * 3 : page * 3], 2, 9), int, str, what="shifts")
    tally = Tally()
    assert [page.number for page in walk.pages(tally=tally)] == [1, 2, 3]
    assert tally.missing == 0


def test_walk_with_one_page_too_many_stated_ends_at_the_last_row() -> None:
    walk = GridWalk(lambda page: GridPage([3, 2, 1] if page == 1 else [], 2, 3), int, str, what="shifts")
    tally = Tally()
    list(walk.pages(tally=tally))
    assert tally.missing == 0


def test_walk_without_a_stated_number_of_rows_counts_by_full_pages() -> None:
    shown = {1: [6, 5, 4], 2: [4, 3, 2]}
    walk = GridWalk(lambda page: GridPage(shown[page], 2), int, str, what="shifts")
    tally = Tally()
    list(walk.pages(tally=tally))
    assert tally.missing == 1
