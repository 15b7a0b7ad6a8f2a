"""Up to when each entity of a company is known to be complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from psycopg.rows import class_row

from control.database import Transaction, Writing, statements
from control.runs import RunId
from control.suspicions import put_suspicions

_SQL = statements("entity_reads")


@dataclass(frozen=True, slots=True)
class CompleteRead:
    """A read that came to its end: what changed before `through` is published, of shifts from local day `from_day` on.

    `whole`: it left nothing out (initial and full reads). `to_day`: it ended there; later days are not covered.
    `records`: how many rows the source stated. `looks_wrong`: what an operator said to be true all the same, as
    sentences by rule (see control.suspicions).
    """

    entity: str
    through: datetime
    from_day: date | None
    whole: bool
    to_day: date | None = None
    records: int | None = None
    looks_wrong: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IncompleteRead:
    """A read that reached its end although the source did not show everything; `message`: what was missing.

    `whole`: it was to leave nothing out. `looks_wrong`: what looked wrong, as sentences by rule; None if it did not
    come so far that anybody could tell.
    """

    entity: str
    message: str
    whole: bool
    looks_wrong: Mapping[str, str] | None = None


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
            "records": read.records,
        },
    )
    tx.execute(_SQL["made_good"], {"company_id": run.company_id, "entity": read.entity, "whole": read.whole})
    put_suspicions(tx, run, read.entity, read.looks_wrong, whole=read.whole)


def put_incomplete(tx: Writing, run: RunId, read: IncompleteRead) -> None:
    """Note it until a complete read of as much makes it good; up to when the entity is complete stays as it was."""
    values = {"company_id": run.company_id, "run_id": run.run_id}
    tx.execute(_SQL["put_incomplete"], values | {"entity": read.entity, "message": read.message, "whole": read.whole})
    if read.looks_wrong is not None:
        put_suspicions(tx, run, read.entity, read.looks_wrong, whole=read.whole)


def last_records(tx: Transaction, company_id: str, entity: str, *, whole: bool) -> int | None:
    """How many rows the source stated in the newest complete read of as much; None if none said so."""
    row = tx.execute(_SQL["records"], {"company_id": company_id, "entity": entity, "whole": whole}).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def plan_retry(tx: Transaction, run: RunId, *, first_s: float, longest_s: float) -> float | None:
    """Set when what the run could not read wholly is read again: the pause in seconds, doubled with each try.

    None if everything was complete.
    """
    values = {"company_id": run.company_id, "run_id": run.run_id, "first_s": first_s, "longest_s": longest_s}
    row = tx.execute(_SQL["plan_retry"], values).fetchone()
    return None if row is None or row[0] is None else float(row[0])


def wants_whole_read(tx: Transaction, company_id: str) -> bool:
    """Whether it is time to read everything again, as an earlier read of everything was incomplete."""
    row = tx.execute(_SQL["wants_whole"], {"company_id": company_id}).fetchone()
    return row is not None and bool(row[0])


def freshness(tx: Transaction, company_id: str) -> dict[str, EntityFreshness]:
    """By entity; one that was never read to its end is missing."""
    with tx.cursor(row_factory=class_row(EntityFreshness)) as cursor:
        rows = cursor.execute(_SQL["list"], {"company_id": company_id}).fetchall()
    return {row.entity: row for row in rows}
