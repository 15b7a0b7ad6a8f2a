"""Avro in bulk, by column: the same bytes and the same records as `schemas.codec`, at a fifth of the cost.

It decodes only what it can prove to be complete. Values of another schema, and a batch with anything unusual in it, go
to the record-by-record codec, which says which value is wrong and why. The two must agree: see
`tests/unit/schemas/test_batch_codec.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyruhvro

from core.errors import InvalidRecordError
from schemas.avro_files import Schema, plain_schema
from schemas.codec import BIGGEST_VALUE, HEADER, HEADER_BYTES, Decoder, Record, SchemaSource, encoder

# Below this the columns cost more than they save.
_WORTH_IT = 8

Decoded = Record | InvalidRecordError


class BatchDecoder:
    """Wire bytes of one topic to records, each in the place of its value."""

    def __init__(self, topic: str, source: SchemaSource, *, without: Sequence[str] = ()) -> None:
        """`without`: fields of nested records that nobody uses; they are left out where that saves time."""
        self.one_by_one = Decoder(topic, source)
        self.header = HEADER.pack(0, source.id_of(topic))
        self._text = _text(plain_schema(topic))
        self._without = frozenset(without)

    def __call__(self, values: Sequence[bytes]) -> list[Decoded]:
        """A record, or the error of a value that is none; RetriableError if the registry is away."""
        if len(values) >= _WORTH_IT and all(value.startswith(self.header) for value in values):
            batch = self.columns(values)
            if batch is not None:
                return _records(batch, self._without)
        return [self._decoded(value) for value in values]

    def columns(self, values: Sequence[bytes]) -> pa.RecordBatch | None:
        """The columns of values that start with `header`; None if not every byte of them is accounted for."""
        if max(map(len, values), default=0) > BIGGEST_VALUE:
            return None
        return _decoded_columns([value[HEADER_BYTES:] for value in values], self._text)

    def _decoded(self, value: bytes) -> Decoded:
        try:
            return self.one_by_one(value)
        except InvalidRecordError as error:
            return error


class BatchEncoder:
    """Records of one topic to wire bytes, each in the place of its record."""

    def __init__(self, topic: str, source: SchemaSource) -> None:
        schema = plain_schema(topic)
        self._header = HEADER.pack(0, source.id_of(topic))
        self._text = _text(schema)
        self._one_by_one = encoder(topic, source)
        self._arrow: pa.Schema = pyruhvro.avro_to_arrow_schema(self._text)
        self._values = itemgetter(*(field["name"] for field in schema["fields"]))

    def __call__(self, records: Sequence[Mapping[str, Any]]) -> list[bytes]:
        """Raises what the record-by-record encoder raises for a wrong record."""
        if len(records) < _WORTH_IT:
            return [self._one_by_one(record) for record in records]
        columns = zip(*map(self._values, records), strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self._arrow, strict=True)]
        return self.columns(pa.RecordBatch.from_arrays(arrays, schema=self._arrow))

    def columns(self, batch: pa.RecordBatch) -> list[bytes]:
        """The same from columns, in any order; ValueError for a null where the schema allows none."""
        ordered = batch.select(self._arrow.names).cast(self._arrow)
        (encoded,) = pyruhvro.serialize_record_batch(ordered, self._text, 1)
        header = self._header
        return [header + value for value in encoded.to_pylist()]


def _decoded_columns(values: list[bytes], text: str) -> pa.RecordBatch | None:
    """The batch; None if not every byte of every value is accounted for."""
    decoded = _none_if_it_fails(lambda: pyruhvro.deserialize_array(values, text))
    if decoded is None:
        return None
    # The library ignores bytes behind a record: what was decoded must encode to what was read.
    again = _none_if_it_fails(lambda: pyruhvro.serialize_record_batch(decoded, text, 1))
    if again is None or not pa.chunked_array(again).combine_chunks().equals(pa.array(values, pa.binary())):
        return None
    # The library accepts text that is not UTF-8.
    return _none_if_it_fails(lambda: _validated(decoded))


def _validated(batch: pa.RecordBatch) -> pa.RecordBatch:
    batch.validate(full=True)
    return batch


def _none_if_it_fails(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except BaseException as exc:
        # A panic of the library is no Exception. The other codec will say what is wrong.
        if not isinstance(exc, Exception) and type(exc).__name__ != "PanicException":
            raise
        return None


def _records(batch: pa.RecordBatch, without: frozenset[str]) -> list[Decoded]:
    columns = [_cut(column, without).to_pylist() for column in batch.columns]
    names = batch.schema.names
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _cut(column: pa.Array, without: frozenset[str]) -> pa.Array:
    if not pa.types.is_struct(column.type) or without.isdisjoint(field.name for field in column.type):
        return column
    kept = [
        (field, part) for field, part in zip(column.type, column.flatten(), strict=True) if field.name not in without
    ]
    fields, parts = [field for field, _ in kept], [part for _, part in kept]
    return pa.StructArray.from_arrays(parts, fields=fields, mask=column.is_null())


def _text(schema: Schema) -> str:
    return json.dumps({name: part for name, part in schema.items() if not name.startswith("__")})
