"""The columns of each canonical table, read off the committed record schema, so that the two cannot differ.

A long of millionths `<name>_micros` in a record is the column `<name> numeric(18,6)` of the table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

import pyarrow as pa

from schemas.avro_files import schema_text
from schemas.entities import Entity

# Newest wins: of two records of a key, the one with the higher version; of equal versions, the one from the later
# creation of the topic, and of one creation the one at the higher offset. Readers reduce a batch, which is of one
# creation, by it, and the merge's guard compares what is left with the row in the table.
NEWEST_OF_A_BATCH = ("version", "source_offset")
NEWEST = ("version", "source_generation", "source_offset")

_MICROS = "_micros"
_LEADING = ("company_id", "version", "observed_at", "deleted_at")


class Form(Enum):
    """What a value is: (its type in the staging table, its type in Arrow)."""

    TEXT = ("text", pa.string())
    WHOLE = ("int8", pa.int64())
    MILLIONTHS = ("bigint", pa.int64())
    FLAG = ("bool", pa.bool_())
    DAY = ("date", pa.date32())
    INSTANT = ("timestamptz", pa.timestamp("us", "UTC"))
    TEXTS = ("text[]", pa.list_(pa.string()))
    WHOLES = ("int8[]", pa.list_(pa.int64()))

    @property
    def postgres(self) -> str:
        return str(self.value[0])

    @property
    def arrow(self) -> pa.DataType:
        return self.value[1]

    @property
    def is_list(self) -> bool:
        """Whether it is empty, and not null, where nothing is stated."""
        return self in (Form.TEXTS, Form.WHOLES)


@dataclass(frozen=True, slots=True)
class Column:
    """One value of a record (`field`) and where it goes (`name`)."""

    field: str
    name: str
    form: Form


@dataclass(frozen=True, slots=True)
class CanonicalTable:
    """A table of schema `protiv` and the topic that feeds it.

    `columns` are those that come from the record, company_id and the id first; `body` is what a deletion leaves alone.
    """

    entity: Entity
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        return self.entity.table

    @property
    def topic(self) -> str:
        return self.entity.canonical_topic

    @property
    def id_field(self) -> str:
        return self.entity.id_field

    @property
    def body(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.field not in (*_LEADING, self.id_field))


@cache
def canonical_table(entity: Entity) -> CanonicalTable:
    """The table of an entity."""
    fields = json.loads(schema_text(entity.canonical_topic))["fields"]
    return CanonicalTable(entity, tuple(_column(field["name"], field["type"]) for field in fields))


def _column(field: str, avro_type: Any) -> Column:
    form = _form(avro_type)
    if form is Form.WHOLE and field.endswith(_MICROS):
        return Column(field, field.removesuffix(_MICROS), Form.MILLIONTHS)
    return Column(field, field, form)


def _form(avro_type: Any) -> Form:
    if isinstance(avro_type, list):
        return _form(next(branch for branch in avro_type if branch != "null"))
    if isinstance(avro_type, dict):
        if avro_type["type"] == "array":
            return _LISTS[str(avro_type["items"])]
        return _FORMS[str(avro_type.get("logicalType", avro_type["type"]))]
    return _FORMS[str(avro_type)]


_FORMS = {
    "string": Form.TEXT,
    "long": Form.WHOLE,
    "boolean": Form.FLAG,
    "date": Form.DAY,
    "timestamp-micros": Form.INSTANT,
}
_LISTS = {"string": Form.TEXTS, "long": Form.WHOLES}
