"""Every SQL statement of the sink: the constant ones in `statements.sql`, and here those that name tables and columns.

Names come from the committed schemas, values are always parameters.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path

from psycopg import sql

from core.sql import read_statements
from sinks.columns import NEWEST, CanonicalTable, Column, Form

SCHEMA = "protiv"
CHANNEL = "protiv_changes"
SQL = read_statements(Path(__file__).with_name("statements.sql"))


class RowKind(StrEnum):
    """What a staged row does to its table, in the order in which a batch must do it.

    A TOMBSTONE is a null value: compaction may have taken the deletion record before it, so it deletes too.
    """

    LIVE = "live"
    DELETED = "deleted"
    TOMBSTONE = "tombstone"


# The columns that tell which record a row shows; every kind of row sets them.
_GUARD = (
    Column("version", "version", Form.WHOLE),
    Column("observed_at", "observed_at", Form.INSTANT),
    Column("deleted_at", "deleted_at", Form.INSTANT),
    Column("source_offset", "source_offset", Form.WHOLE),
)
STAGED_EXTRA = (Column("source_offset", "source_offset", Form.WHOLE), Column("kind", "kind", Form.TEXT))


def staged_columns(table: CanonicalTable) -> tuple[Column, ...]:
    """What a staged row holds, in the order in which COPY takes it."""
    return (*table.columns, *STAGED_EXTRA)


@cache
def create_staging(table: CanonicalTable) -> sql.Composed:
    """A temporary table of this session: COPY is refused on tables with row-level security, and knows no conflict."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.form.postgres))
        for column in staged_columns(table)
    )
    return sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} ({}) ON COMMIT DELETE ROWS").format(
        _staging(table), columns
    )


def row_columns(table: CanonicalTable) -> list[str]:
    """The columns of a row of the table, in the order in which `copy_new` takes them."""
    return [column.name for column in table.columns] + ["source_offset", "source_generation", "updated_at"]


@cache
def places_in_table(table: CanonicalTable) -> sql.Composed:
    """now(), and the places, counted from 0, of those keys that the table holds.

    A subquery for each row is an index lookup, whatever the planner believes of a table that was empty a moment ago.
    """
    return sql.SQL(
        "SELECT now(), coalesce(array_agg(found.place - 1) FILTER (WHERE found.held), '{{}}') FROM ("
        " SELECT k.place, (SELECT true FROM {target} AS t WHERE t.company_id = k.company_id AND t.{id} = k.id) AS held"
        " FROM unnest(%(company_ids)s::text[], %(ids)s::text[]) WITH ORDINALITY AS k (company_id, id, place)) AS found"
    ).format(target=_target(table), id=sql.Identifier(table.id_field))


@cache
def copy_new(table: CanonicalTable) -> sql.Composed:
    """COPY straight into the table: refused where row-level security binds the role."""
    names = sql.SQL(", ").join(map(sql.Identifier, row_columns(table)))
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(_target(table), names)


@cache
def copy_staging(table: CanonicalTable) -> sql.Composed:
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(_staging(table), _names(staged_columns(table)))


@cache
def clear_staging(table: CanonicalTable) -> sql.Composed:
    return sql.SQL("DELETE FROM {}").format(_staging(table))


@cache
def merge_staged(table: CanonicalTable, kind: RowKind) -> sql.Composed:
    """Apply the staged rows of one kind; a row (company_id, merged, version, observed_at of the newest) a company."""
    columns = (_key(table)[0], _key(table)[1], *_GUARD, *(table.body if kind is RowKind.LIVE else ()))
    return sql.SQL(
        "WITH merged AS ("
        " INSERT INTO {target} AS held ({names}, source_generation, updated_at)"
        " SELECT {values}, %(generation)s, now() FROM {staging} WHERE kind = {kind}"
        " ON CONFLICT ({key}) DO UPDATE SET {assignments},"
        " source_generation = excluded.source_generation, updated_at = excluded.updated_at"
        " WHERE {guard}"
        " RETURNING held.company_id, held.version, held.observed_at)"
        " SELECT company_id, count(*), max(version), max(observed_at) FROM merged GROUP BY company_id"
    ).format(
        target=_target(table),
        names=_names(columns),
        values=sql.SQL(", ").join(_value(column) for column in columns),
        staging=_staging(table),
        kind=sql.Literal(kind.value),
        key=_names(_key(table)),
        assignments=sql.SQL(", ").join(_assignment(column) for column in columns[2:]),
        guard=_guard(kind),
    )


@cache
def companies(table: CanonicalTable) -> sql.Composed:
    """Every company that has a live row."""
    return sql.SQL("SELECT DISTINCT company_id FROM {} WHERE deleted_at IS NULL").format(_target(table))


@cache
def live_rows(table: CanonicalTable) -> sql.Composed:
    """A company's live rows that came from this creation of the topic, and before the offset that is merged."""
    return sql.SQL(
        "SELECT {id}, version FROM {table} WHERE company_id = %(company_id)s AND deleted_at IS NULL"
        " AND source_generation = %(generation)s AND source_offset < %(merged)s"
    ).format(id=sql.Identifier(table.id_field), table=_target(table))


@cache
def delete_rows(table: CanonicalTable) -> sql.Composed:
    """The version stays: an older record changes nothing, a newer one undoes it."""
    return sql.SQL(
        "UPDATE {table} AS held SET deleted_at = now(), observed_at = now(), updated_at = now()"
        " FROM unnest(%(ids)s::text[], %(versions)s::bigint[]) AS gone (id, version)"
        " WHERE held.company_id = %(company_id)s AND held.{id} = gone.id AND held.version = gone.version"
        " AND held.deleted_at IS NULL RETURNING held.version, held.observed_at"
    ).format(id=sql.Identifier(table.id_field), table=_target(table))


def _guard(kind: RowKind) -> sql.SQL:
    newer = f"({_of('excluded')}) > ({_of('held')})"
    if kind is RowKind.TOMBSTONE:
        # After its deletion record was applied, a tombstone changes nothing.
        return sql.SQL(f"{newer} AND (held.deleted_at IS NULL OR excluded.version > held.version)")
    return sql.SQL(newer)


def _of(row: str) -> str:
    return ", ".join(f"{row}.{name}" for name in NEWEST)


def _key(table: CanonicalTable) -> tuple[Column, Column]:
    return Column("company_id", "company_id", Form.TEXT), Column(table.id_field, table.id_field, Form.TEXT)


def _target(table: CanonicalTable) -> sql.Identifier:
    return sql.Identifier(SCHEMA, table.name)


def _staging(table: CanonicalTable) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"staged_{table.name}")


def _names(columns: tuple[Column, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)


def _value(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    # A product of numerics is exact; a quotient would be rounded at some digit.
    return sql.SQL("{} * 0.000001").format(name) if column.form is Form.MILLIONTHS else name


def _assignment(column: Column) -> sql.Composed:
    return sql.SQL("{name} = excluded.{name}").format(name=sql.Identifier(column.name))
