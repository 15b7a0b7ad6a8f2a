"""Runs a page's statements: rows as the dataclass or the dict that they fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from psycopg.rows import class_row, dict_row

from control.database import Transaction
from core.sql import read_statements
from reports.visibility import require_all_rows

T = TypeVar("T")
Row = dict[str, Any]
_QUERIES = Path(__file__).parents[1] / "queries"


def queries(name: str) -> Mapping[str, bytes]:
    """The named statements of `console/queries/<name>.sql`."""
    return read_statements(_QUERIES / f"{name}.sql")


def rows_of(tx: Transaction, kind: type[T], statement: bytes, **values: Any) -> list[T]:
    with tx.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(statement, values).fetchall()


def row_of(tx: Transaction, kind: type[T], statement: bytes, **values: Any) -> T | None:
    with tx.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(statement, values).fetchone()


def plain_rows(tx: Transaction, statement: bytes, **values: Any) -> list[Row]:
    with tx.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()


def set_tenant(tx: Transaction, company_id: str) -> None:
    """Rows of this company are read from here on; ConfigurationError where a policy hides some of this role."""
    require_all_rows(tx)
    tx.execute("SELECT set_config('protiv.company_id', %s, true)", [company_id])
