"""What is in Protiv's tables for a company: counts, and examples for people."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from control.database import COMMAND, translated_errors
from core.postgres import connect
from core.settings import Settings
from core.sql import read_statements
from reports.tables import Statement, stored_counts, stored_minutes
from schemas.entities import ENTITIES

_SQL = read_statements(Path(__file__).parent / "queries.sql")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Contents:
    """Live rows by table, and worked minutes."""

    counts: dict[str, int]
    links: list[Row]
    entries: list[Row]
    labor: list[Row]


def counts(settings: Settings, company_id: str) -> dict[str, int]:
    """Live rows by table, and `minutes` worked."""
    found = {row["entity"]: row for row in _query(settings, stored_counts(), company_ids=[company_id])}
    rows = {one.table: int(found[one.name]["records"]) if one.name in found else 0 for one in ENTITIES}
    return {
        **rows,
        "minutes": sum(int(row["minutes"]) for row in _query(settings, stored_minutes(), company_id=company_id)),
    }


def contents(settings: Settings, company_id: str) -> Contents:
    """Counts, link states, a few linked time entries, and budget against actual hours of three jobs."""
    return Contents(
        counts(settings, company_id),
        _query(settings, _SQL["links"], company_id=company_id),
        _query(settings, _SQL["entries"], company_id=company_id),
        _query(settings, _SQL["labor"], company_id=company_id),
    )


def hours(minutes: int | Decimal) -> str:
    """Minutes as hours with one decimal, for people."""
    return f"{Decimal(minutes) / 60:,.1f} h"


def _query(settings: Settings, statement: Statement, **values: object) -> list[Row]:
    with translated_errors():
        connection = connect(settings.database_url.get_secret_value(), COMMAND)
        with closing(connection), connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, values).fetchall()
