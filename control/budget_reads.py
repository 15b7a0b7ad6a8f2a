"""When each job's budget was read last, and how things stood then. See producers.buildertrend.reads.budget_watch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from control.database import Transaction, statements

_SQL = statements("budget_reads")


@dataclass(frozen=True, slots=True)
class BudgetRead:
    """One job's budget when it was read last."""

    job_id: int
    report_row: bytes | None
    budget: bytes
    shifts_version: int
    read_at: datetime
    fruitless: int


def budget_reads(tx: Transaction, company_id: str, *, in_doubt: Sequence[bytes]) -> list[BudgetRead]:
    """Of all jobs, save those with a line whose fingerprint is one of `in_doubt`."""
    with tx.cursor(row_factory=class_row(BudgetRead)) as cursor:
        values = {"company_id": company_id, "in_doubt": list(in_doubt)}
        return cursor.execute(_SQL["known"], values).fetchall()


def newest_shift_versions(tx: Transaction, company_id: str) -> dict[int, int]:
    """The newest version of each job's published shifts."""
    rows = tx.execute(_SQL["shifts"], {"company_id": company_id})
    return {int(job_id): int(version) for job_id, version in rows if job_id.isdecimal()}


def listed_codes(tx: Transaction, company_id: str, *, in_doubt: Sequence[bytes]) -> set[str]:
    """Cost codes that are published as a list states them."""
    rows = tx.execute(_SQL["codes"], {"company_id": company_id, "in_doubt": list(in_doubt)})
    return {str(entity_id) for (entity_id,) in rows}


def put_budget_reads(tx: Transaction, company_id: str, reads: Sequence[BudgetRead], *, at: datetime) -> None:
    """Store how jobs' budgets were read just now."""
    values = {
        "company_id": company_id,
        "read_at": at,
        "job_ids": [one.job_id for one in reads],
        "report_rows": [one.report_row for one in reads],
        "budgets": [one.budget for one in reads],
        "shifts_versions": [one.shifts_version for one in reads],
        "fruitless": [one.fruitless for one in reads],
    }
    tx.execute(_SQL["put"], values)


def forget_budget_reads(tx: Transaction, company_id: str, job_ids: Collection[int]) -> None:
    """Let these jobs' budgets be read by the next read."""
    tx.execute(_SQL["forget"], {"company_id": company_id, "job_ids": list(job_ids)})
