"""Counts of a company as its wire endpoints show them: those that a complete copy must reach."""

from __future__ import annotations

from sandbox.company import Company
from sandbox.wire.budgets import codes_by_job, lines_by_job


def summary_of(company: Company) -> dict[str, int]:
    """`budgets` counts (job, cost code) pairs; `minutes` sums what was worked over all shifts."""
    return company.derived("summary", lambda: _count(company))


def _count(company: Company) -> dict[str, int]:
    budgets = {(line.job_id, line.cost_code_id) for lines in lines_by_job(company).values() for line in lines}
    return {
        "jobs": len(company.jobs),
        "time_entries": len(company.shifts),
        "budgets": len(budgets),
        "users": len(company.users),
        "cost_codes": len({code.id for codes in codes_by_job(company).values() for code in codes}),
        "minutes": sum(shift.worked_minutes for shift in company.shifts.values()),
    }
