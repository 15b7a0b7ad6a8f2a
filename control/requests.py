"""How many requests each company took of Buildertrend, by local day, read and kind of endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from psycopg.rows import class_row

from control.database import Transaction, statements

_SQL = statements("requests")


@dataclass(frozen=True, slots=True)
class DayRequests:
    """Requests of one local day."""

    day: date
    read: str
    kind: str
    requests: int


def add_requests(tx: Transaction, company_id: str, day: date, counts: Mapping[tuple[str, str], int]) -> None:
    """Add to a day's counts by (read, kind); days of long ago are forgotten."""
    values = {
        "company_id": company_id,
        "day": day,
        "reads": [read for read, _ in counts],
        "kinds": [kind for _, kind in counts],
        "requests": list(counts.values()),
    }
    tx.execute(_SQL["add"], values)
    tx.execute(_SQL["drop_old"], {"company_id": company_id, "day": day})


def requests_of_days(tx: Transaction, company_id: str, first: date, last: date) -> list[DayRequests]:
    """By day, read and kind; a day without requests has no row."""
    with tx.cursor(row_factory=class_row(DayRequests)) as cursor:
        values = {"company_id": company_id, "first": first, "last": last}
        return cursor.execute(_SQL["of_days"], values).fetchall()
