"""Lets a page be published and recorded while the next one is read and compared. One at a time, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace
from types import TracebackType

from control.source_state import Known
from core.log import get_logger
from producers.ledger import PageTaken

Background = Callable[[Callable[[], None]], Callable[[], None]]
"""Begins work and returns a function that waits for its end and raises what it raised."""

_LOG = get_logger(__name__)


@contextmanager
def commits_behind() -> Iterator[Background]:
    """A thread in which pages are committed behind the reading, which is gone when the block ends."""
    with ThreadPoolExecutor(1, "commits") as executor:
        # In the caller's context: what is logged belongs to its run.
        yield lambda work: executor.submit(copy_context().run, work).result


class Handover:
    """The page that is on its way. Use it as a context: when that is left, nothing is on its way any more."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._taken: PageTaken | None = None
        self._wait: Callable[[], None] = _nothing

    def hand_over(self, taken: PageTaken, commit: Callable[[], None]) -> None:
        """Begin to commit a page once the one before it is committed. Raises what that one raised."""
        self.settle()
        self._taken, self._wait = taken, self._background(commit)

    def settle(self) -> None:
        """Wait until nothing is on its way; raises what the page on its way raised."""
        wait, self._wait = self._wait, _nothing
        wait()
        self._taken = None

    def over(self, known: Mapping[str, Known]) -> dict[str, Known]:
        """What is known, with the page on its way taken for recorded: if it fails, nothing behind it is published."""
        if self._taken is None:
            return dict(known)
        now = dict(known)
        for one in self._taken.published:
            now[one.entity_id] = Known(one.fingerprint, one.digest)
        for entity_id, digest in self._taken.digests.items():
            if entity_id in now:
                now[entity_id] = replace(now[entity_id], digest=digest)
        return now

    def __enter__(self) -> Handover:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.settle()
            return
        try:
            self.settle()
        except Exception as exc:  # noqa: BLE001 - what ended the read is what its people have to know first
            _LOG.warning("page_not_recorded", exc_info=exc)


def _nothing() -> None:
    """Nothing is on its way."""
