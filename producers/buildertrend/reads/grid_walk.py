"""Walks a grid whose rows move while it is read, batch of jobs after batch, until as many ids were seen as it states.

Pages go on by `records` (G7), never by `totalPages` (G6). People add, delete and edit while we read. Added rows push
others to later pages, where they are shown twice. Deleted rows shift later rows onto pages already read: if the total
shrinks, the walk steps back. A walk that has shown fewer different ids than the grid states goes through all batches
once more before it counts as incomplete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Generic, TypeVar

from producers.buildertrend.answers import GridPage, RefusedQueryError, changed
from producers.buildertrend.bodies import PAGE_SIZE, JobBatch, PageAsk
from producers.buildertrend.reads.job_batches import JobBatches
from producers.buildertrend.reads.tally import BatchEnd, Tally
from producers.source import FROM_THE_START, ReadStart

R = TypeVar("R")

# Passes through all pages in one read, as long as each shows something new.
_MOST_PASSES = 3
# More pages than a grid of its size has, even if rows are added meanwhile; and than any grid has.
_MORE_PAGES = 100
_MOST_PAGES = 20_000
_MOST_EMPTY = 3
_MOST_STEPS_BACK = 30


@dataclass(frozen=True, slots=True)
class WalkedPage(Generic[R]):
    """A page with its rows as they were parsed. `number` counts over all batches, `in_batch` within its own.

    `again`: rows of it may have been shown by pages of higher numbers. `pages_total`: as far as the grid states it.
    """

    number: int
    rows: Sequence[R]
    ids: Sequence[str]
    pages_total: int | None
    batch: int
    in_batch: int
    again: bool = False


def _never(_page: WalkedPage[Any]) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class GridWalk(Generic[R]):
    """`fetch` gets a page of a batch, `parse` parses a row, `id_of` gives its id; `what` names the grid in errors."""

    fetch: Callable[[JobBatch, PageAsk], GridPage]
    parse: Callable[[Any], R]
    id_of: Callable[[R], str]
    what: str
    page_size: int = PAGE_SIZE

    def pages(
        self,
        batches: JobBatches,
        start: ReadStart = FROM_THE_START,
        *,
        tally: Tally | None = None,
        is_edge: Callable[[WalkedPage[R]], bool] = _never,
    ) -> Iterator[WalkedPage[R]]:
        """Pages in order, beginning where `tally` stands; a page may come again, with the rows that it then has.

        `tally` counts the rows and tells afterwards whether all were shown. `is_edge` is called after each page and
        ends the walk through a batch with True. A batch that is refused is split; RefusedQueryError if it cannot be.
        Raises `source-changed` for a grid that ignores the page's number.
        """
        tally = Tally() if tally is None else tally
        tally.shown.update(start.all_seen())
        once = _Pass(self, batches, tally, is_edge, start, self.page_size)
        for number in range(_MOST_PASSES):
            before = len(tally.shown)
            yield from once.pages()
            if not tally.missing or (number and len(tally.shown) == before):
                return
            tally.batch, tally.page = 0, 1
            once = once.another()


@dataclass(slots=True)
class _Pass(Generic[R]):
    """One way through all batches, from where the tally stands."""

    walk: GridWalk[R]
    batches: JobBatches
    tally: Tally
    is_edge: Callable[[WalkedPage[R]], bool]
    start: ReadStart
    page_size: int
    again: bool = False
    longest: int = 0

    def another(self) -> _Pass[R]:
        """One more, with pages no longer than the grid showed: larger steps may have left rows out."""
        size = min(self.page_size, self.longest or self.page_size)
        return _Pass(self.walk, self.batches, self.tally, self.is_edge, FROM_THE_START, size, again=True)

    def pages(self) -> Iterator[WalkedPage[R]]:
        while self.tally.batch < len(self.batches):
            index = self.tally.batch
            try:
                for page in self._batch(index):
                    yield page
                    if self._has_all():
                        return
            except RefusedQueryError:
                if not self.batches.split(index):
                    raise
                self.tally.forget_from(index)
                self.tally.page, self.again = 1, True
                continue
            self.tally.batch, self.tally.page = index + 1, 1

    def _has_all(self) -> bool:
        """Whether a repeated pass has found what the one before it had missed."""
        return self.again and len(self.tally.ends) == len(self.batches) and not self.tally.missing

    def _batch(self, index: int) -> Iterator[WalkedPage[R]]:
        """Pages of one batch, numbered over all of them; the tally knows where it is before each is given away."""
        resumed, self.start = self.start, FROM_THE_START
        shown = set() if resumed is FROM_THE_START else set(self.tally.shown)
        batch = _Batch(self.walk, self.batches[index], shown, self.page_size)
        before, others = self.tally.pages_before(index), len(self.batches) - index - 1
        for page in batch.pages(self.tally.page, resumed):
            self.tally.shown.update(page.ids)
            self.tally.page = page.number
            self.longest = max(self.longest, len(page.ids))
            total = None if batch.pages_total is None else before + batch.pages_total + others
            walked = WalkedPage(before + page.number, page.rows, page.ids, total, index, page.number, self.again)
            yield walked
            if self.is_edge(walked):
                self.tally.ends[index] = batch.end(at_edge=True)
                return
        self.tally.ends[index] = batch.end(at_edge=False)


@dataclass(frozen=True, slots=True)
class _Page(Generic[R]):
    """A page by its number within the batch; `records` as this very answer states it."""

    number: int
    rows: Sequence[R]
    ids: Sequence[str]
    records: int | None


class _Batch(Generic[R]):
    """The pages of one batch, and what the grid states of it."""

    def __init__(self, walk: GridWalk[R], batch: JobBatch, shown_before: set[str], page_size: int) -> None:
        self._walk = walk
        self._batch = batch
        self._size = page_size
        self._records: int | None = None
        self._most_records = 0
        self._shown = shown_before
        self._shown_before = len(shown_before)
        self._steps_back = _MOST_STEPS_BACK
        self._taken_again = 0
        self._empty = 0
        self._last = 0

    @property
    def _most_pages(self) -> int:
        return ceil(self._most_records / self._size)

    @property
    def pages_total(self) -> int | None:
        """By the number of rows that the grid states, None if it states none."""
        return None if self._records is None else max(ceil(self._records / self._size), 1)

    def pages(self, number: int, start: ReadStart) -> Iterator[_Page[R]]:
        """From a page to the last one."""
        page = self._resume_page(number, start)
        while True:
            self._take(page)
            yield page
            if self._is_last(page):
                return
            following = self._page(page.number + 1)
            back = self._back_to(page, following)
            if back is None:
                if self._is_behind_end(following):
                    return
                self._check(page, following)
            page = following if back is None else back

    def _back_to(self, page: _Page[R], following: _Page[R]) -> _Page[R] | None:
        """An earlier page to go on with, if rows moved up to pages that were read already, as others were deleted.

        Only so often, and over about as many pages as there are, so that the walk ends soon even in a list from which
        people keep deleting, or whose stated number of rows comes and goes.
        """
        back, known, at = None, page, following
        while (gone := _rows_gone(known, at)) and self._may_step_back() and at.number > 1:
            self._steps_back -= 1
            number = max(1, at.number - ceil(gone / max(len(page.ids), 1)))
            self._taken_again += at.number - number
            known = at
            back = at = self._page(number)
        return back

    def _may_step_back(self) -> bool:
        return self._steps_back > 0 and self._taken_again <= self._most_pages

    def end(self, *, at_edge: bool) -> BatchEnd:
        """How the walk ended, with the page that was given away last."""
        # While it is read a list may grow by a page at most, or nobody knows what `records` is.
        surplus = not at_edge and len(self._shown) - self._shown_before > self._most_records + self._size
        return BatchEnd(self._last, self._records, self._last * self._size if at_edge else None, surplus)

    def _take(self, page: _Page[R]) -> None:
        self._shown.update(page.ids)
        self._last = page.number
        self._empty = 0 if page.ids else self._empty + 1

    def _is_last(self, page: _Page[R]) -> bool:
        """A full page is never the last: that nothing follows it, the next one tells."""
        if self.pages_total is None or self._records is None:
            return not page.ids
        if page.number < self.pages_total:
            return self._empty >= _MOST_EMPTY
        return not page.ids or (len(page.ids) < self._size and len(self._shown) >= self._records)

    def _is_behind_end(self, page: _Page[R]) -> bool:
        """Whether the list ended before this page: it shows nothing new, as it was asked for to make sure."""
        return self.pages_total is not None and page.number > self.pages_total and self._shown.issuperset(page.ids)

    def _check(self, page: _Page[R], following: _Page[R]) -> None:
        by_size = _MOST_PAGES if self.pages_total is None else 2 * self._most_pages + _MORE_PAGES
        # The same rows once more come of as many added ones, too.
        is_same = following.ids == page.ids and not _rows_gone(following, page)
        if following.ids and (is_same or following.number > min(by_size, _MOST_PAGES)):
            raise changed(self._walk.what, f"pagingData.pageNumber (page {following.number} is no new one)")

    def _resume_page(self, number: int, start: ReadStart) -> _Page[R]:
        """The page to resume at: the last one taken before, or an earlier one if none of its rows was seen before."""
        step = 1
        while True:
            page = self._page(number)
            if number == 1 or start.seen(page.ids):
                return page
            number = max(1, number - step)
            step *= 2

    def _page(self, number: int) -> _Page[R]:
        grid = self._walk.fetch(self._batch, PageAsk(number, self._size, self._records))
        rows = [self._walk.parse(row) for row in grid.rows]
        ids = [self._walk.id_of(row) for row in rows]
        if grid.page_size is not None:
            # Ask by the size that the grid really has (G9): larger steps would leave rows out.
            self._size = min(self._size, max(grid.page_size, len(ids), 1))
        # An empty page behind others tells that it is empty: that the whole list is, the first one says.
        records = None if number > 1 and not rows and grid.records == 0 else grid.records
        if records is not None:
            self._records = records
            self._most_records = max(self._most_records, records)
        return _Page(number, rows, ids, records)


def _rows_gone(page: _Page[R], following: _Page[R]) -> int:
    """By how many rows the list shrank between two pages, as far as it states its total."""
    before, now = page.records, following.records
    return 0 if before is None or now is None else max(before - now, 0)
