"""The four sides of an entity: Buildertrend as last read, the raw topic, the canonical topic and the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from control.database import Transaction
from core.errors import InvalidRecordError
from core.kafka.read import read_partition
from core.settings import Settings
from core.sql import read_statements
from core.topics import partition_for
from reports.tables import Statement, live_records
from reports.visibility import require_all_rows
from schemas.codec import Decoder, Record, SchemaSource, from_days
from schemas.entities import Entity
from schemas.worked_minutes import worked_minutes

_SQL = read_statements(Path(__file__).parent / "queries" / "reconcile.sql")


class Item(NamedTuple):
    """A record that exists on a side. Day, job and minutes are those of a shift, null where they are not known."""

    version: int
    day: date | None = None
    job_id: str | None = None
    minutes: int | None = None


Items = Mapping[str, Item]


@dataclass(frozen=True, slots=True)
class Sides:
    """What exists of an entity on each side, by id; deleted records are on none."""

    buildertrend: Items
    raw: Items
    canonical: Items
    table: Items


def read_sides(tx: Transaction, settings: Settings, source: SchemaSource, company_id: str, entity: Entity) -> Sides:
    """All four sides now. Blocks for as long as reading the company's partitions takes."""
    require_all_rows(tx)
    ids = {"company_id": company_id, "entity": entity.name}
    topics = _Topics(settings, source, company_id)
    return Sides(
        buildertrend=_items(tx, _SQL["source"], ids),
        raw=topics.items(entity.raw_topic, _raw_item if entity.worked_minutes else _bare_raw_item),
        canonical=topics.items(entity.canonical_topic, partial(_canonical_item, entity)),
        table=_items(tx, live_records(entity), ids),
    )


def _items(tx: Transaction, statement: Statement, values: Mapping[str, Any]) -> dict[str, Item]:
    return {entity_id: Item(*rest) for entity_id, *rest in tx.execute(statement, values)}


@dataclass(frozen=True, slots=True)
class _Topics:
    settings: Settings
    source: SchemaSource
    company_id: str

    def items(self, topic: str, item: Callable[[Record], Item | None]) -> dict[str, Item]:
        """The last record of each key as `item` makes it; None and tombstones are deletions."""
        decode = Decoder(topic, self.source)
        values: dict[str, bytes] = {}
        prefix = f"{self.company_id}/".encode()
        number = partition_for(self.company_id, self.settings.entity_partitions)
        for message in read_partition(self.settings, topic, number):
            key = message.key() or b""
            if not key.startswith(prefix):
                continue
            entity_id = key[len(prefix) :].decode("utf-8", "replace")
            value = message.value()
            if value is None:
                values.pop(entity_id, None)
            else:
                values[entity_id] = value
        found = {entity_id: _decoded(decode, value) for entity_id, value in values.items()}
        made = {entity_id: item(record) for entity_id, record in found.items() if record is not None}
        return {entity_id: one for entity_id, one in made.items() if one is not None}


def _decoded(decode: Decoder, value: bytes) -> Record | None:
    """None for what is no record of the topic: it was dead-lettered, and is on no later side."""
    try:
        return decode(value)
    except InvalidRecordError:
        return None


def _bare_raw_item(change: Record) -> Item | None:
    return None if change["op"] == "DELETE" else Item(change["version"])


def _raw_item(change: Record) -> Item | None:
    shift = change["after"]
    if change["op"] == "DELETE" or shift is None:
        return None
    minutes = worked_minutes(shift["regularTime"], shift["overTime"], shift["doubleOverTime"])
    return Item(change["version"], _day(shift["timeIn"]["timeStamp"]), str(shift["jobId"]), minutes)


def _canonical_item(entity: Entity, record: Record) -> Item | None:
    if record["deleted_at"] is not None:
        return None
    if entity.worked_minutes is None:
        return Item(record["version"])
    day = record[entity.local_day] if entity.local_day else None
    first_day = None if day is None else from_days(day)
    return Item(record["version"], first_day, record["job_id"], record[entity.worked_minutes])


def _day(stamp: str) -> date | None:
    try:
        return date.fromisoformat(stamp[:10])
    except ValueError:
        return None
