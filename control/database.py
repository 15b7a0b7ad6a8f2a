"""Schema `integration` behind a pool; the driver's errors become ours here and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from core.errors import (
    ConfigurationError,
    FatalError,
    FencedError,
    IntegrationError,
    InvalidRecordError,
    RetriableError,
)
from core.migrations import migrate
from core.postgres import Connection, Session, connect, forget_environment, prepare
from core.settings import Settings
from core.sql import is_outage, is_value, outage_sentence, read_statements

SCHEMA = "integration"
_AWAY = "The database of DATABASE_URL does not answer, or refuses the user or password."
MIGRATIONS = Path(__file__).parent / "migrations"
_QUERIES = Path(__file__).parent / "queries"

_TIMEOUT_S = 10
_RESTED_S = 20.0
_EPOCH_IS_OVER = "PV001"
_REFUSED = "refused-by-postgres"
_NO_RIGHT = "42501"
# Table, column, function, schema.
_NOT_THERE = frozenset({"42P01", "42703", "42883", "3F000"})
# A command compares and counts for as long as that takes, and reads topics inside a transaction.
COMMAND = Session("protiv-command", statement_s=600, lock_s=30)

Transaction = Connection


class Writing(Protocol):
    """A transaction whose statements are not asked for an answer: a Transaction, or one that is sent whole."""

    def execute(self, query: bytes, params: Mapping[str, Any] | None = None, /) -> object:
        """Its result is for nobody."""


def statements(name: str) -> dict[str, bytes]:
    """The named statements of `control/queries/<name>.sql`."""
    return dict(read_statements(_QUERIES / f"{name}.sql"))


def migrate_control(database_url: str) -> list[str]:
    """Bring schema `integration` up to date; the names of the migrations applied now."""
    with translated_errors():
        return migrate(database_url, schema=SCHEMA, folder=MIGRATIONS)


def check_database(database_url: str) -> None:
    """ConfigurationError for a database or a pooler that cannot serve, RetriableError if it does not answer."""
    with translated_errors():
        connect(database_url, COMMAND).close()


class Database:
    """Transactions on schema `integration`."""

    def __init__(self, settings: Settings, *, max_connections: int, session: Session = COMMAND) -> None:
        settings.require("database_url")
        self._settings = settings
        self._session = session
        self._max_connections = max_connections
        self._used_at: WeakKeyDictionary[Transaction, float] = WeakKeyDictionary()
        self._pool = self._new_pool()

    def open(self) -> None:
        """Connect; RetriableError if Postgres does not answer in time. Can be called again then.

        ConfigurationError if it is a database or a pooler that cannot serve (see core.postgres.connect).
        """
        with translated_errors():
            # What no waiting changes: a pool would try it again and again.
            connect(self._settings.database_url.get_secret_value(), self._session).close()
            try:
                self._pool.open()
                self._pool.wait(timeout=_TIMEOUT_S)
            except PoolTimeout:
                # A pool whose first connection did not come is closed for good.
                self._pool = self._new_pool()
                raise

    def close(self) -> None:
        self._pool.close()

    def _new_pool(self) -> ConnectionPool:
        forget_environment()
        return ConnectionPool(
            self._settings.database_url.get_secret_value(),
            kwargs=self._session.arguments,
            configure=partial(prepare, session=self._session),
            check=self._check_rested,
            min_size=1,
            max_size=self._max_connections,
            open=False,
            timeout=_TIMEOUT_S,
        )

    def _check_rested(self, connection: Transaction) -> None:
        """Ask one that nobody used for a while whether it is still there, so that no caller is the first to hear.

        Whatever is between here and Postgres may end idle connections. Those in use are not asked: it is one wait more.
        """
        if time.monotonic() - self._used_at.get(connection, 0.0) > _RESTED_S:
            ConnectionPool.check_connection(connection)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One transaction: committed at the end of the block, undone if it raises."""
        with self._connection(autocommit=False) as connection:
            yield connection

    @contextmanager
    def statement(self) -> Iterator[Transaction]:
        """For one statement, which is a transaction of its own: the way to Postgres and back once, not three times."""
        with self._connection(autocommit=True) as connection:
            yield connection

    @contextmanager
    def sent_whole(self) -> Iterator[Writing]:
        """One transaction that goes out as one text with its end, for statements that need no answer.

        What any of them raises, the end of the block raises, and all of it is undone.
        """
        with self._connection(autocommit=True) as connection:
            collected = _Collected(psycopg.ClientCursor(connection))
            yield collected
            connection.execute(b"\n;\n".join((b"BEGIN", *collected.texts, b"COMMIT")))

    @contextmanager
    def _connection(self, *, autocommit: bool) -> Iterator[Transaction]:
        with translated_errors(), self._pool.connection() as connection:
            # Known to this side only. It is set whenever a connection is taken: one that failed may take no setting.
            connection.autocommit = autocommit
            yield connection
            self._used_at[connection] = time.monotonic()


class _Collected:
    """Statements with their values in them: every answer that is waited for also waits for the interpreter."""

    def __init__(self, cursor: psycopg.ClientCursor[TupleRow]) -> None:
        self._cursor = cursor
        self._encoding = cursor.connection.info.encoding
        self.texts: list[bytes] = []

    def execute(self, query: bytes, params: Mapping[str, Any] | None = None, /) -> None:
        self.texts.append(self._cursor.mogrify(query, params).encode(self._encoding))


@contextmanager
def translated_errors() -> Iterator[None]:
    """psycopg's errors as ours, by SQLSTATE: missing schema or right = configuration, an outage = retriable.

    A value that can never be stored is an InvalidRecordError, which quotes nothing of it; the rest is fatal.
    FencedError where the epoch of a lease that was to be held is over (see connections.hold_epoch).
    """
    try:
        yield
    except PoolTimeout as exc:
        raise RetriableError(_AWAY) from exc
    except psycopg.Error as exc:
        raise _ours(exc) from exc


def _ours(exc: psycopg.Error) -> IntegrationError:
    named = f"{exc.sqlstate}: {type(exc).__name__}"
    if exc.sqlstate == _EPOCH_IS_OVER:
        return FencedError("Another poller has taken this connection over.")
    if is_outage(exc):
        return RetriableError(_AWAY if exc.sqlstate is None else outage_sentence(exc))
    if is_value(exc):
        return InvalidRecordError(f"The database cannot store a value ({named}).", error_class=_REFUSED)
    if exc.sqlstate == _NO_RIGHT:
        return ConfigurationError("The role of DATABASE_URL lacks a right: see deploy/postgres/grants.sql.")
    if exc.sqlstate in _NOT_THERE:
        return ConfigurationError("The database is not set up for this version: run `protiv-buildertrend setup`.")
    return FatalError(f"The database refused a statement ({named}).")
