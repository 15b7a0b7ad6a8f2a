"""Up to when each entity of a company is known to be complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row

from control.database import Transaction, Writing, statements
from control.runs import RunId

_SQL = statements("entity_reads")


@dataclass(frozen=True, slots=True)
class CompleteRead:
    """A read that came to its end: what changed before `through` is published, of shifts from local day `from_day` on.

    `whole`: it left nothing out (initial and full reads). `to_day`: it ended there; of later days it says nothing.
    """

    entity: str
    through: datetime
    from_day: date | None
    whole: bool
    to_day: date | None = None


@dataclass(frozen=True, slots=True)
class EntityFreshness:
    """What is known of an entity; the `whole_` fields are those of the newest read that left nothing out."""

    entity: str
    complete_through: datetime
    from_day: date | None
    run_id: str
    whole_through: datetime | None
    whole_run_id: str | None


def put_complete(tx: Writing, run: RunId, read: CompleteRead) -> None:
    """Note that a read of the run came to its end; one that ended at a day of the past says nothing of now."""
    if read.to_day is not None:
        return
    tx.execute(
        _SQL["put"],
        {
            "company_id": run.company_id,
            "run_id": run.run_id,
            "entity": read.entity,
            "complete_through": read.through,
            "from_day": read.from_day,
            "whole": read.whole,
        },
    )


def freshness(tx: Transaction, company_id: str) -> dict[str, EntityFreshness]:
    """By entity; one that was never read to its end is missing."""
    with tx.cursor(row_factory=class_row(EntityFreshness)) as cursor:
        rows = cursor.execute(_SQL["list"], {"company_id": company_id}).fetchall()
    return {row.entity: row for row in rows}
