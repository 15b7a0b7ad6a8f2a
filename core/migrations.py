"""Applies numbered SQL files to a database, each once, in order, in its own transaction, under a lock.

Who holds a lock that is waited for is named, and no wait is endless: a pooler keeps the lock of a session that
ended long ago.

A file that was applied is never changed: its checksum is stored and a difference is refused. `NNNN_name.pre.sql` is a
change that the previous version tolerates; `NNNN_name.post.sql` waits until no process of that version runs any more.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from psycopg import sql
from psycopg.errors import LockNotAvailable

from core.clock import Clock, SystemClock
from core.errors import ConfigurationError, RetriableError
from core.postgres import Connection, Session, connect
from core.sql import read_statements

# `setup` configures no log of ours: what the standard library logs is a sentence on its standard error.
log = logging.getLogger(__name__)

_SESSION = Session("protiv-setup", lock_s=5)
_SQL = read_statements(Path(__file__).with_name("migrations.sql"))
_LOCK = {"lock": 7_305_112_024}
_PAUSE_S = 1.0
_REPEAT_S = 30.0
# Another `setup` may build an index of a large table meanwhile. One that has done nothing for so long is not at work.
_LONGEST_S = 900.0
_IDLE_S = 15.0


@dataclass(frozen=True, slots=True)
class Migration:
    """One file `NNNN_name.sql`, `NNNN_name.pre.sql` or `NNNN_name.post.sql`."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def waits_for_the_upgrade(self) -> bool:
        """Whether the previous version could not work with it."""
        return self.name.endswith(".post")


def read_migrations(folder: Path) -> list[Migration]:
    """The migrations of a folder in the order of their numbers."""
    return [Migration(path.stem, path.read_text()) for path in sorted(folder.glob("[0-9]*.sql"))]


class Extent(Enum):
    """How far `migrate` goes."""

    RUNNING = "leave out what waits for the upgrade, unless the schema is new: processes of the version before may run"
    FINISHED = "everything: every process is of this version, or none runs"


def migrate(
    database_url: str, *, schema: str, folder: Path, extent: Extent = Extent.RUNNING, clock: Clock | None = None
) -> list[str]:
    """Bring `schema` up to date; the names applied now. ConfigurationError if an applied file was changed,
    RetriableError with who holds a lock that is waited for too long.
    """
    clock = clock or SystemClock()
    with connect(database_url, _SESSION) as connection:
        _take_lock(connection, clock)
        _create_ledger(connection, schema)
        applied = _applied(connection, schema)
        whole = extent is Extent.FINISHED or not applied
        return [
            migration.name
            for migration in read_migrations(folder)
            if (whole or not migration.waits_for_the_upgrade)
            and _apply_when_free(connection, migration, clock, schema=schema, applied=applied.get(migration.name))
        ]


def _create_ledger(connection: Connection, schema: str) -> None:
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {}.schema_migrations "
            "(name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        ).format(sql.Identifier(schema))
    )


def _applied(connection: Connection, schema: str) -> dict[str, str]:
    rows = connection.execute(sql.SQL("SELECT name, checksum FROM {}.schema_migrations").format(sql.Identifier(schema)))
    return {str(name): str(checksum) for name, checksum in rows}


def _apply_when_free(
    connection: Connection, migration: Migration, clock: Clock, *, schema: str, applied: str | None
) -> bool:
    """While a change waits for a table, all others wait behind it: so it gives up soon and tries again."""
    wait = _LockWait(clock)
    while True:
        try:
            return _apply(connection, migration, schema=schema, applied=applied)
        except LockNotAvailable:
            what = f"Migration {migration.name} of schema {schema} waits for what another transaction uses."
            wait.wait(_holder(connection, "longest_transaction"), what)


def _apply(connection: Connection, migration: Migration, *, schema: str, applied: str | None) -> bool:
    if applied == migration.checksum:
        return False
    if applied is not None:
        raise ConfigurationError(
            f"Migration {migration.name} of schema {schema} was changed after it was applied: "
            "restore the file and put the change into a new one."
        )
    with connection.transaction():
        # The text is a committed file, never input from outside.
        connection.execute(migration.text.encode())
        connection.execute(
            sql.SQL("INSERT INTO {}.schema_migrations (name, checksum) VALUES (%s, %s)").format(sql.Identifier(schema)),
            [migration.name, migration.checksum],
        )
    return True


@dataclass(frozen=True, slots=True)
class _Holder:
    """A session that is waited for. `is_idle` is null where this role may not see it."""

    pid: int
    application: str | None
    role: str | None
    host: str | None
    is_idle: bool | None

    @property
    def words(self) -> str:
        name = self.application or "without a name"
        return f"process {self.pid} ({name}, as {self.role or '?'}, from {self.host or 'this machine'})"


class _LockWait:
    """How long a lock is waited for. Who holds it is logged at once, and again now and then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._idle_since: float | None = None
        self._log_at = self._began

    def wait(self, holder: _Holder | None, what: str) -> None:
        """A moment. RetriableError with what to do when it was long enough, sooner if the holder is idle."""
        now = self._clock.monotonic()
        if holder is None or not holder.is_idle:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        idle = self._idle_since is not None and now - self._idle_since >= _IDLE_S
        if idle or now - self._began >= _LONGEST_S:
            raise RetriableError(f"{what}{_what_to_do(holder)}")
        if now >= self._log_at:
            self._log_at = now + _REPEAT_S
            log.warning("%s Held by %s. Waiting.", what, "somebody" if holder is None else holder.words)
        self._clock.wait(_PAUSE_S)


def _take_lock(connection: Connection, clock: Clock) -> None:
    """Be the only one that migrates, until the connection ends. RetriableError: see _LockWait."""
    wait = _LockWait(clock)
    while connection.execute(_SQL["take_lock"], _LOCK).fetchone() != (True,):
        wait.wait(_holder(connection, "lock_holder"), "Another session holds the lock of migrations.")


def _holder(connection: Connection, statement: str) -> _Holder | None:
    row = connection.execute(_SQL[statement], _LOCK).fetchone()
    return None if row is None else _Holder(*row)


def _what_to_do(holder: _Holder | None) -> str:
    if holder is None:
        return " Run `setup` again."
    return (
        f" It is {holder.words}. If that is not another `setup` at work, a pooler or a dead client left it behind: end "
        f"it with SELECT pg_terminate_backend({holder.pid}), and run `setup` again with the address of Postgres itself."
    )
