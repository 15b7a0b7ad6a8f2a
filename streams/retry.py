"""Patience with what is away: the same call again, with growing pauses, until it succeeds or there is no point.

Nothing is dead-lettered for an outage, and no offset is committed while one lasts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.clock import Clock
from core.errors import FatalError, IntegrationError, RetriableError
from core.log import get_logger

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0

log = get_logger(__name__)

T = TypeVar("T")


class StoppedError(IntegrationError):
    """The process or the partition's ownership ends; what was at hand is left for the next owner."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try. `on_wait` is called before each pause, so that a watchdog can tell waiting from hanging."""

    clock: Clock
    stop: threading.Event
    limit_s: float
    on_wait: Callable[[], None] = lambda: None

    def until_done(self, call: Callable[[], T]) -> T:
        """The call's result. Blocks; raises StoppedError if stopped meanwhile, FatalError when the time is up."""
        give_up_at = self.clock.monotonic() + self.limit_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return call()
            except RetriableError as exc:
                if self.clock.monotonic() >= give_up_at:
                    raise FatalError(f"Gave up after {self.limit_s:.0f} s: {exc}") from exc
                self.on_wait()
                log.warning("waiting_for_outage", reason=str(exc), pause_s=pause_s)
                if self.clock.wait(exc.retry_after_s or pause_s, self.stop):
                    raise StoppedError("Stopped while waiting.") from exc
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
