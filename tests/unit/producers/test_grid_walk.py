"""Walking a grid: rows that move are not left out, a read goes on where it joins, and no walk is without an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from producers.buildertrend.answers import GridPage
from producers.buildertrend.faults import SOURCE_CHANGED, SourceFaultError
from producers.buildertrend.grid_walk import GridWalk
from producers.source import Standing

SIZE = 3


@dataclass(slots=True)
class Grid:
    """Rows by id, newest first; `before` is called with the number of the request before it is answered."""

    rows: list[int]
    before: dict[int, Callable[[], None]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def fetch(self, page: int) -> GridPage:
        self.before.get(len(self.asked), lambda: None)()
        self.asked.append(page)
        start = (page - 1) * SIZE
        return GridPage(list(self.rows[start : start + SIZE]), -(-len(self.rows) // SIZE), len(self.rows))

    def walk(self, standing: Standing | None = None) -> list[tuple[int, list[str]]]:
        walk = GridWalk(self.fetch, int, str, what="shifts")
        return [(page.number, list(page.ids)) for page in walk.pages(standing or Standing())]

    def shown(self, standing: Standing | None = None) -> set[str]:
        return {entity_id for _, ids in self.walk(standing) for entity_id in ids}


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
    assert [number for number, _ in grid.walk(Standing(2, seen=seen.intersection))] == [2, 3]
    assert grid.asked == [2, 3]


def test_walk_steps_back_until_it_joins_what_was_seen() -> None:
    """Eight rows were deleted meanwhile: what stood on page 4 stands on page 2 now."""
    grid = Grid(list(range(12, 0, -1)))
    seen = {str(row) for row in range(20, 8, -1)}
    assert all_ids(list(range(8, 0, -1))) <= grid.shown(Standing(4, seen=seen.intersection))


def test_walk_that_joins_nowhere_begins_at_the_first_page() -> None:
    grid = Grid([4, 3, 2, 1])
    assert [number for number, _ in grid.walk(Standing(2, seen=lambda _ids: ()))] == [1, 2]
