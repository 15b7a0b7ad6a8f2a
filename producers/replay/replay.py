"""Puts dead letters through again after a fix: each once, in order, and never one that was overtaken meanwhile.

**Once.** The record and a receipt of its letter are one Kafka transaction; receipts lie beside the letters and live as
long. A partition's letters are put through under one transactional id: a second replay fences the first before it reads
which letters are done with, so that neither a crash nor two replays at a time put a letter through twice.

**In order.** A company's letters lie on one partition and are put through in the order in which they were written.

**No old record wins.** Readers with a state go by (version, offset), so they skip an old version. Compaction goes by
offset alone: an old record behind a newer one of its key would be all that is left. A letter is therefore superseded,
and not put through, when the topic holds a higher (version, offset) of its key. What a poller or streams write while
this runs is seen as well: before the transaction is committed the topic is read once more, up to the offsets that the
letters got; if anything else of their keys stands before them, the transaction is aborted and decided anew.

A letter that fails again becomes a new letter and keeps the time at which it was first seen.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from core.clock import Clock
from core.dead_letters.letter import DeadLetter, receipt_headers
from core.log import get_logger
from core.settings import Settings
from core.topics import DEAD_LETTERS
from producers.replay.kafka import KeyedTopics, ReceiptWriter, translated
from producers.replay.plan import OpenLetters, Selection, Sent, home_of, is_keyed, is_superseded, opened

BATCH_LETTERS = 500
BATCH_BYTES = 8 * 1024 * 1024
_PAUSE_S = 0.2

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the selected letters.

    `superseded`: a newer statement of the entity is there already. `expired`: too old to know what was deleted since.
    `keyless`: its topic takes no record without a key. `cut`: it was too big to be kept whole. `source_rows`: rows that
    the poller refused, which are read again with every read. The last four are left as they are. `sent` are the places
    of the records that were put through.
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
    """Put the selected letters through that were not yet; letters that arrive meanwhile are left for the next time.

    Blocks. `stopped` is asked between batches. Call it again after any error but a ConfigurationError: what was done
    is done. Raises RetriableError for an outage, FencedError if another replay took over, FatalError else.
    """
    tally: Counter[str] = Counter()
    sent: list[Sent] = []
    for partition in range(settings.entity_partitions):
        if not stopped():
            work = _PartitionReplay(settings, selection, partition, clock, tally)
            work.run(stopped)
            sent += work.sent
    done = Replayed(**{name.replace("-", "_"): number for name, number in tally.items()}, sent=tuple(sent))
    log.info("dead letters are put through", **tally)
    return done


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
        with translated(), contextlib.closing(self._topics):
            # The fence comes first: nobody can write a receipt behind the reading of the receipts.
            writer = ReceiptWriter(self._settings, self._partition)
            for batch in self._topics.committed([TopicPartition(DEAD_LETTERS, self._partition, OFFSET_BEGINNING)]):
                self._open.read(batch)
            self._tally["expired"] += self._open.expired
            self._tally["cut"] += self._open.cut
            self._tally["source_rows"] += self._open.source_rows
            self._topics.follow(self._open.sources)
            for letters in _batches(self._letters()):
                if stopped():
                    return
                while not self._put_through(letters, writer):
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

    def _put_through(self, batch: Sequence[DeadLetter], writer: ReceiptWriter) -> bool:
        """One transaction; false if it must be decided anew, because something was written before the letters."""
        outcomes = [self._outcome(letter) for letter in batch]
        with writer.transaction() as transaction:
            for letter, outcome in zip(batch, outcomes, strict=True):
                if outcome == "put-through":
                    transaction.put(letter, home_of(letter, self._settings.entity_partitions))
                if outcome != "keyless":
                    headers = receipt_headers(letter.offset, outcome=outcome, at=self._clock.now())
                    transaction.receipt(letter, headers)
            written = transaction.settled()
            if self._topics.overtook(written):
                transaction.abort()
            else:
                transaction.commit()
        if transaction.committed:
            self._tally.update(outcomes)
            self.sent += [Sent(*place, offset) for place, records in written.items() for offset in records]
        return transaction.committed

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
