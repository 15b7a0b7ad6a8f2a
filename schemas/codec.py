"""Avro in Confluent's wire format (magic byte 0, four-byte schema id, datum), by fastavro, with schemas fetched ahead.

Records hold plain values: instants are microseconds since 1970 in UTC, dates are days since 1970-01-01.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any, Protocol

from fastavro import schemaless_reader, schemaless_writer

from core.errors import InvalidRecordError
from schemas.avro_files import Schema, plain_schema
from schemas.writer_schemas import checked_writer

# Parsed writer schemas that are kept; anybody who may register schemas can make more of them.
_MOST_WRITERS = 200
Record = dict[str, Any]
Encoder = Callable[[Mapping[str, Any]], bytes]

HEADER_BYTES = 5
# Brokers limit the size of a compressed batch only; a megabyte of it may be gigabytes of zeros.
BIGGEST_VALUE = 1_500_000
HEADER = struct.Struct(">bI")
_LARGEST_ID = 2**31 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


class SchemaSource(Protocol):
    """Where writer schemas come from: the registry, or a table in tests."""

    def schema_by_id(self, schema_id: int) -> Schema:
        """The plain schema; InvalidRecordError if no such id exists, RetriableError if it cannot be asked now."""

    def id_of(self, topic: str) -> int:
        """The id of `topic`'s committed value schema; ConfigurationError if `setup` has not registered it."""


def encoder(topic: str, source: SchemaSource) -> Encoder:
    """A function from a record of `topic` to its wire bytes; raises what fastavro raises for a wrong record."""
    header = HEADER.pack(0, source.id_of(topic))
    schema = plain_schema(topic)

    def encode(record: Mapping[str, Any]) -> bytes:
        buffer = BytesIO()
        buffer.write(header)
        schemaless_writer(buffer, schema, record)
        return buffer.getvalue()

    return encode


class Decoder:
    """Wire bytes of one topic to records in the committed schema, whatever compatible schema they were written with."""

    def __init__(self, topic: str, source: SchemaSource) -> None:
        self._reader = plain_schema(topic)
        self._source = source
        self._writers: dict[int, Schema] = {}

    def __call__(self, value: bytes) -> Record:
        """InvalidRecordError for bytes that are no record of this topic, RetriableError if the registry is away."""
        if len(value) > BIGGEST_VALUE:
            raise InvalidRecordError(
                f"The value has {len(value)} bytes; no record has more than {BIGGEST_VALUE}.", error_class="too-large"
            )
        return decoded(value, self._writer(schema_id_of(value)), self._reader)

    def _writer(self, schema_id: int) -> Schema:
        known = self._writers.get(schema_id)
        if known is None:
            known = checked_writer(self._source.schema_by_id(schema_id), self._reader["name"])
            if len(self._writers) >= _MOST_WRITERS:
                self._writers.clear()
            self._writers[schema_id] = known
        return known


def decoded(value: bytes, writer: Schema, reader: Schema | None = None) -> Record:
    """The record behind the header, as `reader` has it; InvalidRecordError if the bytes are not exactly one record."""
    buffer = BytesIO(value)
    buffer.seek(HEADER_BYTES)
    try:
        record = schemaless_reader(buffer, writer, reader)
    except MemoryError:
        raise
    except Exception as exc:
        # fastavro raises errors of many kinds: EOFError, IndexError, UnicodeDecodeError …
        raise InvalidRecordError(
            f"The value cannot be decoded with schema {writer['name']}: {type(exc).__name__}.",
            error_class="undecodable",
        ) from exc
    if buffer.read(1):
        raise InvalidRecordError("The value has bytes behind its record.", error_class="undecodable")
    # The writer's schema is a record's.
    assert isinstance(record, dict)
    return record


def schema_id_of(value: bytes) -> int:
    """The schema id of wire bytes; raises InvalidRecordError if they are not in Confluent's format."""
    if len(value) < HEADER_BYTES or value[0] != 0:
        raise InvalidRecordError("The value is not in Confluent's Avro format.", error_class="undecodable")
    schema_id: int = HEADER.unpack_from(value)[1]
    if schema_id > _LARGEST_ID:
        # A registry may answer for a number that it cannot hold as if there were an outage.
        raise InvalidRecordError(f"The registry knows no schema with id {schema_id}.", error_class="unknown-schema")
    return schema_id


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 of an aware datetime, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The UTC datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def to_days(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH_DAY).days


def from_days(days: int) -> date:
    """The date of days since 1970-01-01."""
    return _EPOCH_DAY + timedelta(days=days)
