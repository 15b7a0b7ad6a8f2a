"""Ends a process that makes no progress although there is work, so that it is restarted: Faust only logs such a stall.

The lag is asked from the brokers by a client of its own, since a consumer that hangs does not know it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.clock import Clock
from core.errors import FatalError, RetriableError
from core.kafka.access import admin_client
from core.kafka.read import readable_ends
from core.settings import Settings

STALL_LIMIT_S = 300.0
_SAMPLE_EVERY_S = 5.0
_TIMEOUT_S = 5.0

Positions = Mapping[tuple[str, int], int]
"""Offsets by topic and partition."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`work`: whether there is something to do; `progress`: any value that changes once something was done."""

    work: bool
    progress: object


class StallWatch:
    """Detects that there was work and no progress for `limit_s`."""

    def __init__(self, clock: Clock, *, limit_s: float = STALL_LIMIT_S) -> None:
        self._clock = clock
        self._limit_s = limit_s
        self._progress: object = None
        self._since = clock.monotonic()

    def stalled(self, sample: Sample) -> bool:
        """Whether this sample is the last of a stall."""
        now = self._clock.monotonic()
        if not sample.work or sample.progress != self._progress:
            self._progress, self._since = sample.progress, now
        return now - self._since >= self._limit_s


def watch(
    take_sample: Callable[[], Sample], clock: Clock, stop: threading.Event, *, on_error: Callable[[BaseException], None]
) -> threading.Thread:
    """Watch from a thread of its own, so that a blocked event loop is noticed as well; `on_error` ends the process."""

    def loop() -> None:
        stall = StallWatch(clock)
        try:
            while not clock.wait(_SAMPLE_EVERY_S, stop):
                if stall.stalled(take_sample()):
                    raise FatalError(f"There is work and there was no progress for {STALL_LIMIT_S:.0f} s.")
        except Exception as error:
            on_error(error)
            raise

    thread = threading.Thread(target=loop, name="streams-watchdog", daemon=True)
    thread.start()
    return thread


class ReadableLag:
    """Compares positions with the ends that a committed reader can reach; markers of transactions do not count."""

    def __init__(self, settings: Settings) -> None:
        self._admin = admin_client(settings)

    def of(self, positions: Positions) -> int | None:
        """Records that are committed and not fetched yet; None while the brokers do not answer. Blocks for seconds."""
        if not positions:
            return 0
        try:
            ends = readable_ends(self._admin, positions, timeout_s=_TIMEOUT_S)
        except RetriableError:
            return None
        return sum(max(0, ends[partition] - position) for partition, position in positions.items())
