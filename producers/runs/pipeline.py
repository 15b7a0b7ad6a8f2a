"""Lets a page be published and recorded while the next one is read and compared. One at a time, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from types import TracebackType

import msgspec

from control.source_state import Known
from core.log import get_logger
from producers.runs.batch import Batch
from producers.runs.ledger import PageRecord

Background = Callable[[Callable[[], None]], Callable[[], None]]
"""Begins work and returns a function that waits for its end and raises what it raised."""

log = get_logger(__name__)


@contextmanager
def commit_thread() -> Iterator[Background]:
    """A thread in which pages are committed behind the reading, which is gone when the block ends."""
    with ThreadPoolExecutor(1, "commits") as executor:
        # In the caller's context: what is logged belongs to its run.
        yield lambda work: executor.submit(copy_context().run, work).result


@dataclass(frozen=True, slots=True)
class ComparedPage:
    """A page that is compared: what to publish of it, and what to remember then."""

    batch: Batch
    taken: PageRecord


Commit = Callable[[ComparedPage, Callable[[], ComparedPage | None]], None]
"""Commits a page; its second argument tells the next one, if that waits to be committed by then."""


class CommitPipeline:
    """The page that is on its way. Use it as a context: when that is left, nothing is on its way any more."""

    def __init__(self, background: Background, commit: Commit) -> None:
        self._background = background
        self._commit = commit
        self._taken: PageRecord | None = None
        self._wait: Callable[[], None] = _nothing
        # Filled by the reading, emptied by the commits.
        self._waiting: deque[ComparedPage] = deque()
        self._failed = False

    def submit(self, page: ComparedPage) -> None:
        """Commit a page behind the one before it; returns when that is committed, or raises what it raised."""
        self._waiting.append(page)
        wait = self._background(partial(self._commit_next, page))
        before, self._wait = self._wait, wait
        before()
        self._taken = page.taken

    def settle(self) -> None:
        """Wait until nothing is on its way; raises what the page on its way raised."""
        wait, self._wait = self._wait, _nothing
        wait()
        self._taken = None

    def _commit_next(self, page: ComparedPage) -> None:
        self._waiting.popleft()
        if self._failed:
            # The page before it did, and its reader knows. Nothing behind a page that failed is published.
            return
        try:
            self._commit(page, lambda: self._waiting[0] if self._waiting else None)
        except BaseException:
            self._failed = True
            raise

    def over(self, known: Mapping[str, Known]) -> dict[str, Known]:
        """What is known, with the page on its way taken for recorded: if it fails, nothing behind it is published."""
        if self._taken is None:
            return dict(known)
        now = dict(known)
        for one in self._taken.published:
            now[one.entity_id] = Known(one.fingerprint, one.digest)
        for entity_id, digest in self._taken.digests.items():
            if entity_id in now:
                now[entity_id] = msgspec.structs.replace(now[entity_id], digest=digest)
        return now

    def __enter__(self) -> CommitPipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.settle()
            return
        try:
            self.settle()
        except Exception as exc:
            log.warning("page_not_recorded", exc_info=exc)


def _nothing() -> None:
    """Nothing is on its way."""
