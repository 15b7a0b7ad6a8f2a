"""Sessions of services that read, each with what it may know, and rows of two companies in every table."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from schemas.entities import ENTITIES
from tests.contract.sinks.fix_postgres import rows
from tests.contract.sinks.fix_writers import Sink
from tests.unit.sinks.factories import message, record

MINE, THEIRS = "acme", "other-company"


def fill(sink: Sink) -> None:
    """One row of each of two companies in every table; all texts of a row name its company."""
    for entity in ENTITIES:
        texts: dict[str, Any] = (
            {"job_id": "1", "cost_code_id": "2"} if entity.name in ("time-entries", "budgets") else {}
        )
        sink.put(
            *(
                message(record(entity, f"{company}-1", company_id=company, **texts), offset, entity=entity)
                for offset, company in enumerate((MINE, THEIRS))
            )
        )


@contextmanager
def group(database_url: str, *, bound_to: str, member_of: str = "protiv_reader", inherit: bool = True) -> Iterator[str]:
    """The name of a role that is bound and does not sign in; its members get what it may, or have to change to it."""
    role = f"group_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(database_url, autocommit=True) as admin:
        name = sql.Identifier(role)
        admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN {}").format(name, sql.SQL("INHERIT" if inherit else "NOINHERIT")))
        admin.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(member_of), name))
        admin.execute("INSERT INTO protiv.reader_companies VALUES (%s, %s)", [role, bound_to])
        yield role
        admin.execute("DELETE FROM protiv.reader_companies WHERE role_name = %s", [role])
        admin.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(name, name))


@contextmanager
def login(database_url: str, *, bound_to: str | None = None, groups: Sequence[str] = ()) -> Iterator[str]:
    """The address of a role that may sign in and is a member of the readers; it goes with the block."""
    role, password = f"reader_{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    with psycopg.connect(database_url, autocommit=True) as admin:
        name = sql.Identifier(role)
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password)))
        admin.execute(sql.SQL("GRANT protiv_reader TO {}").format(name))
        for each in groups:
            admin.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(each), name))
        if bound_to is not None:
            admin.execute("INSERT INTO protiv.reader_companies VALUES (%s, %s)", [role, bound_to])
        yield make_conninfo(database_url, user=role, password=password)
        admin.execute("DELETE FROM protiv.reader_companies WHERE role_name = %s", [role])
        admin.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(name, name))


def readable(database_url: str) -> list[str]:
    """Every table, view and so on of the database that a reader may select from, those of Postgres itself left out."""
    found = rows(
        database_url,
        "SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
        "AND n.nspname NOT LIKE 'pg_t%%' AND has_table_privilege('protiv_reader', c.oid, 'SELECT') "
        "AND has_schema_privilege('protiv_reader', n.oid, 'USAGE') ORDER BY 1",
    )
    return [str(row["name"]) for row in found]


def said(connection: psycopg.Connection[Any], statement: str) -> str:
    """All that a statement returns, as text."""
    return str(connection.execute(statement.encode()).fetchall())
