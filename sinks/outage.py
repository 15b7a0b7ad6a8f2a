"""The pause after a failure that may pass: longer each time, never longer than ten seconds."""

from __future__ import annotations

from core.clock import Clock
from core.errors import RetriableError
from core.log import get_logger
from sinks.status import Waiting

FIRST_S = 0.5
LONGEST_S = 10.0

log = get_logger(__name__)


class Outage:
    """Whether something outside is away, and when to try it again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._retry_at = 0.0
        self._waiting: Waiting | None = None

    @property
    def waiting(self) -> Waiting | None:
        """Why nothing goes on, and since when; None while all is well."""
        return self._waiting

    @property
    def lasts(self) -> bool:
        return self._failures > 0

    def failed(self, error: RetriableError) -> None:
        """Count a failure and set the next attempt."""
        pause_s = min(LONGEST_S, FIRST_S * 2 ** min(self._failures, 10))
        pause_s = max(pause_s, error.retry_after_s or 0.0)
        self._failures += 1
        self._waiting = Waiting(str(error), self._waiting.since if self._waiting else self._clock.now())
        self._retry_at = self._clock.monotonic() + pause_s
        log.warning("sink_waits_for_outage", reason=str(error), failures=self._failures, retry_in_s=pause_s)

    def ended(self) -> None:
        """Something went well."""
        if self._failures:
            log.info("sink_resumed", failures=self._failures)
        self._failures = 0
        self._waiting = None

    def may_try(self) -> bool:
        return not self._failures or self._clock.monotonic() >= self._retry_at
