"""Every connection of every process to Postgres, made here alone with all the session settings that our code relies on:
a role, a database, a server or the environment may have set others, and what is stored must not depend on that.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from core.errors import ConfigurationError
from core.pooler import check_session

Connection = psycopg.Connection[TupleRow]

# A connection that died silently is noticed within half a minute, not only when the system gives up.
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
# What the driver and our statements expect. Whether the database takes writes is not among them: it was made read-only
# on purpose, and we wait until that ends.
_EXPECTED = {
    "client_encoding": "UTF8",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "default_transaction_isolation": "read committed",
    "row_security": "on",
    "search_path": "pg_catalog, pg_temp",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
}
# Servers before 17 know no transaction_timeout. What was committed has to survive a crash of the server: if a run
# number were given twice, two changes would have one version.
_PREPARE = """
SELECT set_config(name, value, false) FROM unnest(%(names)s::text[], %(values)s::text[]) AS wanted (name, value)
WHERE current_setting(name, true) IS NOT NULL
UNION ALL
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""


@dataclass(frozen=True, slots=True)
class Session:
    """Who connects, as Postgres shows it, and how long the server lets a statement, a wait for a lock and an idle
    transaction take: seconds, 0 for any time. After `answer_s` without any answer the connection is closed.
    """

    name: str
    statement_s: int = 0
    lock_s: int = 0
    idle_in_transaction_s: int = 0
    answer_s: int = 30
    connect_s: int = 10

    @property
    def arguments(self) -> dict[str, Any]:
        """What psycopg.connect takes beside the address."""
        return _KEEPALIVE | {
            "connect_timeout": self.connect_s,
            "tcp_user_timeout": self.answer_s * 1000,
            "client_encoding": "UTF8",
            "application_name": self.name,
        }

    @property
    def settings(self) -> dict[str, str]:
        """The session settings by name."""
        return _EXPECTED | {
            "application_name": self.name,
            "statement_timeout": f"{self.statement_s}s",
            "lock_timeout": f"{self.lock_s}s",
            "idle_in_transaction_session_timeout": f"{self.idle_in_transaction_s}s",
        }


def connect(database_url: str, session: Session) -> Connection:
    """A connection of its own, in autocommit. psycopg.Error as the driver raises it; ConfigurationError if the database
    does not store UTF-8, or if a pooler in front of it keeps no session.
    """
    forget_environment()
    connection = _opened(database_url, session)
    try:
        _check_encoding(connection)
        # Before anything is set: behind such a pooler, another client would find the settings in its backend.
        check_session(connection, lambda: _opened(database_url, session))
        prepare(connection, session)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: Connection, session: Session) -> None:
    """Give a new connection the session's settings; a pool configures its connections with it."""
    settings = session.settings
    was, connection.autocommit = connection.autocommit, True
    connection.execute(_PREPARE, {"names": list(settings), "values": list(settings.values())})
    connection.autocommit = was


def _opened(database_url: str, session: Session) -> Connection:
    return psycopg.connect(database_url, autocommit=True, **session.arguments)


def _check_encoding(connection: Connection) -> None:
    """The database's own encoding has to hold every name."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"The database of DATABASE_URL stores text as {encoding}, which cannot hold every name: make a database "
            "with ENCODING 'UTF8' (CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8') and set DATABASE_URL to it."
        )


def forget_environment() -> None:
    """Take the variables that Postgres' client reads (PGOPTIONS, PGHOSTADDR, PGSERVICE, PGTZ …) from this process.

    DATABASE_URL alone says where and how to connect. Not all of them can be overridden by connection arguments, so they
    are removed.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
