"""The kinds of records that the control API edits, each as one declaration, and the filters of shifts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.datastructures import QueryParams

from sandbox import edits
from sandbox.company import Company
from sandbox.control_api import bodies
from sandbox.errors import RefusedError
from sandbox.model import BudgetLine, CostCode, Job, Shift, User, labour_cost_cents
from sandbox.shift_views import codes_of, cost_code_titles, shifts_in_order
from sandbox.wire.values import amount, minutes_number

R = TypeVar("R", Job, User, CostCode, BudgetLine, Shift)


@dataclass(frozen=True, slots=True)
class Resource(Generic[R]):
    """One editable kind; `delete` None means that Buildertrend offers no deletion."""

    path: str
    kind: type[R]
    new_body: type[bodies.Body]
    change_body: type[bodies.Body]
    create: Callable[[Company, dict[str, Any]], R]
    change: Callable[[Company, R, dict[str, Any]], R]
    delete: Callable[[Company, R], None] | None
    listed: Callable[[Company, QueryParams], Iterable[R]]
    as_json: Callable[[Company, R], dict[str, object]]


def in_record_terms(given: Mapping[str, object]) -> dict[str, Any]:
    """Body fields under the record's names: parsed dollars are cents, and named so, and so are parts of an hour."""
    in_dollars = {"rate", "contract", "labor_cost", "original", "revised", "committed", "actual", "projected"}
    names = {name: f"{name}_cents" for name in in_dollars} | {"cost_code_minutes": "code_ten_thousandths"}
    return {names.get(name, name): value for name, value in given.items()}


def _plain_json(record: Job | User | CostCode | BudgetLine | Shift) -> dict[str, object]:
    values: dict[str, object] = {}
    for name in edits.field_names(type(record)):
        value = getattr(record, name)
        values[name.removesuffix("_cents")] = amount(value) if name.endswith("_cents") else value
    return values


def shift_json(company: Company, shift: Shift) -> dict[str, object]:
    job, user = company.jobs.get(shift.job_id), company.users.get(shift.user_id)
    plain = _plain_json(shift)
    del plain["code_ten_thousandths"]
    return {
        **plain,
        "cost_code_minutes": [minutes_number(code.ten_thousandths) for code in codes_of(company, shift)],
        "job_name": None if job is None else job.name,
        "user_name": None if user is None else user.name,
        "cost_code_titles": cost_code_titles(company, shift),
        "builder_cost": amount(labour_cost_cents(shift)),
    }


def listed_shifts(company: Company, query: QueryParams) -> Iterable[Shift]:
    """Newest first. Filters: job_id, user_id, from, to (local days), open=true, text (in names, notes, titles)."""
    numbers = {name: _number(query, name) for name in ("job_id", "user_id")}
    first, last, text = query.get("from", ""), query.get("to", "9999"), query.get("text", "").casefold()
    only_open = query.get("open") == "true"
    for shift in shifts_in_order(company, "1", descending=True):
        if any(number is not None and getattr(shift, name) != number for name, number in numbers.items()):
            continue
        if not first <= shift.time_in[:10] <= last or (only_open and shift.time_out is not None):
            continue
        if not text or text in _searchable(company, shift):
            yield shift


def _searchable(company: Company, shift: Shift) -> str:
    job, user = company.jobs.get(shift.job_id), company.users.get(shift.user_id)
    names = [job.name if job else "", user.name if user else "", shift.notes, *cost_code_titles(company, shift)]
    return "\n".join([*names, str(shift.id)]).casefold()


def _listed_budget_lines(company: Company, query: QueryParams) -> Iterable[BudgetLine]:
    job_id = _number(query, "job_id")
    return (line for line in company.budget_lines.values() if job_id in (None, line.job_id))


def _number(query: QueryParams, name: str) -> int | None:
    value = query.get(name)
    if not value:
        return None
    try:
        return int(value)
    except ValueError as error:
        raise RefusedError(f"{name} must be a number.") from error


SHIFTS = Resource(
    "shifts",
    Shift,
    new_body=bodies.NewShift,
    change_body=bodies.ShiftChange,
    create=edits.new_shift,
    change=lambda company, shift, changes: edits.save_shift(company, shift, {**changes, "was_edited": True}),
    delete=Company.remove,
    listed=listed_shifts,
    as_json=shift_json,
)
JOBS = Resource(
    "jobs",
    Job,
    new_body=bodies.NewJob,
    change_body=bodies.JobChange,
    create=edits.new_job,
    change=edits.save_job,
    delete=edits.delete_job,
    listed=lambda company, _: company.jobs.values(),
    as_json=lambda _, job: _plain_json(job),
)
USERS = Resource(
    "users",
    User,
    new_body=bodies.NewUser,
    change_body=bodies.UserChange,
    create=edits.new_user,
    change=edits.save_user,
    delete=edits.delete_user,
    listed=lambda company, _: company.users.values(),
    as_json=lambda _, user: {**_plain_json(user), "name": user.name},
)
COST_CODES = Resource(
    "cost-codes",
    CostCode,
    new_body=bodies.NewCostCode,
    change_body=bodies.CostCodeChange,
    create=edits.new_cost_code,
    change=edits.save_cost_code,
    delete=None,
    listed=lambda company, _: company.cost_codes.values(),
    as_json=lambda _, code: {**_plain_json(code), "title": code.title},
)
BUDGET_LINES = Resource(
    "budget-lines",
    BudgetLine,
    new_body=bodies.NewBudgetLine,
    change_body=bodies.BudgetLineChange,
    create=edits.new_budget_line,
    change=edits.save_budget_line,
    delete=Company.remove,
    listed=_listed_budget_lines,
    as_json=lambda _, line: _plain_json(line),
)

RESOURCES: dict[str, Resource[Any]] = {one.path: one for one in (SHIFTS, JOBS, USERS, COST_CODES, BUDGET_LINES)}
