"""Roles of a local stack's services in its Postgres: each process gets the address of its own role and no other's."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from psycopg import sql

from control.database import translated_errors
from core.postgres import Connection, Session, connect
from core.settings_files import read_or_make

ROLES = ("poller", "sink", "console")
GRANTS = Path(__file__).parents[1] / "deploy" / "postgres" / "grants.sql"
# They show or write every company's rows; without it the policies of grants.sql let them, a little slower.
_EVERY_COMPANY = ("sink", "console")
_SESSION = Session("protiv-local-roles", statement_s=60)


def service_urls(owner_url: str, memory: Path) -> dict[str, str]:
    """The database address of each service, its role made if need be and given its rights; after `set_up`.

    `memory` keeps the passwords, for the same addresses at the next start.
    """
    text = read_or_make(memory, lambda: json.dumps({name: secrets.token_urlsafe(24) for name in ROLES}))
    passwords: Mapping[str, str] = json.loads(text)
    with translated_errors(), closing(connect(owner_url, _SESSION)) as connection:
        for name in ROLES:
            _make_role(connection, name, passwords[name])
        # The text is a committed file, never input from outside.
        connection.execute(GRANTS.read_text(encoding="utf-8").encode())
    return {name: _address(owner_url, name, passwords[name]) for name in ROLES}


def role_of(service: str) -> str:
    """The name of a service's role, as deploy/postgres/roles.sh has it."""
    return f"protiv_{service}"


def _make_role(connection: Connection, service: str, password: str) -> None:
    role = role_of(service)
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    if found is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    # The server, and with it its log, sees only what the password is checked against.
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    bypass = sql.SQL("BYPASSRLS" if service in _EVERY_COMPANY else "NOBYPASSRLS")
    connection.execute(
        sql.SQL("ALTER ROLE {} LOGIN {} PASSWORD {}").format(sql.Identifier(role), bypass, sql.Literal(verifier))
    )


def _address(owner_url: str, service: str, password: str) -> str:
    parts = urlsplit(owner_url)
    return f"{parts.scheme}://{role_of(service)}:{password}@{parts.hostname}:{parts.port}{parts.path}"
