"""The Kafka side of a replay: what the topics hold of the letters' keys, and transactions that put letters through."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from core.dead_letters.letter import FIRST_SEEN, DeadLetter, Headers, header_list
from core.kafka.producer import Transaction, TransactionalProducer
from core.kafka.read import PartitionKey, partition_of, read_to_end, reading_config
from core.settings import Settings
from core.topics import DEAD_LETTERS
from producers.replay.plan import Source, Statement, statement_of

_GROUP = "protiv-replay"


class KeyedTopics:
    """The newest committed statement of each followed key, and what was written since they were read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._committed = Consumer(reading_config(settings, _GROUP))
        self.newest: dict[Source, Statement] = {}
        self._followed: frozenset[Source] = frozenset()
        self._ends: dict[PartitionKey, int] = {}

    def close(self) -> None:
        self._committed.close()

    def committed(self, starts: Collection[TopicPartition]) -> Iterator[list[Message]]:
        """Committed records from the starts to the present ends."""
        return read_to_end(self._committed, starts, on_end=self._reached) if starts else iter(())

    def follow(self, sources: frozenset[Source]) -> None:
        """Read the partitions of these keys from their beginning."""
        self._followed = sources
        self._ends = {(source.topic, source.partition): OFFSET_BEGINNING for source in sources}
        self.catch_up()

    def catch_up(self) -> None:
        """Read what was committed since."""
        starts = [TopicPartition(topic, number, offset) for (topic, number), offset in self._ends.items()]
        for batch in self.committed(starts):
            for message in batch:
                self._note(message)

    def overtook(self, written: dict[PartitionKey, dict[int, bytes]]) -> bool:
        """Whether anything of these keys, committed or not, stands before the records written (keys by offset)."""
        ours = {place: records for place, records in written.items() if place in self._ends}
        if not ours:
            return False
        config = reading_config(self._settings, _GROUP) | {"isolation.level": "read_uncommitted"}
        starts = [TopicPartition(*place, self._ends[place]) for place in ours]
        with contextlib.closing(Consumer(config)) as consumer:
            return any(_stands_before(each, ours) for batch in read_to_end(consumer, starts) for each in batch)

    def _reached(self, place: PartitionKey, end: int) -> None:
        # Behind the last record there may be aborted ones, and among them our own.
        if place in self._ends:
            self._ends[place] = end

    def _note(self, message: Message) -> None:
        offset = message.offset() or 0
        source = Source(*partition_of(message), _key(message))
        if source not in self._followed:
            return
        statement = statement_of(header_list(message.headers()), offset)
        if statement is not None:
            self.newest[source] = max(statement, self.newest.get(source, statement))


class ReplayTransaction:
    """Puts letters through, each with its receipt."""

    def __init__(self, transaction: Transaction, partition: int) -> None:
        """`partition` is the letters'."""
        self._transaction = transaction
        self._partition = partition
        self._written: dict[PartitionKey, dict[int, bytes]] = {}

    def put(self, letter: DeadLetter, partition: int) -> None:
        """The record as it was; when it was first refused goes with it, for the case that it is refused again."""
        record = letter.record
        self._transaction.send(
            record.topic,
            partition=partition,
            key=record.key,
            value=record.value,
            headers=[*record.headers, (FIRST_SEEN, letter.first_seen)],
            on_delivered=self._note,
        )

    def receipt(self, letter: DeadLetter, headers: Headers) -> None:
        self._transaction.send(
            DEAD_LETTERS, partition=self._partition, key=letter.record.key, value=None, headers=headers
        )

    def settled(self) -> dict[PartitionKey, dict[int, bytes]]:
        """The keys of the records put, by place and the offset that each got. Blocks until all are written."""
        self._transaction.settle()
        return self._written

    def _note(self, message: Message) -> None:
        self._written.setdefault(partition_of(message), {})[message.offset() or 0] = _key(message)


def receipt_writer(settings: Settings, partition: int) -> TransactionalProducer:
    """The only writer of receipts of its partition; making it fences every older one."""
    fenced = "Another replay of dead letters took over."
    return TransactionalProducer.open(settings, f"{_GROUP}-{partition}", fenced=fenced)


def _stands_before(message: Message, ours: dict[PartitionKey, dict[int, bytes]]) -> bool:
    records = ours[partition_of(message)]
    offset, key = message.offset() or 0, message.key()
    return offset not in records and any(own == key and offset < place for place, own in records.items())


def _key(message: Message) -> bytes:
    key = message.key()
    return key.encode() if isinstance(key, str) else key or b""
