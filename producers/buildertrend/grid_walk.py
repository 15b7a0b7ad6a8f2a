"""Walks a grid whose rows move while it is read: pages by number, with nothing between two of them left out unnoticed.

People add, delete and edit while we read. Rows that are added push others to later pages, where they are shown twice;
rows that go pull others to earlier pages, behind our back: a list that became shorter is gone back in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Generic, TypeVar

from producers.buildertrend.answers import GridPage, changed
from producers.source import FROM_THE_START, Standing

R = TypeVar("R")

_MORE_PAGES = 100


@dataclass(frozen=True, slots=True)
class WalkedPage(Generic[R]):
    """A page by number, its rows as they were looked at; what the grid says of itself."""

    number: int
    rows: Sequence[R]
    ids: Sequence[str]
    pages_total: int
    records: int | None


@dataclass(frozen=True, slots=True)
class GridWalk(Generic[R]):
    """`fetch` asks for a page, `look` looks at a row, `id_of` gives its id; `what` names the grid in errors."""

    fetch: Callable[[int], GridPage]
    look: Callable[[Any], R]
    id_of: Callable[[R], str]
    what: str

    def pages(self, standing: Standing = FROM_THE_START) -> Iterator[WalkedPage[R]]:
        """Pages in order from where an earlier attempt stood; a page may come again, in the state it then has.

        Raises `source-changed` for an empty page before the last one and for a grid that ignores the page's number.
        """
        page = self._joint(standing)
        most = 2 * page.pages_total + _MORE_PAGES
        back_at = 0
        while True:
            yield page
            if page.number >= page.pages_total:
                return
            following = self._page(page.number + 1)
            gone = _rows_gone(page, following)
            if gone and page.number > back_at:
                # Rows went before us, others moved up to pages that we have left: those pages once more, but only once,
                # so that a list that people keep cleaning up is still come to the end of.
                back_at = page.number
                page = self._page(max(1, page.number + 1 - ceil(gone / max(len(page.ids), 1))))
                continue
            if not following.ids:
                self._check_end(following)
                return
            if following.ids == page.ids or following.number > most:
                raise changed(self.what, f"pagingData.pageNumber (page {following.number} is no new one)")
            page = following

    def _joint(self, standing: Standing) -> WalkedPage[R]:
        """The first page to take: the last one taken before, or an earlier one if nothing of it was seen before."""
        number = max(1, standing.pages_done)
        step = 1
        while True:
            page = self._page(number)
            if number == 1 or standing.seen(page.ids):
                return page
            number = max(1, number - step)
            step *= 2

    def _page(self, number: int) -> WalkedPage[R]:
        grid = self.fetch(number)
        rows = [self.look(row) for row in grid.rows]
        return WalkedPage(number, rows, [self.id_of(row) for row in rows], grid.pages_total, grid.records)

    def _check_end(self, empty: WalkedPage[R]) -> None:
        """An empty page before the last one is no page: taking it for "no more" would lose what is behind it."""
        if empty.number <= empty.pages_total:
            raise changed(self.what, f"data (page {empty.number} of {empty.pages_total} is empty)")


def _rows_gone(page: WalkedPage[R], following: WalkedPage[R]) -> int:
    """By how many rows the list became shorter between two pages, as far as it says."""
    before, now = page.records, following.records
    return 0 if before is None or now is None else max(before - now, 0)
