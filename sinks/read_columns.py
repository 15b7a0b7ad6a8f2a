"""The columnar reader: Avro bytes to Arrow to COPY's binary format without a Python object a value.

It takes only records that it provably understood; all others go to the row-by-row reader in `read_rows`, which finds
the bad one. The two must agree: test_writers.py, test_refused_records.py and test_reduction.py of tests/contract/sinks
run on both.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import pgpq
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyruhvro

from core.dead_letters.share import bounded_id
from core.errors import InvalidRecordError
from core.log import get_logger
from schemas.avro_files import Schema, plain_schema
from schemas.codec import BIGGEST_VALUE, HEADER_BYTES, SchemaSource, schema_id_of
from schemas.writer_schemas import checked_writer
from sinks.columns import NEWEST_OF_A_BATCH, CanonicalTable, Column, Form
from sinks.messages import Message, offset_of
from sinks.read_rows import Read, RowReader, read_tombstones
from sinks.statements import RowKind, staged_columns

log = get_logger(__name__)


class _UnsureError(Exception):
    """These records may not have been understood."""


@dataclass(frozen=True, slots=True)
class ArrowRows:
    """Rows as an Arrow batch; see StagedRows. `origins` is the place of each row's record in `messages`."""

    batch: pa.RecordBatch
    origins: pa.Array
    messages: Sequence[Message]

    @property
    def kinds(self) -> Sequence[RowKind]:
        present = set(pc.unique(self.batch.column("kind")).to_pylist())
        return [kind for kind in RowKind if kind in present]

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def copy_into(self, copy: psycopg.Copy) -> None:
        write_binary(copy, self.batch)

    def halves(self) -> tuple[Self, Self]:
        middle = len(self) // 2
        return self.taken(range(middle)), self.taken(range(middle, len(self)))

    def origin(self) -> Message:
        place: int = self.origins[0].as_py()
        return self.messages[place]

    def companies(self) -> Counter[str]:
        counted = pc.value_counts(self.batch.column("company_id")).to_pylist()
        return Counter({bounded_id(each["values"]): each["counts"] for each in counted})

    def without(self, waits: Callable[[Message], bool]) -> tuple[Self, Sequence[Message]]:
        records = [self.messages[place] for place in self.origins.to_pylist()]
        kept = [number for number, record in enumerate(records) if not waits(record)]
        parked = set(range(len(records))).difference(kept)
        return self.taken(kept), [records[number] for number in sorted(parked)]

    def taken(self, places: Sequence[int]) -> Self:
        """The rows at some places, in that order."""
        # A copy: a sliced batch keeps its whole buffers, and encoders have been known to read those from their start.
        chosen = pa.array(places, pa.int64())
        return type(self)(self.batch.take(chosen), self.origins.take(chosen), self.messages)


def write_binary(copy: psycopg.Copy, batch: pa.RecordBatch) -> None:
    """Write all rows in COPY's binary format."""
    encoder = pgpq.ArrowToPostgresBinaryEncoder(batch.schema)
    copy.write(encoder.write_header())
    copy.write(encoder.write_batch(batch))
    copy.write(encoder.finish())


# What unusual records make the columns raise.
_UNSURE = (_UnsureError, InvalidRecordError, pa.ArrowException, ArithmeticError, LookupError, TypeError, ValueError)


# pyruhvro keeps whatever schema it was given, some 20 kB each, for as long as the process lives. Versions of ours are
# few; beyond this many somebody registers schemas without end, and their records are read one by one.
MOST_WRITER_SCHEMAS = 200

# The years 1 to 9999, in the units of the form.
_BOUNDS = {Form.INSTANT: (-62_135_596_800_000_000, 253_402_300_799_999_999), Form.DAY: (-719_162, 2_932_896)}


class ColumnarReader:
    """Reads whole batches at once, those of each writer schema together."""

    def __init__(self, source: SchemaSource, one_by_one: RowReader) -> None:
        self._source = source
        self._one_by_one = one_by_one
        self._writer_texts: dict[tuple[str, int], str] = {}

    def read(self, table: CanonicalTable, messages: Sequence[Message]) -> Read:
        """See RecordReader."""
        groups: dict[bytes, list[Message]] = {}
        tombstones = []
        for message in messages:
            value = message.value()
            if value is None:
                tombstones.append(message)
            else:
                groups.setdefault(value[:HEADER_BYTES], []).append(message)
        read = Read()
        for header, group in groups.items():
            read += self._read_group(table, header, group)
        return read + read_tombstones(table, tombstones)

    def _read_group(self, table: CanonicalTable, header: bytes, messages: Sequence[Message]) -> Read:
        try:
            rows = _rows(table, messages, self._writer_text(table, header))
        except _UNSURE as exc:
            # Whatever the cause, the other reader finds the one bad record and its reason.
            log.info("records_read_one_by_one", topic=table.topic, count=len(messages), reason=str(exc)[:200])
            return self._one_by_one.read_records(table, messages)
        return Read([rows])

    def _writer_text(self, table: CanonicalTable, header: bytes) -> str:
        schema_id = schema_id_of(header)
        known = self._writer_texts.get((table.topic, schema_id))
        if known is None:
            if len(self._writer_texts) >= MOST_WRITER_SCHEMAS:
                raise _UnsureError("one of more schemas than are kept")
            schema = checked_writer(self._source.schema_by_id(schema_id), plain_schema(table.topic)["name"])
            if not _required(table) <= {field["name"] for field in schema["fields"]}:
                raise _UnsureError("a schema without the fields that every record has")
            known = self._writer_texts[table.topic, schema_id] = _text(schema)
        return known


def _rows(table: CanonicalTable, messages: Sequence[Message], writer_text: str) -> ArrowRows:
    values = [message.value() or b"" for message in messages]
    if max(map(len, values)) > BIGGEST_VALUE:
        raise _UnsureError("a value that is too large")
    decoded = _decoded([value[HEADER_BYTES:] for value in values], writer_text)
    _check_keys(table, decoded, messages)
    decoded.validate(full=True)
    offsets = pa.array([offset_of(message) for message in messages], pa.int64())
    deleted = _column(decoded, next(column for column in table.columns if column.field == "deleted_at"))
    kinds = pc.if_else(pc.is_null(deleted), RowKind.LIVE.value, RowKind.DELETED.value)
    arrays = [*(_column(decoded, column) for column in table.columns), offsets, kinds]
    batch = pa.RecordBatch.from_arrays(arrays, names=[column.name for column in staged_columns(table)])
    places = _newest(table, batch)
    return ArrowRows(batch.take(places), places, messages)


def _decoded(values: list[bytes], writer_text: str) -> pa.RecordBatch:
    try:
        decoded = pyruhvro.deserialize_array(values, writer_text)
        again = pyruhvro.serialize_record_batch(decoded, writer_text, 1)
    except BaseException as exc:  # a panic of the decoder is no Exception
        if not isinstance(exc, Exception) and type(exc).__name__ != "PanicException":
            raise
        raise _UnsureError(type(exc).__name__) from exc
    # Bytes after a record would be dropped silently: what was understood must encode to what was read.
    if not pa.chunked_array(again).combine_chunks().equals(pa.array(values, pa.binary())):
        raise _UnsureError("not all bytes were understood")
    return decoded


def _check_keys(table: CanonicalTable, decoded: pa.RecordBatch, messages: Sequence[Message]) -> None:
    own = pc.binary_join_element_wise(decoded.column("company_id"), decoded.column(table.id_field), "/")
    keys = pa.array([message.key() for message in messages], pa.binary())
    if not own.cast(pa.binary()).equals(keys):
        raise _UnsureError("a key that is not its record's own")


def _column(decoded: pa.RecordBatch, column: Column) -> pa.Array:
    """A column as the staging table takes it; one that the writer's schema did not have yet is null, a list empty."""
    place = decoded.schema.get_field_index(column.field)
    if place < 0:
        absent: list[str] | None = [] if column.form.is_list else None
        return pa.array([absent] * decoded.num_rows, column.form.arrow)
    try:
        found = decoded.column(place).cast(column.form.arrow)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as exc:
        raise _UnsureError(f"{column.field} has another type") from exc
    if column.form in _BOUNDS:
        # The encoder counts from 2000 on, and what is far enough away would come out at the other end of time.
        low, high = _BOUNDS[column.form]
        extremes = pc.min_max(found.cast(pa.int32() if column.form is Form.DAY else pa.int64())).as_py()
        if extremes["min"] is not None and not low <= extremes["min"] <= extremes["max"] <= high:
            raise _UnsureError(f"{column.field} is out of range")
    return found


def _newest(table: CanonicalTable, batch: pa.RecordBatch) -> pa.Array:
    """Places of the newest row of each key and kind, in the order of the keys."""
    unit = ["company_id", table.id_field, "kind"]
    order = pc.sort_indices(batch, sort_keys=[(name, "ascending") for name in (*unit, *NEWEST_OF_A_BATCH)])
    if len(order) == 1:
        return order
    ordered = batch.select(unit).take(order)
    before, after = ordered.slice(0, len(order) - 1), ordered.slice(1)
    differs = [pc.not_equal(before.column(name), after.column(name)) for name in unit]
    last = pc.or_(pc.or_(differs[0], differs[1]), differs[2])
    return order.filter(pa.concat_arrays([last, pa.array([True])]))


def _required(table: CanonicalTable) -> set[str]:
    return {"company_id", table.id_field, "version", "observed_at"}


def _text(schema: Schema) -> str:
    return json.dumps({name: part for name, part in schema.items() if not name.startswith("__")})
