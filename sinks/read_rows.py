"""What a reader makes of records, and the row-by-row reader: a record that cannot be decoded is rejected alone.

The other reader is `read_columns`: the same rows, many times faster, of records that it fully understands. The two must
agree: test_writers.py, test_refused_records.py and test_reduction.py of tests/contract/sinks run on both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import psycopg

from core.dead_letters.share import bounded_id
from core.errors import IntegrationError, InvalidRecordError
from core.kafka.record_headers import RecordHeaders
from core.log import get_logger
from core.topics import entity_key, split_key
from schemas.codec import Decoder, SchemaSource, from_days, from_micros
from sinks.columns import CanonicalTable, Column, Form
from sinks.messages import Message, offset_of
from sinks.statements import RowKind, staged_columns

Row = tuple[Any, ...]

log = get_logger(__name__)

_LONG_MAX = 2**63
_KIND = -1
_OFFSET = -2


class StagedRows(Protocol):
    """Rows of one table: at most one a key and kind, sorted by key, so that sinks lock rows in one order."""

    @property
    def kinds(self) -> Sequence[RowKind]:
        """The kinds among the rows, in the order in which they must be merged."""

    def __len__(self) -> int: ...

    def copy_into(self, copy: psycopg.Copy) -> None:
        """Write every row in COPY's binary format."""

    def halves(self) -> tuple[Self, Self]:
        """The same rows in two parts, neither empty; for two rows and more."""

    def origin(self) -> Message:
        """The record of the first row."""

    def companies(self) -> Counter[str]:
        """How many rows each company has."""

    def without(self, waits: Callable[[Message], bool]) -> tuple[Self, Sequence[Message]]:
        """The rows whose record does not wait, be it none, and the records that do."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that can never be merged, and why."""

    message: Message
    error: InvalidRecordError


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader made of records: rows to merge, records to dead-letter, null values to skip."""

    rows: Sequence[StagedRows] = ()
    rejections: Sequence[Rejection] = ()
    skipped: int = 0

    def __add__(self, other: Read) -> Read:
        return Read((*self.rows, *other.rows), (*self.rejections, *other.rejections), self.skipped + other.skipped)


class RecordReader(Protocol):
    """Turns the records of one topic into rows."""

    def read(self, table: CanonicalTable, messages: Sequence[Message]) -> Read:
        """Raises RetriableError when the registry is away; a bad record is a rejection, not an exception."""


@dataclass(frozen=True, slots=True)
class PlainRows:
    """Rows as Python values; see StagedRows."""

    table: CanonicalTable
    rows: Sequence[Row]
    origins: Sequence[Message]

    @property
    def kinds(self) -> Sequence[RowKind]:
        present = {row[_KIND] for row in self.rows}
        return [kind for kind in RowKind if kind in present]

    def __len__(self) -> int:
        return len(self.rows)

    def copy_into(self, copy: psycopg.Copy) -> None:
        copy.set_types([column.form.postgres for column in staged_columns(self.table)])
        for row in self.rows:
            copy.write_row(row)

    def halves(self) -> tuple[Self, Self]:
        middle = len(self.rows) // 2
        return self._part(slice(None, middle)), self._part(slice(middle, None))

    def origin(self) -> Message:
        return self.origins[0]

    def companies(self) -> Counter[str]:
        return Counter(bounded_id(row[0]) for row in self.rows)

    def without(self, waits: Callable[[Message], bool]) -> tuple[Self, Sequence[Message]]:
        parked = {number for number, record in enumerate(self.origins) if waits(record)}
        kept = [number for number in range(len(self.rows)) if number not in parked]
        rest = type(self)(self.table, [self.rows[n] for n in kept], [self.origins[n] for n in kept])
        return rest, [self.origins[number] for number in sorted(parked)]

    def _part(self, part: slice) -> Self:
        return type(self)(self.table, self.rows[part], self.origins[part])


class RowReader:
    """Reads record by record with fastavro; tombstones too, for both readers."""

    def __init__(self, source: SchemaSource) -> None:
        self._source = source
        self._decoders: dict[str, Decoder] = {}

    def read(self, table: CanonicalTable, messages: Sequence[Message]) -> Read:
        """See RecordReader."""
        records = [message for message in messages if message.value() is not None]
        tombstones = [message for message in messages if message.value() is None]
        return self.read_records(table, records) + read_tombstones(table, tombstones)

    def read_records(self, table: CanonicalTable, messages: Sequence[Message]) -> Read:
        """Read messages that have a value."""
        decoder = self._decoders.setdefault(table.topic, Decoder(table.topic, self._source))
        return _read_each(table, messages, lambda message: _record_row(table, decoder, message))


def read_tombstones(table: CanonicalTable, messages: Sequence[Message]) -> Read:
    """Null values as deletions of the version in their headers, at the time they were published.

    A null value without our headers was written by another program: it cannot be ordered, and is skipped.
    """
    versioned = [message for message in messages if any(name == "version" for name, _ in message.headers() or ())]
    if len(versioned) < len(messages):
        log.warning("null_values_skipped", topic=table.topic, count=len(messages) - len(versioned))
    read = _read_each(table, versioned, lambda message: _tombstone_row(table, message))
    return Read(read.rows, read.rejections, len(messages) - len(versioned))


def _read_each(table: CanonicalTable, messages: Iterable[Message], row_of: Callable[[Message], Row]) -> Read:
    newest: dict[tuple[str, str, RowKind], tuple[Row, Message]] = {}
    rejections = []
    for message in messages:
        try:
            row = row_of(message)
        except InvalidRecordError as exc:
            rejections.append(Rejection(message, exc))
            continue
        except (IntegrationError, MemoryError):
            raise
        except Exception as exc:
            # Whatever one record makes its reader raise, only that record is rejected.
            log.error("record_unreadable", topic=table.topic, offset=message.offset(), exc_info=exc)
            reason = f"The record cannot be read ({type(exc).__name__}); the log says where."
            rejections.append(Rejection(message, InvalidRecordError(reason, error_class="unforeseen")))
            continue
        key = (row[0], row[1], row[_KIND])
        if key not in newest or _newness(row) > _newness(newest[key][0]):
            newest[key] = row, message
    kept = [newest[key] for key in sorted(newest)]
    rows = [PlainRows(table, [row for row, _ in kept], [message for _, message in kept])] if kept else []
    return Read(rows, rejections)


def _newness(row: Row) -> tuple[int, int]:
    """What NEWEST_OF_A_BATCH names."""
    return row[2], row[_OFFSET]


def _record_row(table: CanonicalTable, decoder: Decoder, message: Message) -> Row:
    value = message.value()
    assert value is not None
    record = decoder(value)
    if message.key() != entity_key(record["company_id"], record[table.id_field]):
        raise InvalidRecordError(
            f"The record's key is not its own <company_id>/<{table.id_field}>.", error_class="bad-key"
        )
    kind = RowKind.LIVE if record["deleted_at"] is None else RowKind.DELETED
    return (*(_converted(column, record[column.field]) for column in table.columns), offset_of(message), kind.value)


def _tombstone_row(table: CanonicalTable, message: Message) -> Row:
    company_id, entity_id = split_key(message.key())
    version = RecordHeaders.decode(message.headers()).version
    at = from_micros(message.timestamp()[1] * 1000)
    body = (None for _ in table.body)
    return (company_id, entity_id, version, at, at, *body, offset_of(message), RowKind.TOMBSTONE.value)


def _converted(column: Column, value: Any) -> Any:
    if value is None:
        return None
    try:
        return _CONVERT[column.form](value)
    except (OverflowError, ValueError) as exc:
        raise InvalidRecordError(f"The record's {column.field} is out of range.", error_class="out-of-range") from exc


def _same(value: Any) -> Any:
    return value


def _long(value: int) -> int:
    if not -_LONG_MAX <= value < _LONG_MAX:
        raise OverflowError
    return value


def _longs(values: list[int]) -> list[int]:
    return [_long(value) for value in values]


_CONVERT: dict[Form, Callable[[Any], Any]] = {
    Form.TEXT: _same,
    Form.TEXTS: _same,
    Form.FLAG: _same,
    Form.WHOLE: _long,
    Form.WHOLES: _longs,
    Form.MILLIONTHS: _long,
    Form.DAY: from_days,
    Form.INSTANT: from_micros,
}
