"""Counts of a company as its wire endpoints show them: those that a complete copy must reach."""

from __future__ import annotations

from sandbox.company import Company
from sandbox.shift_views import codes_of
from sandbox.wire.budgets import codes_by_job, lines_by_job


def summary_of(company: Company) -> dict[str, int]:
    """`budgets` counts (job, cost code) pairs; `minutes` sums what was worked over all shifts."""
    return company.derived("summary", lambda: _count(company))


def _count(company: Company) -> dict[str, int]:
    budgets = {(line.job_id, line.cost_code_id) for lines in lines_by_job(company).values() for line in lines}
    listed = {code.id for codes in codes_by_job(company).values() for code in codes}
    return {
        "jobs": len(company.jobs),
        "time_entries": len(company.shifts),
        "budgets": len(budgets),
        "users": len(company.users),
        "cost_codes": len(listed | _named_by_shifts(company)),
        "minutes": sum(shift.worked_minutes for shift in company.shifts.values()),
    }


def _named_by_shifts(company: Company) -> set[int]:
    """Shifts name codes that no list has, the flat-rate one first of all (C2, T7)."""
    return {code.id for shift in company.shifts.values() for code in codes_of(company, shift)}
