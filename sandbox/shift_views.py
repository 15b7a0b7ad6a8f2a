"""Shifts in an order, and the names that a shift shows of its job, worker and cost codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.company import Company
from sandbox.model import FLAT_RATE_TITLE, Shift, ten_thousandths

_ORDERS: dict[str, Callable[[Company, Shift], tuple[str, int]]] = {
    "1": lambda _, shift: (shift.time_in, shift.id),
    "2": lambda company, shift: (worker_name(company, shift), shift.id),
    "11": lambda company, shift: (job_name(company, shift), shift.id),
}
SORT_COLUMNS = _ORDERS.keys()


def shifts_in_order(company: Company, column: str, *, descending: bool) -> list[Shift]:
    """All shifts by time-in ("1"), worker ("2") or job ("11"), then by id."""
    order = _ORDERS[column]
    return company.derived(
        ("shift-order", column, descending),
        lambda: sorted(company.shifts.values(), key=lambda shift: order(company, shift), reverse=descending),
    )


@dataclass(frozen=True, slots=True)
class ShiftCode:
    """A cost code of a shift and its part of the shift's time."""

    id: int
    title: str
    ten_thousandths: int


def flat_rate_id(company: Company) -> int:
    """The id of the flat-rate code: lower than that of any code of the company (T7)."""
    return 100_000 + company.profile.builder_id % 800_000


def codes_of(company: Company, shift: Shift) -> list[ShiftCode]:
    """The shift's codes in their order, the flat-rate one last."""
    named = [(code_id, company.cost_codes[code_id].title) for code_id in shift.cost_code_ids]
    if shift.is_flat_rate:
        named.append((flat_rate_id(company), FLAT_RATE_TITLE))
    parts = shift.code_ten_thousandths or _equal_parts(shown_in_codes(company, shift), len(named))
    return [ShiftCode(code_id, title, part) for (code_id, title), part in zip(named, parts, strict=True)]


def shown_in_codes(company: Company, shift: Shift) -> int:
    """Minutes that the codes share: with or without double overtime (T5)."""
    outside = 0 if company.switches.double_overtime_in_codes else shift.double_overtime_minutes
    return shift.worked_minutes - outside


def _equal_parts(minutes: int, count: int) -> list[int]:
    return [ten_thousandths(minutes, among=count)] * count if count else []


def cost_code_titles(company: Company, shift: Shift) -> list[str]:
    return [code.title for code in codes_of(company, shift)]


def regular_minutes(company: Company, shift: Shift) -> int:
    """Regular time as it is shown: with or without paid absence (T9)."""
    return shift.regular_minutes + (shift.pto_minutes if company.switches.pto_in_regular_time else 0)


def job_name(company: Company, shift: Shift) -> str:
    job = company.jobs.get(shift.job_id)
    return "" if job is None else job.name


def worker_name(company: Company, shift: Shift) -> str:
    user = company.users.get(shift.user_id)
    return "" if user is None else user.name
