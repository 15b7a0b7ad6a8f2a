"""Holds what was read until it is worth a transaction: by count, by bytes, by age, or because nothing more comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sinks.messages import Batch, Message, OffsetUpdate, PartitionClaim, TopicPartition, offset_of


@dataclass(frozen=True, slots=True)
class Limits:
    """When a batch is due. The bytes bound the memory of one batch; a loop holds at most three."""

    records: int = 5_000
    bytes: int = 5_000_000
    age_s: float = 0.2


@dataclass(slots=True)
class _Partition:
    claim: PartitionClaim
    taken: int  # the next offset after the last batch
    next_offset: int


class Buffer:
    """The records of the claimed partitions since the last batch, in the order of their offsets."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._partitions: dict[TopicPartition, _Partition] = {}
        self._by_place: Mapping[tuple[str | None, int | None], _Partition] = {}
        self._messages: dict[str, list[Message]] = {}
        self._count = 0
        self._bytes = 0
        self._since: float | None = None
        self._quiet = False

    @property
    def claims(self) -> Mapping[TopicPartition, PartitionClaim]:
        return {at: partition.claim for at, partition in self._partitions.items()}

    @property
    def room(self) -> int:
        """How many records fit in before it is full; 0 when full."""
        return 0 if self._bytes >= self._limits.bytes else max(0, self._limits.records - self._count)

    def start(self, claims: Mapping[TopicPartition, PartitionClaim]) -> None:
        """Hold nothing and take records of `claims` only, from their offsets on."""
        self._partitions = {at: _Partition(claim, claim.next_offset, claim.next_offset) for at, claim in claims.items()}
        self._by_place = {(at.topic, at.partition): partition for at, partition in self._partitions.items()}
        self._clear()

    def add(self, message: Message, now: float) -> None:
        """Take a record, unless its partition is not claimed or the record was taken before."""
        topic, offset = message.topic(), offset_of(message)
        # This runs for every record: a plain tuple, which is equal to the named one, is made faster.
        partition = self._by_place.get((topic, message.partition()))
        if partition is None or offset < partition.next_offset:
            return
        partition.next_offset = offset + 1
        self._messages.setdefault(topic or "", []).append(message)
        self._count += 1
        self._quiet = False
        self._bytes += len(message.value() or b"")
        if self._since is None:
            self._since = now

    def at_end(self, at: TopicPartition, offset: int, now: float) -> None:
        """Everything before `offset` was read (transaction markers included) and nothing more is there yet."""
        partition = self._partitions.get(at)
        if partition is not None and offset > partition.next_offset:
            partition.next_offset = offset
            self._since = now if self._since is None else self._since

    def quiet(self) -> None:
        """No record came for a moment: what is held need not wait for more."""
        self._quiet = True

    def due_in_s(self, now: float) -> float | None:
        """Seconds until the batch should be written; None while there is nothing to write."""
        if self._since is None:
            return None
        if not self.room or (self._count and self._quiet):
            return 0.0
        return max(0.0, self._since + self._limits.age_s - now)

    def take(self) -> Batch:
        """Everything held, as a batch; the buffer continues after it."""
        updates = [
            OffsetUpdate(at, partition.claim, partition.taken, partition.next_offset)
            for at, partition in sorted(self._partitions.items())
            if partition.next_offset != partition.taken
        ]
        batch = Batch(self._messages, updates)
        for partition in self._partitions.values():
            partition.taken = partition.next_offset
        self._clear()
        return batch

    def _clear(self) -> None:
        self._messages = {}
        self._count = 0
        self._bytes = 0
        self._since = None
        self._quiet = False
