"""Stand-ins for the clock, the Kafka consumer, the store and the topic ids; each keeps what was asked of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from confluent_kafka import KafkaError
from confluent_kafka import TopicPartition as Assigned

from core.errors import IntegrationError
from sinks.messages import Batch, PartitionClaim, TopicPartition
from sinks.read_rows import Rejection
from sinks.writer import Reads, Written
from tests.unit.sinks.factories import TOPIC_IDS, FakeMessage


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        self.seconds += seconds
        return stop is not None and stop.is_set()


class FakeConsumer:
    """A consumer whose group and records a test plays."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Any] = {}
        self.waiting: list[FakeMessage] = []
        self.assigned: list[Assigned] = []
        self.paused = False
        self.copied: list[Assigned] = []
        self.closed = False

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        assert topics
        self.callbacks = callbacks

    def consume(self, num_messages: int, timeout: float) -> list[Any]:
        assert timeout >= 0
        if self.paused or not self.assigned:
            return []
        taken, self.waiting = self.waiting[:num_messages], self.waiting[num_messages:]
        return taken

    def assign(self, partitions: list[Assigned]) -> None:
        self.assigned = partitions

    def assignment(self) -> list[Assigned]:
        return self.assigned

    def pause(self, partitions: list[Assigned]) -> None:
        assert partitions == self.assigned
        self.paused = True

    def resume(self, partitions: list[Assigned]) -> None:
        assert partitions == self.assigned
        self.paused = False

    def commit(self, *, offsets: list[Assigned]) -> None:
        self.copied += offsets

    def committed(self, partitions: list[Assigned], timeout: float) -> list[Assigned]:
        assert timeout > 0
        copied = {(each.topic, each.partition): each.offset for each in self.copied}
        return [
            Assigned(each.topic, each.partition, copied.get((each.topic, each.partition), -1001)) for each in partitions
        ]

    def close(self) -> None:
        self.closed = True

    def give(self, *partitions: TopicPartition) -> None:
        """The group assigns partitions to this member."""
        self.callbacks["on_assign"](self, [Assigned(*at) for at in partitions])

    def take_away(self, *partitions: TopicPartition) -> None:
        self.callbacks["on_revoke"](self, [Assigned(*at) for at in partitions])

    def end_of(self, at: TopicPartition, offset: int) -> None:
        self.waiting.append(FakeMessage(at.topic, None, None, offset, at.partition, error_=report("_PARTITION_EOF")))


class FakeStore:
    """A store in memory: claims count up, batches are kept, failures are played in order."""

    def __init__(self) -> None:
        self.next_offsets: dict[TopicPartition, int] = {}
        self.claims = 0
        self.closed = False
        self.batches: list[Batch] = []
        self.read_sizes: list[int] = []
        self.claim_failures: list[IntegrationError] = []
        self.read_failures: list[IntegrationError] = []
        self.write_failures: list[IntegrationError] = []
        self.may_write = threading.Event()
        self.may_write.set()

    def claim(
        self, topic_ids: Mapping[str, UUID], partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, PartitionClaim]:
        _play(self.claim_failures)
        self.claims += 1
        return {
            at: PartitionClaim(topic_ids[at.topic], 1, self.claims, self.next_offsets.get(at, 0)) for at in partitions
        }

    def read(self, batch: Batch) -> Reads:
        _play(self.read_failures)
        self.read_sizes.append(batch.size)
        return {}

    def write(self, batch: Batch, reads: Reads) -> Written:
        assert reads == {}
        self.may_write.wait(10)
        _play(self.write_failures)
        self.batches.append(batch)
        self.next_offsets |= {move.at: move.next_offset for move in batch.updates}
        return Written({}, {}, {}, 0)

    def close(self) -> None:
        self.closed = True


class FakeTopicIds:
    """The ids of the canonical topics; a test may change one."""

    def __init__(self) -> None:
        self.ids = dict(TOPIC_IDS)

    def current(self) -> dict[str, UUID]:
        return dict(self.ids)


class KeptDeadLetters:
    """Dead letters in a list, with failures to play."""

    def __init__(self) -> None:
        self.delivered: list[Rejection] = []
        self.failures: list[IntegrationError] = []

    def deliver(self, rejections: Sequence[Rejection]) -> None:
        _play(self.failures)
        self.delivered += rejections


def report(name: str) -> KafkaError:
    """A report of the client in place of a record."""
    return KafkaError(getattr(KafkaError, name))


def _play(failures: list[IntegrationError]) -> None:
    if failures:
        raise failures.pop(0)


class PlayedProducer:
    """A producer that hands its messages over when it is flushed, as the brokers of a test answer for each."""

    def __init__(self, *answers: KafkaError | None, unsent: int = 0, full: bool = False) -> None:
        self._answers = list(answers)
        self._unsent = unsent
        self._full = full
        self.sent: list[dict[str, Any]] = []
        self.reported = 0

    def produce(self, topic: str, **message: Any) -> None:
        if self._full:
            raise BufferError
        self.sent.append({"topic": topic} | message)

    def flush(self, timeout: float) -> int:
        assert timeout > 0
        for answer in self._answers:
            self.sent[self.reported]["on_delivery"](answer, None)
            self.reported += 1
        return self._unsent
