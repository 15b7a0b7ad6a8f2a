"""Gathers the evidence of one record from the database and the topics. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from confluent_kafka import Message
from psycopg.rows import class_row

from control.database import Transaction
from core.dead_letters.letter import header_list
from core.errors import InvalidRecordError
from core.kafka.read import place_of, read_partition
from core.kafka.record_headers import RecordHeaders
from core.settings import Settings
from core.sql import read_statements
from core.topics import entity_key, partition_for
from reports.dead_letters import DeadLetter, dead_letters
from reports.evidence import (
    UNREADABLE,
    CanonicalRecordFound,
    ConnectionEvidence,
    EntityRead,
    Evidence,
    Held,
    Incomplete,
    LastRead,
    Minutes,
    RawRecordFound,
    StoredRow,
)
from reports.lag import sink_positions, streams_positions
from reports.tables import Statement, stored_record
from reports.visibility import require_all_rows
from schemas.codec import Decoder, Record, SchemaSource, from_micros
from schemas.entities import ENTITIES, Entity

_SQL = read_statements(Path(__file__).parent / "queries" / "explain.sql")
# Records have the times of their producers' clocks, which may differ from the database's by this much.
_CLOCKS_DIFFER = timedelta(minutes=10)
_TITLE = "cost_code_title"  # A shift may name its cost code by title alone.
_PARENTS = (*dict.fromkeys(parent.id_field for entity in ENTITIES for parent in entity.parents), _TITLE)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question:
    """Which record somebody asks about."""

    company_id: str
    entity: Entity
    entity_id: str


def gather(tx: Transaction, settings: Settings, source: SchemaSource, asked: Question, *, at: datetime) -> Evidence:
    """What is known now. Blocks, longest for reading the company's partition; RetriableError for an outage."""
    require_all_rows(tx)
    entity = asked.entity
    ids = {"company_id": asked.company_id, "entity": entity.name, "entity_id": asked.entity_id}
    last_read = _one(tx, "last_read", LastRead, ids)
    since = None if last_read is None or last_read.started_at is None else last_read.started_at - _CLOCKS_DIFFER
    look = _Topics(settings, source, asked)
    raw = look.raw(since)
    # A canonical record is never older than the raw record that it was made from.
    canonical = look.canonical(None if raw is None else raw.place.at - _CLOCKS_DIFFER)
    streams, sink = streams_positions(settings), sink_positions(tx, settings)
    return Evidence(
        company_id=asked.company_id,
        entity=entity.name,
        entity_id=asked.entity_id,
        at=at,
        connection=_one(tx, "connection", ConnectionEvidence, ids),
        last_read=last_read,
        entity_read=_one(tx, "entity_read", EntityRead, ids),
        incomplete=_one(tx, "incomplete", Incomplete, ids),
        held=_one(tx, "held", Held, ids),
        raw=raw,
        canonical=canonical,
        row=_row(tx, stored_record(entity), StoredRow, ids),
        streams_next=streams.get((entity.raw_topic, look.partition)) or 0,
        sink_next=sink.get((entity.canonical_topic, look.partition)) or 0,
        letters=tuple(look.letters()),
    )


class _Topics:
    """The record's place in the topics: its company's partition, its key."""

    def __init__(self, settings: Settings, source: SchemaSource, asked: Question) -> None:
        self._settings = settings
        self._source = source
        self._asked = asked
        self._entity = asked.entity
        self._key = entity_key(asked.company_id, asked.entity_id)
        self.partition = partition_for(asked.company_id, settings.entity_partitions)

    def raw(self, since: datetime | None) -> RawRecordFound | None:
        found = self._newest(self._entity.raw_topic, since)
        if found is None:
            return None
        headers = _headers(found.message)
        gone = found.message.value() is None
        change = self._decoded(self._entity.raw_topic, found.value)
        unread = UNREADABLE if found.value is not None and change is None else "DELETE"
        return RawRecordFound(
            place=place_of(found.message),
            op="DELETE" if gone else (change or {}).get("op", unread),
            version=headers.version,
            run_id=headers.run_id,
            observed_at=from_micros(change["observed_at"]) if change else None,
            minutes=_minutes((change or {}).get("after"), ("regularTime", "overTime", "doubleOverTime")),
        )

    def canonical(self, since: datetime | None) -> CanonicalRecordFound | None:
        found = self._newest(self._entity.canonical_topic, since)
        if found is None:
            return None
        record = self._decoded(self._entity.canonical_topic, found.value) or {}
        return CanonicalRecordFound(
            place=place_of(found.message),
            version=_headers(found.message).version,
            deleted=found.message.value() is None or record.get("deleted_at") is not None,
            link_status=record.get("link_status"),
            link_detail=record.get("link_detail"),
            refers_to={name: record[name] for name in _PARENTS if record.get(name)},
            minutes=_minutes(record, ("regular_minutes", "overtime_minutes", "double_overtime_minutes")),
        )

    def letters(self) -> Iterator[DeadLetter]:
        """Those of the record, and those of commands to its company."""
        of_record = (self._entity.name, self._asked.entity_id)
        for letter in dead_letters(self._settings, self._asked.company_id):
            if letter.stage == "poller" or (letter.entity, letter.entity_id) == of_record:
                yield letter

    def _newest(self, topic: str, since: datetime | None) -> _Found | None:
        """The newest record of the key; from the beginning only where there is none since."""
        found = self._last(topic, since)
        return self._last(topic, None) if found is None and since is not None else found

    def _last(self, topic: str, since: datetime | None) -> _Found | None:
        found: _Found | None = None
        for message in read_partition(self._settings, topic, self.partition, since=since):
            if message.key() == self._key:
                # The record before a tombstone has the details of the deletion.
                found = _Found(message, message.value() or (found.value if found else None))
        return found

    def _decoded(self, topic: str, value: bytes | None) -> Record | None:
        """None for what is no record of the topic: streams or the sink have dead-lettered it."""
        try:
            return None if value is None else Decoder(topic, self._source)(value)
        except InvalidRecordError:
            return None


def _minutes(record: Record | None, names: tuple[str, str, str]) -> Minutes | None:
    """Those that a shift's record states; None for other records, and where none is stated."""
    regular, overtime, double_overtime = ((record or {}).get(name) for name in names)
    found = (regular, overtime, double_overtime)
    return None if found == (None, None, None) else found


@dataclass(frozen=True, slots=True)
class _Found:
    message: Message
    value: bytes | None


def _headers(message: Message) -> RecordHeaders:
    try:
        return RecordHeaders.decode(header_list(message.headers()))
    except InvalidRecordError:
        return RecordHeaders(0, "", "")


def _one(tx: Transaction, name: str, kind: type[T], values: dict[str, Any]) -> T | None:
    return _row(tx, _SQL[name], kind, values)


def _row(tx: Transaction, statement: Statement, kind: type[T], values: dict[str, Any]) -> T | None:
    with tx.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(statement, values).fetchone()
