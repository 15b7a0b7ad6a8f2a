"""Checks of `doctor` on Postgres: reachable, new enough, migrated, with each service's rights, and its clock."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.findings import Check, ProblemError
from cli.reading import database_of
from control.database import MIGRATIONS, Transaction
from core.migrations import read_migrations
from core.settings import Settings
from core.sql import read_statements
from sinks.migrate import FOLDER

_SQL = read_statements(Path(__file__).parent / "doctor.sql")
_OLDEST_SERVER = 150_000
_CLOCKS_DIFFER_S = 5.0
_SETUP = "Run `protiv-buildertrend setup` with the owner's DATABASE_URL."
_GRANTS = "Run deploy/postgres/grants.sql as the owner; it belongs after every setup."


def database_checks(settings: Settings) -> list[Check]:
    """The checks in their order; all others need the first."""
    return [
        Check(
            "database",
            lambda: _database(settings),
            "See that Postgres runs and that DATABASE_URL has the right address, user and password.",
            ("settings",),
        ),
        Check("migrations", lambda: _migrations(settings), _SETUP, ("database",)),
        Check("roles", lambda: _roles(settings), _GRANTS, ("migrations",)),
        Check("clock", lambda: _clock(settings), "", ("database",)),
    ]


def _database(settings: Settings) -> str:
    with database_of(settings) as tx:
        version, role, _ = _row(tx, "server")
    if version < _OLDEST_SERVER:
        raise ProblemError(f"Postgres {version // 10_000} is too old.", "Use Postgres 15 or later.")
    return f"Postgres {version // 10_000}, as {role}"


def _migrations(settings: Settings) -> str:
    with database_of(settings) as tx:
        schemas = {str(name) for (name,) in tx.execute(_SQL["applied"])}
        for schema, folder in (("integration", MIGRATIONS), ("protiv", FOLDER)):
            applied = dict(tx.execute(_SQL[f"applied_{schema}"]).fetchall()) if schema in schemas else {}
            _compare(schema, folder, applied)
    return "both schemas are those of this version"


def _compare(schema: str, folder: Path, applied: dict[str, str]) -> None:
    known = {migration.name: migration for migration in read_migrations(folder)}
    missing = sorted(known.keys() - applied.keys())
    if missing:
        raise ProblemError(f"Schema {schema} lacks {', '.join(missing)}.", _SETUP)
    newer = sorted(applied.keys() - known.keys())
    if newer:
        raise ProblemError(
            f"Schema {schema} has {', '.join(newer)}, which this version does not know.",
            "Use the version that set the database up, or a newer one.",
        )
    changed = [name for name, migration in known.items() if applied[name] != migration.checksum]
    if changed:
        raise ProblemError(
            f"Migration {changed[0]} of schema {schema} differs from what was applied.",
            "Restore the file; put the change into a new migration.",
        )


def _roles(settings: Settings) -> str:
    with database_of(settings) as tx:
        if _row(tx, "readers") == (0,):
            raise ProblemError("The role protiv_reader does not exist.", _SETUP)
        lacking = tx.execute(_SQL["rights"]).fetchall()
        readers = [str(name) for (name,) in tx.execute(_SQL["secret_readers"])]
        hidden = tx.execute(_SQL["hidden"]).fetchall()
        (services,) = _row(tx, "service_roles")
    if lacking:
        role, relation, privilege = lacking[0]
        raise ProblemError(f"{role} may not {privilege} {relation}.", _GRANTS)
    if readers:
        raise ProblemError(
            f"{readers[0]} can read sealed secrets; only the poller's role may.",
            f"REVOKE SELECT ON integration.credentials FROM {readers[0]}, then run deploy/postgres/grants.sql.",
        )
    if hidden:
        role, table = hidden[0]
        raise ProblemError(f"A policy hides rows of protiv.{table} from {role}.", _GRANTS)
    return "a role for each service, with its rights" if services else "one role for everything"


def _clock(settings: Settings) -> str:
    with database_of(settings) as tx:
        before = datetime.now(UTC)
        at = _row(tx, "server")[2]
        after = datetime.now(UTC)
    apart = max((before - at).total_seconds(), (at - after).total_seconds(), 0.0)
    if apart > _CLOCKS_DIFFER_S:
        raise ProblemError(
            f"This machine's clock and the database's are {apart:.0f} s apart.",
            "Synchronise both (NTP): schedules and leases go by them.",
        )
    return "within 5 s of the database's"


def _row(tx: Transaction, name: str) -> tuple[Any, ...]:
    row = tx.execute(_SQL[name]).fetchone()
    assert row is not None
    return row
