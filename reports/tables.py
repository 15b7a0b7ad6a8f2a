"""The statements that name an entity's table, composed from its declaration; the constant ones are in `queries/`."""

from __future__ import annotations

from functools import cache
from typing import LiteralString

from psycopg import sql

from schemas.avro_files import plain_schema
from schemas.entities import ENTITIES, Entity

_SHIFT_COLUMNS = (
    "link_status", "link_detail", "regular_minutes", "overtime_minutes", "double_overtime_minutes",
    "split_cost_code_ids", "split_minutes",
)  # fmt: skip
Statement = bytes | sql.Composed
TABLES = [entity.table for entity in ENTITIES]


@cache
def stored_record(entity: Entity) -> sql.Composed:
    """The row of a record, deleted or not; a column of shifts is null for other entities."""
    there = {field["name"] for field in plain_schema(entity.canonical_topic)["fields"]}
    return _query(
        entity,
        "SELECT version, observed_at, deleted_at, updated_at, {columns} FROM {table}"
        " WHERE company_id = %(company_id)s AND {id} = %(entity_id)s",
        columns=sql.SQL(", ").join(_column(name, name if name in there else None) for name in _SHIFT_COLUMNS),
    )


@cache
def live_records(entity: Entity) -> sql.Composed:
    """Id and version of each record that is not deleted; day, job and minutes where the entity has hours."""
    return _query(
        entity,
        "SELECT {id} AS entity_id, version, {columns} FROM {current} WHERE company_id = %(company_id)s",
        columns=sql.SQL(", ").join(
            (
                _column("day", entity.local_day),
                _column("job_id", "job_id" if entity.worked_minutes else None),
                _column("minutes", entity.worked_minutes),
            )
        ),
    )


@cache
def stored_counts() -> sql.Composed:
    """How many records that are not deleted each company has of each entity."""
    return sql.SQL(" UNION ALL ").join(
        _query(
            entity,
            "SELECT company_id, {name} AS entity, count(*) AS records FROM {current}"
            " WHERE %(company_ids)s::text[] IS NULL OR company_id = ANY(%(company_ids)s) GROUP BY company_id",
            name=sql.Literal(entity.name),
        )
        for entity in ENTITIES
    )


@cache
def stored_minutes() -> sql.Composed:
    """The worked minutes of a company's records that are not deleted, a row for each entity that has hours."""
    return sql.SQL(" UNION ALL ").join(
        _query(
            entity,
            "SELECT coalesce(sum({minutes}), 0) AS minutes FROM {current} WHERE company_id = %(company_id)s",
            minutes=sql.Identifier(entity.worked_minutes),
        )
        for entity in ENTITIES
        if entity.worked_minutes
    )


def _query(entity: Entity, text: LiteralString, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(text).format(
        table=sql.Identifier("protiv", entity.table),
        current=sql.Identifier("protiv", f"current_{entity.table}"),
        id=sql.Identifier(entity.id_field),
        **parts,
    )


def _column(name: str, source: str | None) -> sql.Composed:
    value = sql.SQL("NULL") if source is None else sql.Identifier(source)
    return sql.SQL("{} AS {}").format(value, sql.Identifier(name))
