"""How far streams and sink are behind: counted in records that a committed reader can still read, markers left out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from confluent_kafka import Consumer, Message, TopicPartition

from control.database import Transaction
from core.errors import FatalError, RetriableError
from core.kafka.groups import STREAMS_GROUP, committed_offsets
from core.kafka.read import PartitionKey, beginning, offsets_held, partition_of, place_of, read_to_end, reading_config
from core.settings import Settings
from core.sql import read_statements
from schemas.topics import CANONICAL_TOPICS, RAW_TOPICS

_SQL = read_statements(Path(__file__).parent / "queries" / "lag.sql")
_TIMEOUT_S = 15
# So many records of a partition are counted one by one; beyond, their number is estimated from the offsets.
_COUNTED = 500

Positions = Mapping[PartitionKey, int | None]


@dataclass(frozen=True, slots=True)
class Lag:
    """What a stage has not processed yet. `exact` is false where `records` counts offsets, and with them markers.

    `oldest_at` is when the oldest of these records was sent; `partitions` counts them by partition number.
    """

    records: int
    exact: bool
    oldest_at: datetime | None
    partitions: Mapping[int, int]


def streams_positions(settings: Settings) -> dict[PartitionKey, int | None]:
    """The next raw offset that streams will take, by (topic, partition); None: the beginning."""
    raw = [(topic, number) for topic in RAW_TOPICS for number in range(settings.entity_partitions)]
    return committed_offsets(settings, STREAMS_GROUP, raw)


def sink_positions(tx: Transaction, settings: Settings) -> dict[PartitionKey, int | None]:
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


def lag_behind(settings: Settings, positions: Positions) -> Lag:
    """What a committed reader finds at and behind the positions (None: the beginning).

    End offsets are not enough: the last record of a transaction is followed by a marker that nobody ever reads.
    """
    with closing(Consumer(reading_config(settings, "protiv-reports-lag"))) as consumer:
        starts = [
            beginning(consumer, TopicPartition(*where)) if at is None else TopicPartition(*where, at)
            for where, at in positions.items()
        ]
        count = _Count(consumer, set(positions))
        try:
            for batch in read_to_end(
                consumer,
                starts,
                on_end=lambda where, _: count.waiting.discard(where),
                stopped=lambda: not count.waiting,
                silence_limit_s=_TIMEOUT_S,
            ):
                for message in batch:
                    count.take(message)
        except FatalError as exc:
            raise RetriableError(f"The lag is not known. {exc}") from exc
    return count.lag()


@dataclass(slots=True)
class _Count:
    consumer: Consumer
    waiting: set[PartitionKey]
    found: dict[PartitionKey, int] = field(default_factory=dict)
    oldest_at: datetime | None = None
    exact: bool = True

    def take(self, message: Message) -> None:
        where = partition_of(message)
        if where not in self.waiting:
            return
        self.found[where] = self.found.get(where, 0) + 1
        at = place_of(message).at
        self.oldest_at = at if self.oldest_at is None else min(at, self.oldest_at)
        if self.found[where] > _COUNTED:
            self._estimate(where, message.offset() or 0)

    def _estimate(self, where: PartitionKey, offset: int) -> None:
        partition = TopicPartition(*where)
        end = offsets_held(self.consumer, partition)[1]
        self.found[where] += max(0, end - offset - 1)
        self.consumer.pause([partition])
        self.waiting.discard(where)
        self.exact = False

    def lag(self) -> Lag:
        by_number: dict[int, int] = {}
        for (_, number), records in self.found.items():
            by_number[number] = by_number.get(number, 0) + records
        return Lag(sum(self.found.values()), self.exact, self.oldest_at, by_number)
