"""The databases of the sink's benchmark: one for each contender, with the same columns and indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from benchmarks._sink_records import TABLE, Load, companies_named
from core.errors import FatalError
from schemas.codec import Record
from sinks.columns import Column, Form
from sinks.migrate import migrate_protiv

Connection = psycopg.Connection[tuple[Any, ...]]
OUR_TABLE = "protiv.time_entries"
CONNECT_TABLE = "time_entries"
_INDEXED = (
    ("company_id", "job_id", "work_date"),
    ("company_id", "user_id", "work_date"),
    ("company_id", "observed_at"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A table that a contender fills."""

    database_url: str
    table: str

    def connect(self) -> Connection:
        return psycopg.connect(self.database_url, autocommit=True)

    def count(self, connection: Connection, records: Sequence[Record]) -> int:
        """How many of these records are there as of their version."""
        where = (
            "(company_id, time_entry_id) IN (SELECT * FROM unnest(%(companies)s::text[], %(ids)s::text[]))"
            if self.table == OUR_TABLE
            else "record_key = ANY(%(keys)s)"
        )
        found = connection.execute(
            f"SELECT count(*) FROM {self.table} WHERE {where} AND version >> 24 = %(version)s".encode(),
            {
                "companies": [record["company_id"] for record in records],
                "ids": [record["time_entry_id"] for record in records],
                "keys": [f"{record['company_id']}/{record['time_entry_id']}" for record in records],
                "version": records[0]["version"] >> 24,
            },
        ).fetchone()
        return 0 if found is None else int(found[0])

    def checkpoint(self) -> None:
        """So that no contender pays for what the one before left unwritten."""
        with self.connect() as connection:
            connection.execute("CHECKPOINT")


def our_target(server_url: str, name: str) -> Target:
    """A new database with schema `protiv`."""
    url = _new_database(server_url, name)
    migrate_protiv(url)
    return Target(url, OUR_TABLE)


def connect_target(server_url: str, name: str) -> Target:
    """A new database with a table for Debezium's sink: a column a field, and indexes as ours has them."""
    url = _new_database(server_url, name)
    columns = ", ".join(f"{column.field} {_connect_type(column)}" for column in TABLE.columns)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE {CONNECT_TABLE} (record_key text PRIMARY KEY, {columns})".encode())
        for indexed in _INDEXED:
            connection.execute(f"CREATE INDEX ON {CONNECT_TABLE} ({', '.join(indexed)})".encode())
    return Target(url, CONNECT_TABLE)


def check(target: Target, load: Load) -> None:
    """FatalError unless the load's rows are in the table as they were published."""
    expected = (load.count, sum(int(record["total_minutes"]) for record in load.records()))
    with target.connect() as connection:
        found = connection.execute(
            f"SELECT count(*), coalesce(sum(total_minutes), 0)::bigint FROM {target.table} "
            "WHERE company_id = ANY(%s) AND version >> 24 = %s".encode(),
            [companies_named(load.name), load.version],
        ).fetchone()
    if found != expected:
        raise FatalError(f"{target.table} holds {found} (rows, minutes) where {expected} were published.")


def _connect_type(column: Column) -> str:
    # Connect knows no microseconds: its converter hands instants over as the long that Avro holds.
    return {Form.INSTANT: "bigint", Form.MILLIONTHS: "bigint"}.get(column.form, column.form.postgres)


def _new_database(server_url: str, name: str) -> str:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    at = conninfo_to_dict(server_url)
    return f"postgresql://{at['user']}:{at['password']}@{at['host']}:{at['port']}/{name}"
