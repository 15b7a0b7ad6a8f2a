"""Edits a person makes in Buildertrend, checked the way its pages check them; each is one write of the company.

Every function takes plain field values by the record's own names and raises RefusedError with a sentence for people.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar, cast

from sandbox.company import Company
from sandbox.errors import NotFoundError, RefusedError
from sandbox.model import (
    GENERAL_JOB_ID,
    STATUS_CLOSED,
    STATUS_OPEN,
    BudgetLine,
    CostCode,
    Job,
    Record,
    Shift,
    User,
)
from sandbox.wall_time import elapsed_minutes

R = TypeVar("R", Job, User, CostCode, BudgetLine, Shift)

_WORDS: dict[type[Record], str] = {
    Job: "job",
    User: "user",
    CostCode: "cost code",
    BudgetLine: "budget line",
    Shift: "shift",
}
_CLOCK_FIELDS = {"time_in", "time_out", "break_minutes", "overtime_minutes", "double_overtime_minutes"}
_APPROVED_AT = "T16:43:54.66"


def find(company: Company, kind: type[R], record_id: int) -> R:
    """Raises NotFoundError when the company has no such record."""
    record = _table(company, kind).get(record_id)
    if record is None:
        raise NotFoundError(f"There is no {_WORDS[kind]} {record_id}.")
    return record


def save_shift(company: Company, before: Shift, changes: dict[str, Any]) -> Shift:
    """A changed or new shift. Its minutes follow from its times unless they are stated."""
    shift = replace(before, **changes)
    if "regular_minutes" not in changes and _CLOCK_FIELDS & changes.keys():
        shift = replace(shift, regular_minutes=_regular_minutes(company, shift))
    if "code_ten_thousandths" not in changes and shift.code_ten_thousandths:
        shift = replace(shift, code_ten_thousandths=_shared_again(before, shift))
    if shift.is_approved and not before.is_approved and "approved_at" not in changes:
        shift = replace(shift, approved_at=(shift.time_out or shift.time_in)[:10] + _APPROVED_AT)
    _check_shift(company, shift)
    company.put(shift)
    return shift


def new_shift(company: Company, values: dict[str, Any]) -> Shift:
    user = find(company, User, values["user_id"])
    blank = Shift(
        company.next_id(Shift), values["job_id"], user.id, values["time_in"], None, 0, 0, 0, user.labor_cost_cents,
        cost_code_ids=(), is_flat_rate=False, notes="", tags=(), is_approved=False, was_edited=False,
    )  # fmt: skip
    return save_shift(company, blank, values)


def _regular_minutes(company: Company, shift: Shift) -> int:
    if shift.time_out is None:
        return 0
    elapsed = elapsed_minutes(shift.time_in, shift.time_out, time_zone=company.profile.time_zone)
    return elapsed - shift.break_minutes - shift.overtime_minutes - shift.double_overtime_minutes


def _shared_again(before: Shift, shift: Shift) -> tuple[int, ...]:
    """The codes' parts after an edit: in the old proportion, or equal ones (empty) where the codes are others."""
    codes = [(one.cost_code_ids, one.is_flat_rate) for one in (before, shift)]
    if codes[0] != codes[1]:
        return ()
    if shift.worked_minutes == before.worked_minutes or not before.worked_minutes:
        return shift.code_ten_thousandths
    return tuple(part * shift.worked_minutes // before.worked_minutes for part in shift.code_ten_thousandths)


def _check_shift(company: Company, shift: Shift) -> None:
    find(company, Job, shift.job_id)
    find(company, User, shift.user_id)
    for code_id in shift.cost_code_ids:
        find(company, CostCode, code_id)
    codes = len(shift.cost_code_ids) + shift.is_flat_rate
    if shift.code_ten_thousandths and len(shift.code_ten_thousandths) != codes:
        raise RefusedError(f"The shift has {codes} cost codes: state the minutes of each, the flat rate's last.")
    if shift.time_out is None:
        return
    if elapsed_minutes(shift.time_in, shift.time_out, time_zone=company.profile.time_zone) <= 0:
        raise RefusedError("The shift ends before it begins: time_out must be after time_in.")
    if shift.regular_minutes < 0:
        raise RefusedError("Break and overtime together are longer than the shift.")


def save_job(company: Company, before: Job, changes: dict[str, Any]) -> Job:
    """A changed or new job; stating a status sets the closed flag too, unless it is stated itself."""
    if "status" in changes and "is_closed" not in changes:
        changes = {**changes, "is_closed": changes["status"] == STATUS_CLOSED}
    job = replace(before, **changes)
    company.put(job)
    return job


def new_job(company: Company, values: dict[str, Any]) -> Job:
    blank = Job(
        company.next_id(Job), values["name"], "", STATUS_OPEN, is_closed=False, street="", city="", postal_code="",
        opened_on=None, projected_start_on=None, actual_start_on=None, projected_close_on=None, project_managers=(),
        contract_cents=0,
    )  # fmt: skip
    return save_job(company, blank, values)


def delete_job(company: Company, job: Job) -> None:
    """Delete a job with its shifts, budget and worksheet, as Buildertrend does."""
    if job.id == GENERAL_JOB_ID:
        raise RefusedError("The General job cannot be deleted.")
    for table in (company.shifts, company.budget_lines, company.worksheet_lines):
        for record in [one for one in table.values() if one.job_id == job.id]:
            company.remove(record)
    company.remove(job)


def save_user(company: Company, before: User, changes: dict[str, Any]) -> User:
    user = replace(before, **changes)
    company.put(user)
    return user


def new_user(company: Company, values: dict[str, Any]) -> User:
    return save_user(
        company, User(company.next_id(User), "", "", "", "", "", is_active=True, labor_cost_cents=0), values
    )


def delete_user(company: Company, user: User) -> None:
    if any(shift.user_id == user.id for shift in company.shifts.values()):
        raise RefusedError("This user has shifts and cannot be deleted: make the user inactive instead.")
    company.remove(user)


def save_cost_code(company: Company, before: CostCode, changes: dict[str, Any]) -> CostCode:
    code = replace(before, **changes)
    company.put(code)
    return code


def new_cost_code(company: Company, values: dict[str, Any]) -> CostCode:
    return save_cost_code(company, CostCode(company.next_id(CostCode), "", "", "Other"), values)


def save_budget_line(company: Company, before: BudgetLine, changes: dict[str, Any]) -> BudgetLine:
    line = replace(before, **changes)
    company.put(line)
    return line


def new_budget_line(company: Company, values: dict[str, Any]) -> BudgetLine:
    """A new line; its revised and projected amounts are the original one unless they are stated."""
    job, code = find(company, Job, values["job_id"]), find(company, CostCode, values["cost_code_id"])
    if any(line.job_id == job.id and line.cost_code_id == code.id for line in company.budget_lines.values()):
        raise RefusedError(f"Job {job.id} has a budget line for cost code {code.id} already: change that one.")
    original = values["original_cents"]
    blank = BudgetLine(company.next_id(BudgetLine), job.id, code.id, original, original, 0, 0, original)
    return save_budget_line(company, blank, values)


def field_names(kind: type[Record]) -> list[str]:
    return [field.name for field in fields(kind)]


def _table(company: Company, kind: type[R]) -> dict[int, R]:
    tables: dict[type[Record], object] = {
        Job: company.jobs,
        User: company.users,
        CostCode: company.cost_codes,
        BudgetLine: company.budget_lines,
        Shift: company.shifts,
    }
    return cast(dict[int, R], tables[kind])
