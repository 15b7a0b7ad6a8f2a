"""The migrations of schema `protiv`: applied by `setup`, checked by the sink before it starts."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg.errors import UndefinedTable

from core.errors import ConfigurationError
from core.migrations import Extent, migrate, read_migrations
from core.postgres import connect
from sinks.database_errors import sorted_error
from sinks.statements import SCHEMA, SQL
from sinks.writer import SESSION

FOLDER = Path(__file__).parent / "migrations"


def migrate_protiv(database_url: str, *, extent: Extent = Extent.RUNNING) -> list[str]:
    """Bring schema `protiv` up to date; the names of the migrations applied now. Two may run at once."""
    try:
        return migrate(database_url, schema=SCHEMA, folder=FOLDER, extent=extent)
    except psycopg.Error as exc:
        raise sorted_error(exc) from exc


def check_migrated(database_url: str) -> None:
    """ConfigurationError if a migration of this version is not applied, RetriableError if Postgres does not answer."""
    try:
        with connect(database_url, SESSION) as connection:
            applied = {str(name) for name, _ in connection.execute(SQL["applied_migrations"])}
    except UndefinedTable:
        applied = set()
    except psycopg.Error as exc:
        raise sorted_error(exc) from exc
    for migration in read_migrations(FOLDER):
        if migration.name not in applied and not migration.waits_for_the_upgrade:
            raise ConfigurationError(
                f"Schema protiv lacks migration {migration.name}: run `protiv-buildertrend setup`."
            )
