"""Schemas that others may register: those of the topic's record are taken, those that decode without end are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import InvalidRecordError
from schemas.avro_files import parse_plain, plain_schema, schema_text
from schemas.codec import BIGGEST_VALUE, Decoder
from schemas.entities import JOBS
from schemas.topics import SCHEMA_TOPICS
from schemas.writer_schemas import checked_writer
from tests.unit.streams.factories import LocalSchemas, RawTopics, job

TOPIC = JOBS.raw_topic
NAME = plain_schema(TOPIC)["name"]


def with_field(kind: Any) -> dict[str, Any]:
    schema = json.loads(schema_text(TOPIC))
    schema["fields"].append({"name": "more", "type": kind})
    return parse_plain(json.dumps(schema))


def record(name: str, *kinds: Any) -> dict[str, Any]:
    fields = [{"name": f"f{number}", "type": kind} for number, kind in enumerate(kinds)]
    return {"type": "record", "name": name, "fields": fields}


def doubled(depth: int) -> Any:
    """A record that takes no bytes and holds two to the power of `depth` values."""
    inner: Any = record("L0", "null")
    for level in range(1, depth):
        inner = record(f"L{level}", inner, f"L{level - 1}")
    return inner


def nested(depth: int) -> Any:
    return "long" if not depth else {"type": "array", "items": nested(depth - 1)}


@pytest.mark.parametrize("topic", SCHEMA_TOPICS)
def test_every_schema_of_ours_is_taken(topic: str) -> None:
    schema = plain_schema(topic)
    assert checked_writer(schema, schema["name"]) is schema


@pytest.mark.parametrize(
    "kind", [["null", "long"], {"type": "array", "items": record("A", "long")}, {"type": "map", "values": "null"}]
)
def test_newer_schema_with_another_field_is_taken(kind: Any) -> None:
    checked_writer(with_field(kind), NAME)


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "array", "items": "null"},
        {"type": "array", "items": record("Empty")},
        {"type": "array", "items": record("Nothing", "null", record("Inner", "null"))},
        {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}},
        record("Self", ["null", "Self"]),
        record("List", {"type": "array", "items": "List"}),
        doubled(15),
        nested(40),
    ],
    ids=["null", "empty", "nothing", "fixed", "self", "list-of-self", "doubled", "deep"],
)
def test_schema_whose_values_decode_without_end_is_refused(kind: Any) -> None:
    with pytest.raises(InvalidRecordError, match="within bounds"):
        checked_writer(with_field(kind), NAME)


@pytest.mark.parametrize("schema", ['"string"', '["null", "long"]', '{"type": "array", "items": "long"}'])
def test_schema_that_is_no_record_is_refused(schema: str) -> None:
    with pytest.raises(InvalidRecordError, match="this topic takes"):
        checked_writer(parse_plain(schema), NAME)


def test_value_that_is_larger_than_any_record_is_refused_before_it_is_decoded() -> None:
    value = RawTopics().put(JOBS, job()).value or b""
    with pytest.raises(InvalidRecordError, match="no record has more than"):
        Decoder(TOPIC, LocalSchemas())(value + b"\0" * BIGGEST_VALUE)
