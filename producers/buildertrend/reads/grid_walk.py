"""Walks a grid whose rows move while it is read, and counts: a walk is complete if it showed as many ids as stated.

People add, delete and edit while we read. Added rows push others to later pages, where they are shown twice. Deleted
rows shift later rows onto pages already read: if the total shrinks, the walk steps back. A walk that has shown fewer
different ids than the grid states goes through the pages once more before it counts as incomplete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Generic, TypeVar

from producers.buildertrend.answers import GridPage, changed
from producers.source import FROM_THE_START, IncompleteReason, ReadStart

R = TypeVar("R")

_MORE_PAGES = 100
# Passes through all pages in one read, as long as each shows something new.
_MOST_PASSES = 3


@dataclass(frozen=True, slots=True)
class WalkedPage(Generic[R]):
    """A page by number, its rows as they were parsed, and what the grid states of itself."""

    number: int
    rows: Sequence[R]
    ids: Sequence[str]
    pages_total: int
    records: int | None
    page_size: int | None = None


@dataclass(slots=True)
class Tally:
    """How many different ids a read has shown (`shown`), against how many rows the grid states (`stated`).

    `stated` is that of the newest answer, None if the grid states none.
    """

    shown: set[str] = field(default_factory=set)
    stated: int | None = None
    _page_rows: int = 0
    _by_pages: int = 0
    _up_to_edge: int | None = None

    def take(self, page: WalkedPage[Any]) -> None:
        """Count a page."""
        self.shown.update(page.ids)
        self.stated = page.records
        self._page_rows = max(self._page_rows, len(page.ids), page.page_size or 0)

    def end(self, page: WalkedPage[Any], *, at_edge: bool) -> None:
        """The walk ended with this page: at the end of the list, or at the edge of the window (`at_edge`).

        Pages before the edge are expected to be full: a short or repeated one left rows out.
        """
        full = page.number * self._page_rows
        self._by_pages = max(full - self._page_rows, 0) + len(page.ids)
        self._up_to_edge = full if at_edge else None

    @property
    def missing(self) -> int:
        """How many rows must exist that no page showed; only meaningful once a walk has ended."""
        if self.stated is None:
            expected = self._by_pages
        else:
            expected = self.stated if self._up_to_edge is None else min(self.stated, self._up_to_edge)
        return max(expected - len(self.shown), 0)

    @property
    def more_is_stated(self) -> bool:
        return self.stated is not None and len(self.shown) < self.stated


def incomplete_reason(tally: Tally, what: str) -> IncompleteReason | None:
    """Why a walk that has ended is not complete; None if it is. `what` names the rows for people."""
    if not tally.missing:
        return None
    stated = len(tally.shown) + tally.missing
    return IncompleteReason(f"Buildertrend stated {stated:,} {what} and showed {len(tally.shown):,}.")


def _never(_page: WalkedPage[Any]) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class GridWalk(Generic[R]):
    """`fetch` gets a page, `parse` parses a row, `id_of` gives its id; `what` names the grid in errors."""

    fetch: Callable[[int], GridPage]
    parse: Callable[[Any], R]
    id_of: Callable[[R], str]
    what: str

    def pages(
        self,
        start: ReadStart = FROM_THE_START,
        *,
        tally: Tally | None = None,
        is_edge: Callable[[WalkedPage[R]], bool] = _never,
    ) -> Iterator[WalkedPage[R]]:
        """Pages in order, beginning at `start`; a page may come again, with the rows that it then has.

        `tally` counts the rows and tells afterwards whether all were shown. `is_edge` is called after each page and
        ends the walk with True. Raises `source-changed` for a grid that ignores the page's number, and for an empty
        page before the last one if the grid does not state how many rows it has.
        """
        tally = Tally() if tally is None else tally
        tally.shown.update(start.all_seen())
        yield from self._through(self._resume_page(start), tally, is_edge)
        for _ in range(_MOST_PASSES - 1):
            if not tally.missing:
                return
            before = len(tally.shown)
            for page in self._through(self._page(1), tally, is_edge):
                yield page
                if not tally.missing:
                    return
            if len(tally.shown) == before:
                return

    def _through(
        self, page: WalkedPage[R], tally: Tally, is_edge: Callable[[WalkedPage[R]], bool]
    ) -> Iterator[WalkedPage[R]]:
        """From a page to the last one, or to the edge."""
        back_at = 0
        most = _most_pages(page)
        while True:
            tally.take(page)
            yield page
            at_edge = is_edge(page)
            if at_edge or self._is_last(page, tally):
                tally.end(page, at_edge=at_edge)
                return
            following = self._page(page.number + 1)
            gone = _rows_gone(page, following)
            if gone and page.number > back_at:
                # Rows moved up to pages that were read already. Step back, but only once from here, so that the walk
                # ends even in a list from which people keep deleting.
                back_at = page.number
                page = self._page(max(1, page.number + 1 - ceil(gone / max(len(page.ids), 1))))
                continue
            self._check(page, following, most)
            page = following

    def _is_last(self, page: WalkedPage[R], tally: Tally) -> bool:
        """The stated number of pages ends the walk only if the stated number of rows is reached, too."""
        return page.number >= page.pages_total and not (page.ids and tally.more_is_stated)

    def _check(self, page: WalkedPage[R], following: WalkedPage[R], most: int) -> None:
        if not following.ids:
            # Without a stated number of rows, an empty page before the last one must not be taken for the end: the
            # rows after it would be lost.
            if following.records is None and following.number <= following.pages_total:
                raise changed(self.what, f"data (page {following.number} of {following.pages_total} is empty)")
        elif following.ids == page.ids or following.number > most:
            raise changed(self.what, f"pagingData.pageNumber (page {following.number} is no new one)")

    def _resume_page(self, start: ReadStart) -> WalkedPage[R]:
        """The page to resume at: the last one taken before, or an earlier one if none of its rows was seen before."""
        number = max(1, start.pages_done)
        step = 1
        while True:
            page = self._page(number)
            if number == 1 or start.seen(page.ids):
                return page
            number = max(1, number - step)
            step *= 2

    def _page(self, number: int) -> WalkedPage[R]:
        grid = self.fetch(number)
        rows = [self.parse(row) for row in grid.rows]
        ids = [self.id_of(row) for row in rows]
        return WalkedPage(number, rows, ids, grid.pages_total, grid.records, grid.page_size)


def _most_pages(page: WalkedPage[R]) -> int:
    """More pages than a grid of this size has, even if rows are added meanwhile."""
    by_rows = ceil((page.records or 0) / max(len(page.ids), 1))
    return 2 * max(page.pages_total, by_rows) + _MORE_PAGES


def _rows_gone(page: WalkedPage[R], following: WalkedPage[R]) -> int:
    """By how many rows the list shrank between two pages, as far as it states its total."""
    before, now = page.records, following.records
    return 0 if before is None or now is None else max(before - now, 0)
