"""The sink's status: whether it waits, why and since when, published where it can be read while Postgres is away.

That is the text that Kafka keeps beside a committed offset. It is for people and `status`; the sink never reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka import TopicPartition as Assigned

from core.clock import Clock
from core.errors import RetriableError
from core.kafka.access import NO_BROKER, admin_client
from core.kafka.groups import SINK_GROUP, group_members
from core.log import get_logger
from core.settings import Settings
from schemas.topics import CANONICAL_TOPICS
from sinks.messages import TopicPartition

log = get_logger(__name__)

_REPEAT_S = 15.0
# Of a status that nobody repeats, because its sink is gone; the clocks of two machines may differ by part of this.
LIFETIME = timedelta(minutes=2)
_LONGEST_REASON = 500
_TIMEOUT_S = 15


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why nothing is merged, in a sentence, and since when."""

    reason: str
    since: datetime

    @property
    def sentence(self) -> str:
        return f"{self.reason} Waiting since {self.since.isoformat(timespec='seconds')}."

    def encode(self, at: datetime) -> str:
        """As published at that time."""
        status = {"waiting": self.reason[:_LONGEST_REASON], "since": self.since.isoformat(), "at": at.isoformat()}
        return json.dumps(status)

    @classmethod
    def decode(cls, text: str | None, now: datetime) -> Waiting | None:
        """None where the sink is at work, for a status that was not repeated, and for any other program's text."""
        try:
            status = json.loads(text or "null")
            waiting = cls(str(status["waiting"]), datetime.fromisoformat(status["since"]))
            return waiting if now - datetime.fromisoformat(status["at"]) <= LIFETIME else None
        except (ValueError, TypeError, KeyError, RecursionError):
            return None


class OffsetKeeper(Protocol):
    """The part of confluent_kafka.Consumer that keeps offsets."""

    def commit(self, *, offsets: list[Assigned]) -> Any: ...
    def committed(self, partitions: list[Assigned], timeout: float) -> list[Assigned]: ...


class StatusPublisher:
    """Copies offsets to Kafka, and with them the reason for waiting when it changes."""

    def __init__(self, consumer: OffsetKeeper, clock: Clock) -> None:
        self._consumer = consumer
        self._clock = clock
        self._published: Waiting | None = None
        self._repeat_at = 0.0

    def merged(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Postgres has everything before these offsets, so nothing waits there."""
        self._commit(offsets, None)

    def publish(self, waiting: Waiting | None, offsets: Mapping[TopicPartition, int | None]) -> None:
        """Publish that the sink waits, or no longer does (None), for the partitions it holds; None: offset not known.

        Costs nothing while nothing changes; while the sink waits it is repeated now and then.
        """
        now = self._clock.monotonic()
        if waiting == self._published and (waiting is None or now < self._repeat_at):
            return
        self._published = waiting
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


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """How many sinks are in the group, and why one of them waits (the longest waiting one, if several do)."""

    members: int
    waiting: Waiting | None

    @property
    def sentence(self) -> str:
        """For people; empty while all is well."""
        if not self.members:
            return "No sink is running: nothing reaches the tables."
        if self.waiting is None:
            return ""
        since = self.waiting.since.isoformat(timespec="seconds")
        return f"The sink has been waiting since {since}: {self.waiting.reason}"


def sink_status(settings: Settings, group: str = SINK_GROUP, *, now: datetime | None = None) -> SinkStatus:
    """Asks the brokers alone. RetriableError if they do not answer. `now`: a published status has a lifetime."""
    members = group_members(settings, group)
    admin = admin_client(settings)
    try:
        request = [ConsumerGroupTopicPartitions(group)]
        kept = admin.list_consumer_group_offsets(request, request_timeout=_TIMEOUT_S)[group].result(_TIMEOUT_S)
    except KafkaException as exc:
        raise RetriableError(NO_BROKER) from exc
    at = now or datetime.now(UTC)
    published = [Waiting.decode(each.metadata, at) for each in kept.topic_partitions if each.topic in CANONICAL_TOPICS]
    waiting = min((each for each in published if each is not None), key=lambda each: each.since, default=None)
    return SinkStatus(members, waiting)
