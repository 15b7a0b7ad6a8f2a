"""Replays dead letters after a fix: each once, in order, and never one that a newer record has superseded.

**Once.** The record and a receipt of its letter are one Kafka transaction; receipts lie beside the letters and live as
long. A partition's letters are replayed under one transactional id: a second replay fences the first before it reads
the receipts, so that neither a crash nor two replays at a time replay a letter twice.

**In order.** A company's letters lie on one partition and are replayed in the order in which they were written.

**No old record wins.** Readers that keep state order by (version, offset), so they skip an old version. Compaction
orders by offset alone: of an old record after a newer one of its key, only the old one would remain. So a letter counts
as superseded, and is not replayed, when the topic holds a higher (version, offset) of its key. This includes what a
poller or streams write meanwhile: before the transaction is committed, the topic is read once more up to the offsets
that the letters got; if another record of their keys was written before them, the transaction is aborted and decided
again.

A letter that fails again becomes a new letter and keeps the time at which it was first seen.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from core.clock import Clock
from core.dead_letters.letter import FIRST_SEEN, DeadLetter, Headers, header_list, receipt_headers
from core.kafka.producer import Transaction, TransactionalProducer
from core.kafka.read import PartitionKey, partition_of, read_to_end, reading_config
from core.log import get_logger
from core.settings import Settings
from core.topics import DEAD_LETTERS
from producers.replay.plan import (
    OpenLetters,
    Selection,
    Sent,
    Source,
    Statement,
    home_of,
    is_keyed,
    is_superseded,
    opened,
    statement_of,
)

BATCH_LETTERS = 500
BATCH_BYTES = 8 * 1024 * 1024
_PAUSE_S = 0.2
_GROUP = "protiv-replay"

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the selected letters.

    `superseded`: the topic holds a newer record of the entity. `expired`: too old to know what was deleted since.
    `keyless`: its topic takes no record without a key. `cut`: it was too big to be kept whole. `source_rows`: rows that
    the poller refused, which every read reads again. The last four are left as they are. `sent` are the places of the
    records that were written.
    """

    put_through: int = 0
    superseded: int = 0
    expired: int = 0
    keyless: int = 0
    cut: int = 0
    source_rows: int = 0
    sent: tuple[Sent, ...] = field(default=(), compare=False, repr=False)


def replay(
    settings: Settings, selection: Selection, clock: Clock, *, stopped: Callable[[], bool] = lambda: False
) -> Replayed:
    """Replay the selected letters that are still open; letters that arrive meanwhile are left for the next time.

    Blocks. `stopped` is checked between batches. After any error but a ConfigurationError it may be called again: what
    was replayed stays so. RetriableError for an outage, FencedError if another replay took over, FatalError otherwise.
    """
    tally: Counter[str] = Counter()
    sent: list[Sent] = []
    for partition in range(settings.entity_partitions):
        if not stopped():
            work = _PartitionReplay(settings, selection, partition, clock, tally)
            work.run(stopped)
            sent += work.sent
    done = Replayed(**{name.replace("-", "_"): number for name, number in tally.items()}, sent=tuple(sent))
    log.info("dead_letters_replayed", **tally)
    return done


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


class _OvertakenError(Exception):
    """Another record of their keys was written before the letters."""


class _PartitionReplay:
    """The letters of one partition."""

    def __init__(
        self, settings: Settings, selection: Selection, partition: int, clock: Clock, tally: Counter[str]
    ) -> None:
        self._settings = settings
        self._partition = partition
        self._clock = clock
        self._tally = tally
        self.sent: list[Sent] = []
        self._open = OpenLetters(selection, clock.now(), settings.entity_partitions)
        self._topics = KeyedTopics(settings)

    def run(self, stopped: Callable[[], bool]) -> None:
        with contextlib.closing(self._topics):
            # Fencing comes first: nobody else can write a receipt after the receipts were read.
            writer = receipt_writer(self._settings, self._partition)
            for batch in self._topics.committed([TopicPartition(DEAD_LETTERS, self._partition, OFFSET_BEGINNING)]):
                self._open.read(batch)
            self._tally["expired"] += self._open.expired
            self._tally["cut"] += self._open.cut
            self._tally["source_rows"] += self._open.source_rows
            self._topics.follow(self._open.sources)
            for letters in _batches(self._letters()):
                if stopped():
                    return
                while not self._replay_batch(letters, writer):
                    self._clock.wait(_PAUSE_S)
                    self._topics.catch_up()

    def _letters(self) -> Iterator[DeadLetter]:
        """The open letters, from the first to the last that was there when the receipts were read."""
        wanted = self._open.offsets
        if not wanted:
            return
        start = TopicPartition(DEAD_LETTERS, self._partition, min(wanted))
        with contextlib.closing(KeyedTopics(self._settings)) as topics:
            for batch in topics.committed([start]):
                for kept in batch:
                    letter = opened(kept) if kept.offset() in wanted else None
                    if letter is not None:
                        yield letter
                if (batch[-1].offset() or 0) >= max(wanted):
                    return

    def _replay_batch(self, batch: Sequence[DeadLetter], writer: TransactionalProducer) -> bool:
        """One transaction; false if it has to be decided again: another record was written before the letters."""
        outcomes = [self._outcome(letter) for letter in batch]
        try:
            with writer.transaction() as open_transaction:
                transaction = ReplayTransaction(open_transaction, self._partition)
                for letter, outcome in zip(batch, outcomes, strict=True):
                    if outcome == "put-through":
                        transaction.put(letter, home_of(letter, self._settings.entity_partitions))
                    if outcome != "keyless":
                        headers = receipt_headers(letter.offset, outcome=outcome, at=self._clock.now())
                        transaction.receipt(letter, headers)
                written = transaction.settled()
                if self._topics.overtook(written):
                    raise _OvertakenError
        except _OvertakenError:
            return False
        self._tally.update(outcomes)
        self.sent += [Sent(*place, offset) for place, records in written.items() for offset in records]
        return True

    def _outcome(self, letter: DeadLetter) -> str:
        if letter.record.key is None and is_keyed(letter.record.topic):
            return "keyless"
        superseded = is_superseded(letter, self._topics.newest, self._settings.entity_partitions)
        return "superseded" if superseded else "put-through"


def _batches(letters: Iterator[DeadLetter]) -> Iterator[list[DeadLetter]]:
    batch: list[DeadLetter] = []
    size = 0
    for letter in letters:
        batch.append(letter)
        size += len(letter.record.value or b"")
        if len(batch) >= BATCH_LETTERS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _stands_before(message: Message, ours: dict[PartitionKey, dict[int, bytes]]) -> bool:
    records = ours[partition_of(message)]
    offset, key = message.offset() or 0, message.key()
    return offset not in records and any(own == key and offset < place for place, own in records.items())


def _key(message: Message) -> bytes:
    key = message.key()
    return key.encode() if isinstance(key, str) else key or b""
