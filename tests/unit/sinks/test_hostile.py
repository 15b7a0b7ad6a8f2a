"""Hostile canonical records: Avro of wrong kinds, broken bytes, keys, headers and times; the good one is read."""

from __future__ import annotations

import io
import itertools
import json
import random
import time
from dataclasses import replace
from typing import Any

import fastavro
import fastavro.utils
import pytest

import sinks.read_columns
from core.kafka.record_headers import RecordHeaders
from schemas.avro_files import parse_plain, schema_text
from schemas.entities import ENTITIES, TIME_ENTRIES
from sinks.columns import CanonicalTable, canonical_table
from sinks.read_columns import ColumnarReader
from sinks.read_rows import RowReader
from tests.soak import rounds
from tests.unit.sinks.factories import FakeMessage, TableOfSchemas, message, record, tombstone

SECONDS = rounds(usual=4, soak=600)
TABLE = canonical_table(TIME_ENTRIES)
KINDS: list[Any] = [
    "string", "long", "null", "double", "boolean", "bytes", ["null", "string"], {"type": "array", "items": "string"},
    {"type": "map", "values": "long"}, {"type": "array", "items": "null"}, {"type": "fixed", "name": "F", "size": 3},
    {"type": "record", "name": "R", "fields": []},
]  # fmt: skip
NUMBERS = [0, 1, -1, 2**31, 2**62, 2**63 - 1, -(2**63)]


def reader(schemas: TableOfSchemas) -> ColumnarReader:
    return ColumnarReader(schemas, RowReader(schemas))


def kept(
    table: CanonicalTable, schemas: TableOfSchemas, *messages: FakeMessage, by: ColumnarReader | None = None
) -> set[int]:
    """The offsets of the records that became rows; every other one was rejected, or replaced by a newer one."""
    read = (by or reader(schemas)).read(table, list(messages))
    offsets = set()
    for rows in read.rows:
        whole = rows.without(lambda _: True)[1]
        offsets |= {each.offset() or 0 for each in whole}
    return offsets


@pytest.mark.parametrize(
    "odd",
    [
        replace(tombstone("2", 1, 0), timestamp_ms=2**63 - 1),
        replace(tombstone("2", 1, 0), timestamp_ms=-(2**63)),
        replace(tombstone("2", 1, 0), headers_=[("version", b"9" * 4_000), ("run_id", b""), ("company_id", b"")]),
        replace(tombstone("2", 1, 0), headers_=[*RecordHeaders(2**64, "r", "acme").encode()]),
        replace(tombstone("2", 1, 0), headers_=[("version", b"\xff")]),
        replace(message(record(), 0), value_=b"\0\0\0\0\x04" + b"\x7f" * 3_000_000),
        replace(message(record(), 0), value_=b"\0\0\0\0\x04" + b"\xff" * 5_000),
        replace(message(record(), 0), key_=b"\xff\xfe/1"),
        replace(message(record(), 0), key_=None),
        message(record(started_at=2**63 - 1), 0),
        message(record(observed_at=-(2**63)), 0),
    ],
    ids=lambda each: str(each.headers_)[:20] + str(each.value_)[:10],
)
def test_odd_record_is_rejected_alone(odd: FakeMessage) -> None:
    assert 1 in kept(TABLE, TableOfSchemas(), odd, message(record(entity_id="9"), 1))


@pytest.mark.parametrize("schema", ['"string"', '["null", "long"]', '{"type": "array", "items": "null"}'])
def test_record_of_a_schema_that_is_no_record_is_rejected_alone(schema: str) -> None:
    schemas = TableOfSchemas()
    schemas.schemas[90] = parse_plain(schema)
    odd = replace(message(record(), 0), value_=b"\0\0\0\0\x5a" + b"\x02\x02")
    assert kept(TABLE, schemas, odd, message(record(entity_id="9"), 1)) == {1}


def test_reader_keeps_no_more_schemas_than_its_bound_and_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks.read_columns, "MOST_WRITER_SCHEMAS", 2)
    schemas = TableOfSchemas()
    by, schema = reader(schemas), json.loads(schema_text(TABLE.topic))
    for number in range(5):
        schemas.add(90 + number, schema | {"doc": str(number)})
        value = b"\0" + (90 + number).to_bytes(4, "big") + (message(record(), 0).value_ or b"")[5:]
        assert kept(TABLE, schemas, replace(message(record(), 0), value_=value), by=by) == {0}
    assert len(by._writer_texts) == 2


def of_wrong_kind(
    table: CanonicalTable, schemas: TableOfSchemas, chance: random.Random, offset: int, schema_id: int
) -> FakeMessage:
    """A record of a schema by the right name in which some fields are of other kinds, or gone."""
    schema = json.loads(schema_text(table.topic))
    for _ in range(chance.randrange(1, 4)):
        number = chance.randrange(len(schema["fields"]))
        if chance.random() < 0.7:
            schema["fields"][number] = {"name": schema["fields"][number]["name"], "type": chance.choice(KINDS)}
        elif len(schema["fields"]) > 2:
            schema["fields"].pop(number)
    good = message(record(table.entity, "1"), offset, entity=table.entity)
    value = io.BytesIO(b"\0" + schema_id.to_bytes(4, "big"))
    value.seek(5)
    try:
        schemas.schemas[schema_id] = parse_plain(json.dumps(schema))
        parsed = schemas.schemas[schema_id]
        fastavro.schemaless_writer(value, parsed, fastavro.utils.generate_one(parsed))
    except (fastavro.schema.SchemaParseException, KeyError, ValueError):
        # Two kinds of one name: nobody could register it.
        return good
    return replace(good, value_=value.getvalue())


def broken(each: FakeMessage, chance: random.Random) -> FakeMessage:
    value = bytearray(each.value_ or b"")
    at = chance.randrange(5, len(value) + 1) if len(value) > 5 else 0
    value[at : at + 1] = chance.choice([b"", b"\x00", b"\xff" * 12, b"\x80" * 9 + b"\x01", chance.randbytes(4)])
    return replace(each, value_=bytes(value[: chance.choice([at, None])]))


@pytest.mark.timeout(SECONDS + 120)
def test_no_hostile_record_ends_the_reader_or_hides_the_good_one() -> None:
    chance = random.Random(1)
    give_up_at = time.monotonic() + SECONDS
    schemas, ids = TableOfSchemas(), itertools.count(100)
    # One for all, as in a process: what it keeps of ever more schemas is bounded.
    by = reader(schemas)
    while time.monotonic() < give_up_at:
        table = canonical_table(chance.choice(ENTITIES))
        odd: list[FakeMessage] = []
        schemas.forget_added()
        for offset in range(chance.choice([2, 30])):
            made = record(table.entity, str(offset % 7), version=chance.choice(NUMBERS[:5]))
            each = message(made, offset, entity=table.entity)
            if chance.random() < 0.3:
                each = of_wrong_kind(table, schemas, chance, offset, next(ids))
            odd.append(broken(each, chance) if chance.random() < 0.5 else each)
        good = message(record(table.entity, "good"), 1_000, entity=table.entity)
        assert 1_000 in kept(table, schemas, *odd, good, by=by)
