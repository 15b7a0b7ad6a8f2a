"""Every SQL statement of the sink. Names come from the committed schemas, values are always parameters."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from psycopg import sql

from sinks.columns import CanonicalTable, Column, Form

SCHEMA = "protiv"
CHANNEL = "protiv_changes"


class Kind(StrEnum):
    """What a staged row does to its table, in the order in which a batch must do it.

    A TOMBSTONE is a null value: compaction may have taken the deletion record before it, so it deletes too.
    """

    LIVE = "live"
    DELETED = "deleted"
    TOMBSTONE = "tombstone"


# The columns that say which record a row shows, whatever the record says.
_GUARD = (
    Column("version", "version", Form.WHOLE),
    Column("observed_at", "observed_at", Form.INSTANT),
    Column("deleted_at", "deleted_at", Form.INSTANT),
    Column("source_offset", "source_offset", Form.WHOLE),
)
STAGED_EXTRA = (Column("source_offset", "source_offset", Form.WHOLE), Column("kind", "kind", Form.TEXT))

# A zombie's update finds another claim, or an offset that is not the one it started from, and changes nothing.
MOVE_OFFSETS = """
UPDATE protiv.sink_offsets AS held
SET next_offset = moved.next_offset, updated_at = now()
FROM unnest(%(topic_ids)s::uuid[], %(partitions)s::int[], %(claims)s::bigint[], %(expected)s::bigint[],
            %(next_offsets)s::bigint[]) AS moved (topic_id, partition, claim, expected, next_offset)
WHERE held.topic_id = moved.topic_id AND held.partition = moved.partition
  AND held.claim = moved.claim AND held.next_offset = moved.expected
"""

# How many of the moves are done already: the answer to a commit got lost, the commit did not.
COUNT_MOVED = """
SELECT count(*)
FROM protiv.sink_offsets AS held
JOIN unnest(%(topic_ids)s::uuid[], %(partitions)s::int[], %(claims)s::bigint[], %(next_offsets)s::bigint[])
  AS moved (topic_id, partition, claim, next_offset)
  ON held.topic_id = moved.topic_id AND held.partition = moved.partition
 AND held.claim = moved.claim AND held.next_offset = moved.next_offset
"""

# A claim waits for the transaction of the one before (the row is locked), then shuts it out.
CLAIM = """
INSERT INTO protiv.sink_offsets AS held (topic_id, topic, partition, next_offset, generation, claim)
VALUES (%(topic_id)s, %(topic)s, %(partition)s, 0, coalesce(
    (SELECT max(generation) FROM protiv.sink_offsets WHERE topic_id = %(topic_id)s),
    (SELECT max(generation) + 1 FROM protiv.sink_offsets WHERE topic = %(topic)s), 1), 1)
ON CONFLICT (topic_id, partition) DO UPDATE SET claim = held.claim + 1, updated_at = now()
RETURNING next_offset, generation, claim
"""

# A sink that froze inside a COPY holds its locks for as long as it is frozen: its backend waits for the client, where
# no time limit of Postgres looks, and the network answers for the process. Nobody else's COPY outlasts the limit.
END_FROZEN = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = %(name)s
  AND state = 'active' AND wait_event IN ('ClientRead', 'ClientWrite')
  AND query_start < now() - make_interval(secs => %(after_s)s) AND pid <> pg_backend_pid()
"""

NOTIFY = "SELECT pg_notify(%(channel)s, payload) FROM unnest(%(payloads)s::text[]) AS payload"

STORED_OFFSETS = """
SELECT DISTINCT ON (topic, partition) topic, partition, next_offset
FROM protiv.sink_offsets ORDER BY topic, partition, generation DESC
"""

# Whether row-level security binds this role on any table.
IS_BOUND = "SELECT bool_or(row_security_active(name::regclass)) FROM unnest(%(tables)s::text[]) AS name"

APPLIED_MIGRATIONS = "SELECT name, checksum FROM protiv.schema_migrations"


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
def held_places(table: CanonicalTable) -> sql.Composed:
    """now(), and which of some keys, counted from 0, the table holds.

    A subquery for each row is an index lookup, whatever the planner believes of a table that was empty a moment ago.
    """
    return sql.SQL(
        "SELECT now(), coalesce(array_agg(looked.place - 1) FILTER (WHERE looked.held), '{{}}') FROM ("
        " SELECT k.place, (SELECT true FROM {target} AS t WHERE t.company_id = k.company_id AND t.{id} = k.id) AS held"
        " FROM unnest(%(company_ids)s::text[], %(ids)s::text[]) WITH ORDINALITY AS k (company_id, id, place)) AS looked"
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
def merge(table: CanonicalTable, kind: Kind) -> sql.Composed:
    """Apply the staged rows of one kind; a row (company_id, merged, version, observed_at of the newest) a company."""
    columns = (_key(table)[0], _key(table)[1], *_GUARD, *(table.body if kind is Kind.LIVE else ()))
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


def _guard(kind: Kind) -> sql.SQL:
    newer = (
        "(excluded.version, excluded.source_generation, excluded.source_offset)"
        " > (held.version, held.source_generation, held.source_offset)"
    )
    if kind is Kind.TOMBSTONE:
        # The tombstone behind a deletion record that was applied says nothing new.
        return sql.SQL(newer + " AND (held.deleted_at IS NULL OR excluded.version > held.version)")
    return sql.SQL(newer)


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
