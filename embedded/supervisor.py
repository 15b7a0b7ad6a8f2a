"""Starts child processes in batches, notices when one of them ends, and stops the batches in reverse order.
If one of a batch does not start, the whole batch is stopped, and everything before it.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence

from embedded.process import READY_POLL_S, ChildProcess


class Supervisor:
    """Not thread-safe: one thread starts, waits and stops."""

    def __init__(self) -> None:
        self._batches: list[list[ChildProcess]] = []

    @property
    def children(self) -> list[ChildProcess]:
        return [child for batch in self._batches for child in batch]

    def start(self, children: Sequence[ChildProcess], *, deadline_s: float) -> None:
        """Starts the children side by side and returns when all are ready; FatalError (and all stopped) otherwise."""
        batch = list(children)
        self._batches.append(batch)
        try:
            for child in batch:
                child.start()
            self._wait_ready(batch, deadline_s)
        except BaseException:
            self.stop()
            raise

    def _wait_ready(self, batch: list[ChildProcess], deadline_s: float) -> None:
        """Asks the children in turn, so that one that ends is noticed while another is still starting."""
        limit, waiting = time.monotonic() + deadline_s, batch
        while waiting := [child for child in waiting if not child.is_ready()]:
            if time.monotonic() >= limit:
                raise waiting[0].late(deadline_s)
            select.select(waiting, [], [], READY_POLL_S)
        self.check()

    def wait(self, timeout_s: float) -> ChildProcess | None:
        """Blocks until a child has ended by itself, and returns it; None when none did in that time."""
        limit = time.monotonic() + timeout_s
        while True:
            ended = next((child for child in self.children if not child.alive), None)
            left_s = limit - time.monotonic()
            if ended is not None or left_s <= 0:
                return ended
            select.select(self.children, [], [], left_s)

    def check(self) -> None:
        """Raises FatalError, with the log's end, for the first child that is no longer running."""
        ended = self.wait(0)
        if ended is not None:
            raise ended.failure()

    def stop(self) -> None:
        """Ends everything, the last batch first, side by side within a batch. Can be called again."""
        while self._batches:
            batch = self._batches[-1]
            for child in batch:
                child.request_stop()
            for child in batch:
                child.stop()
            self._batches.pop()
