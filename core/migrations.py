"""Applies numbered SQL files to a database, each once, in order, in its own transaction, under a lock.

A file that was applied is never changed: its checksum is stored and a difference is refused. `NNNN_name.pre.sql` is a
change that the version before can live with; `NNNN_name.post.sql` waits until no process of that version runs any more.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from psycopg import sql
from psycopg.errors import LockNotAvailable

from core.clock import Clock, SystemClock
from core.errors import ConfigurationError
from core.migration_lock import Patience, longest_transaction, take_lock
from core.postgres import Connection, Session, connect

_SESSION = Session("protiv-setup", lock_s=5)


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
        """Whether the version before could not go on with it."""
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
        take_lock(connection, clock)
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
    """A change that waits for a table keeps everybody behind it waiting, too: so it gives up soon and tries again."""
    patience = Patience(clock)
    while True:
        try:
            return _apply(connection, migration, schema=schema, applied=applied)
        except LockNotAvailable:
            what = f"Migration {migration.name} of schema {schema} waits for what another transaction uses."
            patience.wait(longest_transaction(connection), what)


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
