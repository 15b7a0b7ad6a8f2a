"""Whether this database role sees every row of schema protiv: a count that a policy hides must never be shown as 0."""

from __future__ import annotations

from pathlib import Path

from control.database import Transaction
from core.errors import ConfigurationError
from core.sql import read_statements
from reports.tables import TABLES

_SQL = read_statements(Path(__file__).parent / "queries" / "visibility.sql")


def require_all_rows(tx: Transaction) -> None:
    """Return if nothing hides rows from this role; else ConfigurationError with what to set.

    A role is not bound with BYPASSRLS, as the owner, or by a policy that shows it every row.
    """
    row = tx.execute(_SQL["hidden"], {"tables": TABLES}).fetchone()
    if row is not None:
        role, tables = row
        raise ConfigurationError(
            f"Row-level security hides rows of schema protiv ({', '.join(tables)}) from {role}, the role of "
            "DATABASE_URL, so that counts would be too low: use the role protiv_console of deploy/postgres/roles.sh, "
            "or give yours BYPASSRLS."
        )
