"""Which dead letters are replayed: pure, from the records of the topics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from core.dead_letters.letter import DeadLetter, Headers, Kept, Receipt, letter_or_receipt
from core.errors import InvalidRecordError
from core.kafka.record_headers import RecordHeaders
from core.topics import CANONICAL_PREFIX, RAW_PREFIX, partition_for, split_key

SOURCE_STAGE = "poller"
# As long as tombstones are kept: what was deleted meanwhile is known for as long, and no longer.
LETTER_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant; what is None or empty does not restrict. Times are when the letters were written."""

    stage: str | None = None
    company_id: str | None = None
    topics: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, letter: DeadLetter) -> bool:
        written = letter.written_ms / 1000
        return (
            self.stage in (None, letter.stage)
            and self.company_id in (None, company_of(letter))
            and (not self.topics or letter.record.topic in self.topics)
            and (self.since is None or written >= self.since.timestamp())
            and (self.until is None or written < self.until.timestamp())
        )


class Statement(NamedTuple):
    """How new a record of an entity is; the higher one wins, as for every reader that keeps state."""

    version: int
    offset: int


class Source(NamedTuple):
    """A key in the partition that its letters are put into."""

    topic: str
    partition: int
    key: bytes


class DeadLetterPlace(NamedTuple):
    """The key of a letter's record, and where the record belongs if it is an entity's."""

    key: bytes | None
    source: Source | None


class Sent(NamedTuple):
    """Where a record lies that was written again."""

    topic: str
    partition: int
    offset: int


@dataclass(slots=True)
class OpenLetters:
    """Reads a partition of dead letters; `sources` are the keys of those that are selected and still open."""

    selection: Selection
    now: datetime
    partitions: int
    expired: int = 0
    cut: int = 0
    source_rows: int = 0
    _letters: dict[int, DeadLetterPlace] = field(default_factory=dict)

    def read(self, kept: Iterable[Kept]) -> None:
        for each in kept:
            found = letter_or_receipt(each)
            if isinstance(found, Receipt):
                self._done(found)
            elif found is not None and self.selection.takes(found):
                self._add(found)

    @property
    def offsets(self) -> frozenset[int]:
        return frozenset(self._letters)

    @property
    def sources(self) -> frozenset[Source]:
        return frozenset(place.source for place in self._letters.values() if place.source is not None)

    def _done(self, receipt: Receipt) -> None:
        letter = self._letters.get(receipt.offset)
        if letter is not None and letter.key == receipt.key:
            del self._letters[receipt.offset]

    def _add(self, letter: DeadLetter) -> None:
        if letter.written_ms / 1000 < (self.now - LETTER_LIFE).timestamp():
            self.expired += 1
        elif is_source_row(letter):
            self.source_rows += 1
        elif not letter.is_whole:
            self.cut += 1
        else:
            self._letters[letter.offset] = DeadLetterPlace(letter.record.key, source_of(letter, self.partitions))


def opened(kept: Kept) -> DeadLetter | None:
    """The letter; None for a receipt and where somebody else's record lies in the topic."""
    found = letter_or_receipt(kept)
    return None if isinstance(found, Receipt) else found


def is_source_row(letter: DeadLetter) -> bool:
    """Whether it is a row of Buildertrend that the poller refused: no record yet, and every read reads it again."""
    return letter.stage == SOURCE_STAGE and is_keyed(letter.record.topic)


def is_keyed(topic: str) -> bool:
    """Whether the topic is compacted by key: the raw and the canonical ones."""
    return topic.startswith((RAW_PREFIX, CANONICAL_PREFIX))


def source_of(letter: DeadLetter, partitions: int) -> Source | None:
    """Key and partition of an entity's letter; None for one whose topic is not compacted: nothing supersedes it."""
    record = letter.record
    if record.key is None or not is_keyed(record.topic):
        return None
    return Source(record.topic, home_of(letter, partitions), record.key)


def home_of(letter: DeadLetter, partitions: int) -> int:
    """The partition to write it to: its company's, or, without an entity's key, the one that it came from."""
    record = letter.record
    if not is_keyed(record.topic):
        return record.partition
    try:
        return partition_for(split_key(record.key)[0], partitions)
    except InvalidRecordError:
        return record.partition


def statement_of(headers: Headers, offset: int) -> Statement | None:
    """How new a record is; None if its headers do not state it."""
    try:
        return Statement(RecordHeaders.decode(headers).version, offset)
    except InvalidRecordError:
        return None


def is_superseded(letter: DeadLetter, newest: Mapping[Source, Statement], partitions: int) -> bool:
    """Whether the topic holds a newer record of the same entity: then nothing is lost by leaving this one out."""
    source = source_of(letter, partitions)
    found = None if source is None else newest.get(source)
    if found is None:
        return False
    own = statement_of(letter.record.headers, letter.record.offset)
    return found.offset > letter.record.offset if own is None else found > own


def company_of(letter: DeadLetter) -> str | None:
    """The company in its key or, failing that, in its headers; None if neither names one."""
    key = letter.record.key
    if key is not None and is_keyed(letter.record.topic):
        with suppress(InvalidRecordError):
            return split_key(key)[0]
    stated = dict(letter.record.headers).get("company_id") or (None if is_keyed(letter.record.topic) else key)
    return stated.decode("utf-8", "replace") if isinstance(stated, bytes) else stated
