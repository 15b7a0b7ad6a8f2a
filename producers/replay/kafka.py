"""The Kafka side of a replay: what the topics hold of the letters' keys, and transactions that put letters through."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer, TopicPartition

from core.dead_letters.letter import FIRST_SEEN, DeadLetter, Headers, header_list
from core.errors import FatalError, FencedError, RetriableError
from core.kafka.config import FENCED, transactional_config
from core.kafka.read_to_end import Place, place_of, read_to_end, reading_config
from core.settings import Settings
from core.topics import DEAD_LETTERS
from producers.replay.plan import Source, Statement, statement_of

_TIMEOUT_S = 30.0
_FULL_QUEUE_POLL_S = 0.1
_GROUP = "protiv-replay"


class KeyedTopics:
    """The newest committed statement of each followed key, and what was written since they were read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._committed = Consumer(reading_config(settings, _GROUP))
        self.newest: dict[Source, Statement] = {}
        self._followed: frozenset[Source] = frozenset()
        self._ends: dict[Place, int] = {}

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

    def overtook(self, written: dict[Place, dict[int, bytes]]) -> bool:
        """Whether anything of these keys, committed or not, stands before the records written (keys by offset)."""
        ours = {place: records for place, records in written.items() if place in self._ends}
        if not ours:
            return False
        config = reading_config(self._settings, _GROUP) | {"isolation.level": "read_uncommitted"}
        starts = [TopicPartition(*place, self._ends[place]) for place in ours]
        with contextlib.closing(Consumer(config)) as consumer:
            return any(_stands_before(each, ours) for batch in read_to_end(consumer, starts) for each in batch)

    def _reached(self, place: Place, end: int) -> None:
        # Behind the last record there may be aborted ones, and among them our own.
        if place in self._ends:
            self._ends[place] = end

    def _note(self, message: Message) -> None:
        offset, key = message.offset() or 0, message.key()
        source = Source(*place_of(message), key.encode() if isinstance(key, str) else key or b"")
        if source not in self._followed:
            return
        statement = statement_of(header_list(message.headers()), offset)
        if statement is not None:
            self.newest[source] = max(statement, self.newest.get(source, statement))


class ReceiptWriter:
    """The only writer of receipts of its partition; making it fences every older one."""

    def __init__(self, settings: Settings, partition: int) -> None:
        self._partition = partition
        self._producer = Producer(transactional_config(settings, f"{_GROUP}-{partition}"))
        self._producer.init_transactions(_TIMEOUT_S)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[ReplayTransaction]:
        """A transaction that is given up when the block is left by an exception: an open one holds up all readers."""
        self._producer.begin_transaction()
        transaction = ReplayTransaction(self._producer, self._partition)
        try:
            yield transaction
        except BaseException:
            with contextlib.suppress(KafkaException):
                self._producer.abort_transaction(_TIMEOUT_S)
            raise


class ReplayTransaction:
    def __init__(self, producer: Producer, partition: int) -> None:
        self._producer = producer
        self._partition = partition
        self._written: dict[Place, dict[int, bytes]] = {}
        self.committed = False

    def put(self, letter: DeadLetter, partition: int) -> None:
        """The record as it was; when it was first refused goes with it, for the case that it is refused again."""
        record = letter.record
        headers: Headers = [*record.headers, (FIRST_SEEN, letter.first_seen)]

        def delivered(error: object, message: Message) -> None:
            if error is None:
                self._written.setdefault(place_of(message), {})[message.offset() or 0] = record.key or b""

        self._produce(
            record.topic,
            partition=partition,
            key=record.key,
            value=record.value,
            headers=headers,
            on_delivery=delivered,
        )

    def receipt(self, letter: DeadLetter, headers: Headers) -> None:
        self._produce(DEAD_LETTERS, partition=self._partition, key=letter.record.key, headers=headers)

    def settled(self) -> dict[Place, dict[int, bytes]]:
        """The keys of the records put, by place and the offset that each got. Blocks until all are written."""
        if self._producer.flush(_TIMEOUT_S):
            raise RetriableError("Kafka does not take the records now.")
        return self._written

    def commit(self) -> None:
        self._producer.commit_transaction(_TIMEOUT_S)
        self.committed = True

    def abort(self) -> None:
        self._producer.abort_transaction(_TIMEOUT_S)

    def _produce(self, topic: str, **record: Any) -> None:
        while True:
            try:
                self._producer.produce(topic, **record)
            except BufferError:
                self._producer.poll(_FULL_QUEUE_POLL_S)
            else:
                return


def _stands_before(message: Message, ours: dict[Place, dict[int, bytes]]) -> bool:
    records = ours[place_of(message)]
    offset, key = message.offset() or 0, message.key()
    return offset not in records and any(own == key and offset < place for place, own in records.items())


@contextlib.contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except KafkaException as exc:
        error = exc.args[0]
        if error.code() in FENCED:
            raise FencedError("Another replay of dead letters took over.") from exc
        if error.fatal():
            raise FatalError(f"Kafka refuses the replay ({error.name()}).") from exc
        raise RetriableError(f"Kafka does not take the replay now ({error.name()}).") from exc
