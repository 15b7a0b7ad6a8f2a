"""Builders of canonical records and consumed messages, and a schema source without a registry."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import fastavro

from core.dead_letters.letter import Headers
from core.errors import InvalidRecordError
from core.kafka.record_headers import RecordHeaders
from core.topics import entity_key
from schemas.avro_files import Schema, parse_plain, plain_schema, schema_text
from schemas.codec import Record, encoder
from schemas.entities import ENTITIES, TIME_ENTRIES, Entity
from schemas.topics import CANONICAL_TOPICS
from sinks.messages import Batch, OffsetUpdate, PartitionClaim, TopicPartition

NOON = 1_790_000_000_000_000
TOPIC_ID = UUID(int=7)
COMPANY = "acme"

_LIVE: dict[str, Record] = {
    "protiv.time-entries": {"started_at": NOON, "work_date": 20_717, "link_status": "linked"},
    "protiv.jobs": {"status": "open"},
}


class TableOfSchemas:
    """A SchemaSource: the committed schemas as ids 1 to 5, and any that a test adds."""

    def __init__(self) -> None:
        self.schemas: dict[int, Schema] = {
            number: plain_schema(topic) for number, topic in enumerate(CANONICAL_TOPICS, start=1)
        }

    def add(self, schema_id: int, schema: Mapping[str, Any]) -> None:
        self.schemas[schema_id] = parse_plain(json.dumps(schema))

    def forget_added(self) -> None:
        for schema_id in [each for each in self.schemas if each > len(CANONICAL_TOPICS)]:
            del self.schemas[schema_id]

    def schema_by_id(self, schema_id: int) -> Schema:
        if schema_id not in self.schemas:
            raise InvalidRecordError(f"no schema {schema_id}", error_class="unknown-schema")
        return self.schemas[schema_id]

    def id_of(self, topic: str) -> int:
        return CANONICAL_TOPICS.index(topic) + 1


@dataclass(frozen=True, slots=True)
class FakeMessage:
    """A consumed record, as confluent-kafka's Message answers for it."""

    topic_: str
    key_: bytes | None
    value_: bytes | None
    offset_: int
    partition_: int = 0
    headers_: Headers = field(default_factory=list)
    timestamp_ms: int = NOON // 1000
    error_: Any = None

    def topic(self) -> str:
        return self.topic_

    def key(self) -> bytes | None:
        return self.key_

    def value(self) -> bytes | None:
        return self.value_

    def offset(self) -> int:
        return self.offset_

    def partition(self) -> int:
        return self.partition_

    def headers(self) -> Headers:
        return self.headers_

    def timestamp(self) -> tuple[int, int]:
        return 1, self.timestamp_ms

    def error(self) -> Any:
        return self.error_


def record(entity: Entity = TIME_ENTRIES, entity_id: str = "1", version: int = 1, **fields: Any) -> Record:
    """A live canonical record, with `fields` set."""
    topic = entity.canonical_topic
    empty = {each["name"]: each.get("default") for each in json.loads(schema_text(topic))["fields"]}
    named = {"company_id": COMPANY, entity.id_field: entity_id, "version": version, "observed_at": NOON + version}
    return empty | named | _LIVE.get(topic, {}) | fields


def deletion(entity: Entity = TIME_ENTRIES, entity_id: str = "1", version: int = 1, **fields: Any) -> Record:
    """A canonical deletion: everything but key, version and times is null."""
    whole = record(entity, entity_id, version, deleted_at=NOON + version)
    return whole | dict.fromkeys(_LIVE.get(entity.canonical_topic, {})) | fields


def message(content: Record, offset: int, *, entity: Entity = TIME_ENTRIES, partition: int = 0) -> FakeMessage:
    """The message of a record, encoded with the committed schema."""
    topic = entity.canonical_topic
    return FakeMessage(
        topic,
        entity_key(content["company_id"], content[entity.id_field]),
        encoder(topic, TableOfSchemas())(content),
        offset,
        partition,
        headers(content["version"], content["company_id"]),
    )


def tombstone(entity_id: str, version: int, offset: int, *, entity: Entity = TIME_ENTRIES) -> FakeMessage:
    """The null value behind a deletion, with the deletion's headers."""
    key = entity_key(COMPANY, entity_id)
    return FakeMessage(entity.canonical_topic, key, None, offset, 0, headers(version, COMPANY))


def headers(version: int, company_id: str) -> Headers:
    return list(RecordHeaders(version, "run-1", company_id).encode())


def encoded_as(schema: Mapping[str, Any], schema_id: int, content: Record) -> bytes:
    """Wire bytes of a record written with another schema than the committed one."""
    buffer = io.BytesIO(b"\0" + schema_id.to_bytes(4, "big"))
    buffer.seek(5)
    fastavro.schemaless_writer(buffer, parse_plain(json.dumps(schema)), content)
    return buffer.getvalue()


def batch(messages: list[FakeMessage], claim: PartitionClaim, *, expected: int | None = None) -> Batch:
    """The batch of messages of one partition of one topic."""
    at = TopicPartition(messages[0].topic_, messages[0].partition_)
    start = claim.next_offset if expected is None else expected
    end = max(each.offset_ for each in messages) + 1
    return Batch({at.topic: messages}, [OffsetUpdate(at, claim, start, end)])


TOPIC_IDS = {entity.canonical_topic: UUID(int=number + 1) for number, entity in enumerate(ENTITIES)}
