"""Shifts in an order, and the names that a shift shows of its job, worker and cost codes."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.company import Company
from sandbox.model import FLAT_RATE_TITLE, Shift

_ORDERS: dict[str, Callable[[Company, Shift], tuple[str, int]]] = {
    "1": lambda _, shift: (shift.time_in, shift.id),
    "2": lambda company, shift: (worker_name(company, shift), shift.id),
    "3": lambda company, shift: (job_name(company, shift), shift.id),
}
SORT_COLUMNS = _ORDERS.keys()


def shifts_in_order(company: Company, column: str, *, descending: bool) -> list[Shift]:
    """All shifts by time-in ("1"), worker ("2") or job ("3"), then by id."""
    order = _ORDERS[column]
    return company.derived(
        ("shift-order", column, descending),
        lambda: sorted(company.shifts.values(), key=lambda shift: order(company, shift), reverse=descending),
    )


def cost_code_titles(company: Company, shift: Shift) -> list[str]:
    if shift.is_flat_rate:
        return [FLAT_RATE_TITLE]
    return [company.cost_codes[code_id].title for code_id in shift.cost_code_ids if code_id in company.cost_codes]


def job_name(company: Company, shift: Shift) -> str:
    job = company.jobs.get(shift.job_id)
    return "" if job is None else job.name


def worker_name(company: Company, shift: Shift) -> str:
    user = company.users.get(shift.user_id)
    return "" if user is None else user.name
