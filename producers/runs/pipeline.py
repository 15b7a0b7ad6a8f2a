"""Publishes and records a page while the next one is read and compared: one at a time, in order."""

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
from producers.runs.ledger import PageRecord
from producers.runs.messages import Batch

Background = Callable[[Callable[[], None]], Callable[[], None]]
"""Starts work in the background; returns a function that waits for its end and raises what it raised."""

log = get_logger(__name__)


@contextmanager
def commit_thread() -> Iterator[Background]:
    """One thread that commits pages while the next ones are read; it ends with the block."""
    with ThreadPoolExecutor(1, "commits") as executor:
        # In the caller's context: what is logged belongs to its run.
        yield lambda work: executor.submit(copy_context().run, work).result


def at_once(work: Callable[[], None]) -> Callable[[], None]:
    """A Background that does the work in the caller's thread."""
    work()
    return _nothing


@dataclass(frozen=True, slots=True)
class ComparedPage:
    """A page that is compared: what to publish of it, and what to record then."""

    batch: Batch
    record: PageRecord


Commit = Callable[[ComparedPage, Callable[[], ComparedPage | None]], None]
"""Commits a page; its second argument returns the next page, if that waits to be committed by then."""


class CommitPipeline:
    """Holds at most one pending page. Use it as a context: at its end no page is pending any more."""

    def __init__(self, background: Background, commit: Commit) -> None:
        self._background = background
        self._commit = commit
        self._pending: PageRecord | None = None
        self._wait: Callable[[], None] = _nothing
        # Filled by the reading thread, emptied by the commit thread.
        self._waiting: deque[ComparedPage] = deque()
        self._failed = False

    def submit(self, page: ComparedPage) -> None:
        """Commit a page after the pending one; returns when that one is committed, or raises what it raised."""
        self._waiting.append(page)
        wait = self._background(partial(self._commit_next, page))
        before, self._wait = self._wait, wait
        before()
        self._pending = page.record

    def settle(self) -> None:
        """Wait until no page is pending; raises what the pending page raised."""
        wait, self._wait = self._wait, _nothing
        wait()
        self._pending = None

    def _commit_next(self, page: ComparedPage) -> None:
        self._waiting.popleft()
        if self._failed:
            # The page before it failed, and the reading thread knows. Nothing after a failed page is published.
            return
        try:
            self._commit(page, lambda: self._waiting[0] if self._waiting else None)
        except BaseException:
            self._failed = True
            raise

    def with_pending(self, known: Mapping[str, Known]) -> dict[str, Known]:
        """What is known, as if the pending page were recorded: if it fails, nothing after it is published."""
        if self._pending is None:
            return dict(known)
        now = dict(known)
        for one in self._pending.published:
            now[one.entity_id] = Known(one.fingerprint, one.digest, one.filled)
        for entity_id, digest in self._pending.digests.items():
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
    """No page is pending."""
