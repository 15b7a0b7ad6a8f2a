"""Waits an outage out: the same call again, with growing pauses, until it succeeds or there is no point.

Nothing is dead-lettered for an outage, and no offset is committed while one lasts.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.clock import Clock
from core.errors import FatalError, RetriableError, StoppedError
from core.log import get_logger

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0

T = TypeVar("T")

log = get_logger(__name__)


@dataclass(slots=True)
class Backoff:
    """The pause after each failure: longer each time, and never shorter than the other side asks for."""

    failures: int = 0

    def pause_s(self, error: RetriableError) -> float:
        """Count a failure; how long to wait before the next attempt."""
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self.failures, 10))
        self.failures += 1
        return max(pause_s, error.retry_after_s or 0.0)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try. `on_wait` is called before each pause, so that a watchdog can tell waiting from hanging."""

    clock: Clock
    stop: threading.Event
    limit_s: float = math.inf
    on_wait: Callable[[], None] = lambda: None

    def until_done(self, call: Callable[[], T]) -> T:
        """The call's result. Blocks; raises StoppedError if stopped meanwhile, FatalError when the time is up."""
        give_up_at = self.clock.monotonic() + self.limit_s
        backoff = Backoff()
        while True:
            try:
                return call()
            except RetriableError as exc:
                if self.clock.monotonic() >= give_up_at:
                    raise FatalError(f"Gave up after {self.limit_s:.0f} s: {exc}") from exc
                self.on_wait()
                pause_s = backoff.pause_s(exc)
                log.warning("waiting_for_outage", reason=str(exc), pause_s=pause_s)
                if self.clock.wait(pause_s, self.stop):
                    raise StoppedError(f"Stopped while waiting: {exc}") from exc
