"""What the sink takes from Kafka: messages as the client gives them, and batches with the offsets that they update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from core.dead_letters.letter import Headers, RejectedRecord


class Message(Protocol):
    """A record as confluent-kafka gives it (and the fakes of the tests)."""

    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> Headers | None: ...
    def timestamp(self) -> tuple[int, int]: ...


class TopicPartition(NamedTuple):
    """One partition of one topic; a plain tuple of the two finds it in a mapping."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class PartitionClaim:
    """The right to update a partition's offset in Postgres, until another sink claims the partition.

    `topic_id` is Kafka's uuid of the topic, `generation` which creation of the topic that is.
    """

    topic_id: UUID
    generation: int
    number: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class OffsetUpdate:
    """A partition's offset goes from `expected` to `next_offset`, if the claim still holds."""

    at: TopicPartition
    claim: PartitionClaim
    expected: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Records by topic in the order of their offsets, and the next offset of each partition after them."""

    messages: Mapping[str, Sequence[Message]]
    updates: Sequence[OffsetUpdate]

    @property
    def size(self) -> int:
        return sum(len(messages) for messages in self.messages.values())

    def generation(self, topic: str) -> int:
        """Which creation of `topic` this batch's records are of."""
        return next(update.claim.generation for update in self.updates if update.at.topic == topic)


def offset_of(message: Message) -> int:
    """The record's offset; every consumed record has one."""
    offset = message.offset()
    assert offset is not None
    return offset


def rejected(message: Message) -> RejectedRecord:
    """The record byte for byte, for a dead letter."""
    topic, partition = message.topic(), message.partition()
    assert topic is not None
    assert partition is not None
    return RejectedRecord(
        topic, partition, offset_of(message), message.key(), message.value(), list(message.headers() or ())
    )
