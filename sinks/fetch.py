"""Reads records from Kafka into the buffer, and pauses the partitions while it is full.

What the client reports in place of a record is the end of a partition, a position that is lost, or something that
passes by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import OFFSET_BEGINNING
from confluent_kafka import TopicPartition as Assigned

from core.clock import Clock
from core.errors import FatalError
from core.kafka.errors import Meaning, meaning_of
from core.log import get_logger
from sinks.buffer import Buffer
from sinks.messages import PartitionClaim, TopicPartition

log = get_logger(__name__)

_IDLE_S = 0.5
_BUSY_S = 0.02
_GATHER_S = 0.01

# A topic that is made anew comes back.
_PASSING = frozenset({Meaning.OUTAGE, Meaning.NO_SUCH_TOPIC, Meaning.OFFSET_LOST})

Rebalanced = Callable[[Any, list[Assigned]], None]


class RecordSource(Protocol):
    """What the sink needs of confluent_kafka.Consumer."""

    def subscribe(
        self, topics: list[str], *, on_assign: Rebalanced, on_revoke: Rebalanced, on_lost: Rebalanced
    ) -> None: ...
    def consume(self, num_messages: int, timeout: float) -> list[Any]: ...
    def assign(self, partitions: list[Assigned]) -> None: ...
    def assignment(self) -> list[Assigned]: ...
    def pause(self, partitions: list[Assigned]) -> None: ...
    def resume(self, partitions: list[Assigned]) -> None: ...
    def commit(self, *, offsets: list[Assigned]) -> Any: ...
    def committed(self, partitions: list[Assigned], timeout: float) -> list[Assigned]: ...
    def close(self) -> None: ...


class Fetcher:
    """Fills the buffer from the partitions that are claimed. `lost` is one whose next offset is not in the topic."""

    def __init__(self, consumer: RecordSource, buffer: Buffer, clock: Clock) -> None:
        self._consumer = consumer
        self._buffer = buffer
        self._clock = clock
        self.paused = False
        self.lost: TopicPartition | None = None

    def start(self, claims: Mapping[TopicPartition, PartitionClaim]) -> None:
        """Read these partitions, each from the offset that its claim found."""
        self._buffer.start(claims)
        # Where nothing was merged yet, the oldest record may have a higher offset than 0.
        self._consumer.assign(
            [Assigned(*at, claim.next_offset or OFFSET_BEGINNING) for at, claim in sorted(claims.items())]
        )
        # librdkafka remembers a pause: a partition that was paused when it was revoked is still paused when it returns.
        self._consumer.resume(self._consumer.assignment())
        self.paused = False

    def drop(self) -> None:
        """Forget what was read, because its partitions are given up."""
        self._buffer.start({})
        self.lost = None
        self.paused = False

    def fetch(self, *, busy: bool) -> None:
        """Read what is there; `busy`: the loop is waited for, so return soon. Polls also while the buffer is full."""
        if not self._buffer.room:
            self._pause()
            self._take(self._consumer.consume(1, _IDLE_S))
            return
        self._resume()
        first = self._consumer.consume(1, _BUSY_S if busy else self._idle_s())
        if not first:
            self._buffer.quiet()
            return
        self._take(first)
        if self._buffer.room:
            self._take(self._consumer.consume(self._buffer.room, _GATHER_S))

    def _pause(self) -> None:
        if not self.paused:
            self._consumer.pause(self._consumer.assignment())
            self.paused = True

    def _resume(self) -> None:
        if self.paused:
            self._consumer.resume(self._consumer.assignment())
            self.paused = False

    def _idle_s(self) -> float:
        return _IDLE_S if self._buffer.due_in_s(self._clock.monotonic()) is None else _GATHER_S

    def _take(self, messages: Sequence[Any]) -> None:
        now = self._clock.monotonic()
        for message in messages:
            if message.error() is None:
                self._buffer.add(message, now)
            else:
                self._report(message, now)

    def _report(self, message: Any, now: float) -> None:
        error = message.error()
        meaning = meaning_of(error)
        at = TopicPartition(message.topic(), message.partition())
        if meaning is Meaning.END_OF_PARTITION:
            self._buffer.at_end(at, message.offset(), now)
        elif meaning is Meaning.OFFSET_LOST and at in self._buffer.claims:
            self.lost = at
        elif meaning in _PASSING:
            log.warning("kafka_problem", problem=error.name())
        else:
            raise FatalError(f"The consumer cannot go on: {error.str()} ({error.name()}).")
