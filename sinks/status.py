"""What the sink is doing, said where it can be read while Postgres is away: in the text that Kafka keeps beside a
committed offset. It is for people and `status`; the sink itself never reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from confluent_kafka import KafkaException
from confluent_kafka import TopicPartition as Assigned

from core.clock import Clock
from core.log import get_logger
from sinks.messages import TopicPartition

log = get_logger(__name__)

GROUP = "protiv-sink"
_REPEAT_S = 15.0
# Of an announcement that nobody repeats, because who made it is gone; the clocks of two machines may differ by a part.
LIFETIME = timedelta(minutes=2)
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why nothing is merged, in a sentence, and since when."""

    reason: str
    since: datetime

    def encode(self, at: datetime) -> str:
        """As announced at that time."""
        said = {"waiting": self.reason[:_LONGEST_REASON], "since": self.since.isoformat(), "at": at.isoformat()}
        return json.dumps(said)

    @classmethod
    def decode(cls, text: str | None, now: datetime) -> Waiting | None:
        """None where the sink is at work, for an announcement that was not repeated, and for anybody else's text."""
        try:
            said = json.loads(text or "null")
            waiting = cls(str(said["waiting"]), datetime.fromisoformat(said["since"]))
            return waiting if now - datetime.fromisoformat(said["at"]) <= LIFETIME else None
        except (ValueError, TypeError, KeyError, RecursionError):
            return None


class OffsetKeeper(Protocol):
    """The part of confluent_kafka.Consumer that keeps offsets."""

    def commit(self, *, offsets: list[Assigned]) -> Any: ...
    def committed(self, partitions: list[Assigned], timeout: float) -> list[Assigned]: ...


class Announcement:
    """Copies offsets to Kafka, and with them the reason for waiting when it changes."""

    def __init__(self, consumer: OffsetKeeper, clock: Clock) -> None:
        self._consumer = consumer
        self._clock = clock
        self._said: Waiting | None = None
        self._repeat_at = 0.0

    def moved(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Batches up to these offsets are committed in Postgres, or it said that they are: nobody waits there."""
        self._commit(offsets, None)

    def say(self, waiting: Waiting | None, offsets: Mapping[TopicPartition, int | None]) -> None:
        """Make known that the sink waits, or goes on (None), for partitions it holds; None: their offset is not known.

        Costs nothing while nothing changes; while waiting it is said again now and then.
        """
        now = self._clock.monotonic()
        if waiting == self._said and (waiting is None or now < self._repeat_at):
            return
        self._said = waiting
        self._repeat_at = now + _REPEAT_S
        known = {at: offset for at, offset in offsets.items() if offset is not None}
        self._commit(known | self._kept([at for at in offsets if at not in known]), waiting)

    def _kept(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        if not partitions:
            return {}
        try:
            found = self._consumer.committed([Assigned(*at) for at in partitions], timeout=1.0)
        except KafkaException as exc:
            log.debug("kafka_offsets_not_read", reason=str(exc))
            return {}
        return {TopicPartition(each.topic, each.partition): max(0, each.offset) for each in found}

    def _commit(self, offsets: Mapping[TopicPartition, int], waiting: Waiting | None) -> None:
        text = "" if waiting is None else waiting.encode(self._clock.now())
        if not offsets:
            return
        try:
            self._consumer.commit(offsets=[Assigned(*at, offset, text) for at, offset in sorted(offsets.items())])
        except KafkaException as exc:
            log.debug("kafka_offsets_not_copied", reason=str(exc))
