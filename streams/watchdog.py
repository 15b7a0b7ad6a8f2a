"""Ends a process that makes no progress although there is work, so that it is restarted: Faust only logs such a stall.

How much is left to fetch is asked of the brokers by a client of its own: a consumer that hangs cannot tell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec

from core.clock import Clock
from core.errors import FatalError
from core.settings import Settings
from schemas.topic_setup import admin_client

STALL_LIMIT_S = 300.0
_LOOK_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Sample:
    """`work` says whether something is to be done; `progress` is any value that differs once something was."""

    work: bool
    progress: object


class StallWatch:
    """Tells when there was work and no progress for `limit_s`."""

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
    look: Callable[[], Sample], clock: Clock, stop: threading.Event, *, on_error: Callable[[BaseException], None]
) -> threading.Thread:
    """Watch from a thread of its own, so that a blocked event loop is noticed as well."""

    def loop() -> None:
        stall = StallWatch(clock)
        try:
            while not clock.wait(_LOOK_EVERY_S, stop):
                if stall.stalled(look()):
                    raise FatalError(f"There is work and there was no progress for {STALL_LIMIT_S:.0f} s.")
        except Exception as error:  # noqa: BLE001 - a watchdog that died unnoticed is worse than none
            on_error(error)

    thread = threading.Thread(target=loop, name="streams-watchdog", daemon=True)
    thread.start()
    return thread


_TIMEOUT_S = 5.0

Positions = Mapping[tuple[str, int], int]


class ReadableLag:
    """Compares positions with what a committed reader can still read; markers of transactions do not count."""

    def __init__(self, settings: Settings) -> None:
        self._admin = admin_client(settings)

    def of(self, positions: Positions) -> int | None:
        """Records that are committed and not fetched yet; None while the brokers do not answer. Blocks for seconds."""
        if not positions:
            return 0
        spec = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the client types its results only
        latest = {TopicPartition(topic, partition): spec for topic, partition in positions}
        try:
            found = self._admin.list_offsets(
                latest, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_TIMEOUT_S
            )
            ends: dict[tuple[str, int], int] = {
                (place.topic, place.partition): answer.result().offset for place, answer in found.items()
            }
        except KafkaException:
            return None
        return sum(max(0, ends[place] - position) for place, position in positions.items())
