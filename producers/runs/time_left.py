"""How long a read still takes, from its own pace so far."""

from __future__ import annotations

import math

from core.clock import Clock


class Pace:
    """The pace of one read. It begins at `pages_done`: those of an earlier attempt say nothing of the time."""

    def __init__(self, clock: Clock, pages_done: int) -> None:
        self._clock = clock
        self._first = pages_done
        self._began_at = clock.monotonic()

    def seconds_left(self, pages_done: int, pages_total: int | None) -> int | None:
        """Until the read's pages are done; None while nothing is known of their number or the pace."""
        taken = pages_done - self._first
        if pages_total is None or taken <= 0:
            return None
        each_s = (self._clock.monotonic() - self._began_at) / taken
        return math.ceil(each_s * (pages_total - pages_done))
