"""How much a company has, and how long its reads took: what an estimate is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from psycopg.rows import class_row

from control.database import Transaction, statements

_SQL = statements("extents")


@dataclass(frozen=True, slots=True)
class Amounts:
    """Records as far as was published; `worked_jobs` are those with shifts in the days that were asked for,
    `budgeted_jobs` those with a line of a budget.
    """

    shifts: int
    users: int
    jobs: int
    worked_jobs: int
    budgeted_jobs: int


def amounts(tx: Transaction, company_id: str, *, from_day: date | None, to_day: date | None) -> Amounts:
    """How much there is, of shifts on these local days (null: no limit)."""
    values = {"company_id": company_id, "from_day": from_day, "to_day": to_day}
    with tx.cursor(row_factory=class_row(Amounts)) as cursor:
        return cursor.execute(_SQL["counts"], values).fetchone() or Amounts(0, 0, 0, 0, 0)


def durations(tx: Transaction, company_id: str) -> dict[str, float]:
    """Seconds of the newest run of each kind of read that came to its end in one attempt."""
    return {str(read): float(seconds) for read, seconds in tx.execute(_SQL["durations"], {"company_id": company_id})}
