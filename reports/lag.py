"""How far streams and sink are behind: counted in records that a committed reader can still read, markers left out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from control.database import Transaction
from core.errors import RetriableError
from core.kafka.config import consumer_config
from core.kafka.read_partition import NO_BROKER, beginning, place_of
from core.settings import Settings
from core.sql import read_statements
from schemas.topic_setup import admin_client
from schemas.topics import CANONICAL_TOPICS, RAW_TOPICS

STREAMS_GROUP = "protiv-streams"
_SQL = read_statements(Path(__file__).parent / "queries" / "lag.sql")
_TIMEOUT_S = 15
# So many records of a partition are counted one by one; beyond, their number is estimated from the offsets.
_COUNTED = 500

Position = tuple[str, int]
Positions = Mapping[Position, int | None]


@dataclass(frozen=True, slots=True)
class Lag:
    """What a stage has not processed yet. `exact` is false where `records` counts offsets, and with them markers.

    `oldest_at` is when the oldest of these records was sent; `partitions` counts them by partition number.
    """

    records: int
    exact: bool
    oldest_at: datetime | None
    partitions: Mapping[int, int]


def streams_positions(settings: Settings) -> dict[Position, int | None]:
    """The next raw offset that streams will take, by (topic, partition); None: the beginning."""
    return committed_offsets(settings, STREAMS_GROUP, RAW_TOPICS)


def sink_positions(tx: Transaction, settings: Settings) -> dict[Position, int | None]:
    """The next canonical offset that the sink will merge, by (topic, partition); None: the beginning."""
    stored = {(str(topic), int(number)): int(offset) for topic, number, offset in tx.execute(_SQL["sink_offsets"])}
    partitions = range(settings.entity_partitions)
    return {(topic, number): stored.get((topic, number)) for topic in CANONICAL_TOPICS for number in partitions}


def streams_lag(settings: Settings) -> Lag:
    """Raw records that streams have not processed. Blocks; RetriableError if the brokers do not answer."""
    return lag_behind(settings, streams_positions(settings))


def sink_lag(tx: Transaction, settings: Settings) -> Lag:
    """Canonical records that are not in Postgres. Blocks; RetriableError if the brokers do not answer."""
    return lag_behind(settings, sink_positions(tx, settings))


def committed_offsets(settings: Settings, group: str, topics: Collection[str]) -> dict[Position, int | None]:
    """What a consumer group has committed, by partition; None where nothing is."""
    wanted = [TopicPartition(topic, p) for topic in topics for p in range(settings.entity_partitions)]
    try:
        request = ConsumerGroupTopicPartitions(group, wanted)
        # The client has to live until its answer is here: futures of one that was collected never end.
        admin = admin_client(settings)
        answer = admin.list_consumer_group_offsets([request], request_timeout=_TIMEOUT_S)
        found = answer[group].result(_TIMEOUT_S).topic_partitions
    except KafkaException as exc:
        raise RetriableError(NO_BROKER) from exc
    return {(item.topic, item.partition): item.offset if item.offset >= 0 else None for item in found}


def lag_behind(settings: Settings, positions: Positions) -> Lag:
    """What a committed reader finds at and behind the positions (None: the beginning).

    End offsets are not enough: the last record of a transaction is followed by a marker that nobody ever reads.
    """
    # The end of a partition comes with the answer to a fetch, which an idle broker delays by this long.
    config = consumer_config(settings, "protiv-reports-lag") | {"fetch.wait.max.ms": 10}
    with closing(Consumer(config)) as consumer:
        consumer.assign([_start(consumer, where, at) for where, at in positions.items()])
        count = _Count(consumer, set(positions))
        for message in _until(count.waiting, consumer):
            count.take(message)
    return count.lag()


def _start(consumer: Consumer, where: Position, at: int | None) -> TopicPartition:
    try:
        return beginning(consumer, *where) if at is None else TopicPartition(*where, at)
    except KafkaException as exc:
        raise RetriableError(NO_BROKER) from exc


@dataclass(slots=True)
class _Count:
    consumer: Consumer
    waiting: set[Position]
    found: dict[Position, int] = field(default_factory=dict)
    oldest_at: datetime | None = None
    exact: bool = True

    def take(self, message: Message) -> None:
        where = (message.topic() or "", message.partition() or 0)
        if where not in self.waiting:
            return
        self.found[where] = self.found.get(where, 0) + 1
        at = place_of(message).at
        self.oldest_at = at if self.oldest_at is None else min(at, self.oldest_at)
        if self.found[where] > _COUNTED:
            self._estimate(where, message.offset() or 0)

    def _estimate(self, where: Position, offset: int) -> None:
        partition = TopicPartition(*where)
        end = self.consumer.get_watermark_offsets(partition, timeout=_TIMEOUT_S)[1]
        self.found[where] += max(0, end - offset - 1)
        self.consumer.pause([partition])
        self.waiting.discard(where)
        self.exact = False

    def lag(self) -> Lag:
        by_number: dict[int, int] = {}
        for (_, number), records in self.found.items():
            by_number[number] = by_number.get(number, 0) + records
        return Lag(sum(self.found.values()), self.exact, self.oldest_at, by_number)


def _until(waiting: set[Position], consumer: Consumer) -> Iterator[Message]:
    """Records until every partition has come to its end."""
    while waiting:
        message = consumer.poll(_TIMEOUT_S)
        if message is None:
            raise RetriableError(NO_BROKER)
        error = message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:
            waiting.discard((message.topic() or "", message.partition() or 0))
        elif error.fatal():
            raise RetriableError(f"Offsets cannot be read now ({error.name()}).")
