"""How often each company's answers bore out and contradicted the facts that the adapter relies on: counts alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from control.database import Transaction, statements

_SQL = statements("evidence")


@dataclass(frozen=True, slots=True)
class FactEvidence:
    """Counts of one fact; the times are those of runs' ends, None if none contradicted it."""

    company_id: str
    fact: str
    held: int
    contradicted: int
    first_contradicted_at: datetime | None
    last_contradicted_at: datetime | None


def add_evidence(tx: Transaction, company_id: str, counts: Mapping[str, tuple[int, int]], *, at: datetime) -> None:
    """Add a run's counts: by number of the fact, how often it held and how often it was contradicted."""
    if counts:
        values = {
            "company_id": company_id,
            "facts": list(counts),
            "held": [held for held, _ in counts.values()],
            "contradicted": [contradicted for _, contradicted in counts.values()],
            "at": at,
        }
        tx.execute(_SQL["add"], values)


def evidence_of(tx: Transaction, company_ids: Collection[str]) -> list[FactEvidence]:
    """All that was counted of these companies."""
    with tx.cursor(row_factory=class_row(FactEvidence)) as cursor:
        return cursor.execute(_SQL["of_companies"], {"company_ids": list(company_ids)}).fetchall()
