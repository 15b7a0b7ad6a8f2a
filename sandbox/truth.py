"""The true records of a company, entity by entity, however its endpoints misbehave: what a copy must be equal to.

Values are plain: ids as text, money in cents, durations in minutes, times as local wall-clock text, None for "none".
"""

from __future__ import annotations

from collections import Counter

from sandbox.company import Company
from sandbox.model import LINE_SELECTION, BudgetLine, CostCode, Job, Shift, User, labour_cost_cents
from sandbox.shift_views import codes_of, cost_code_titles, job_name, regular_minutes, worker_name
from sandbox.split import whole_minutes
from sandbox.wire.budgets import codes_by_job, lines_by_job

Fields = dict[str, object]
Truth = dict[str, dict[str, Fields]]


def truth_of(company: Company) -> Truth:
    """For `jobs`, `users`, `cost-codes`, `budgets` and `time-entries`: each record's fields by its id.

    Cost codes are those that some budget of the company can show or a shift names; the General job is one of the jobs.
    """
    codes = {code.id: _cost_code(code) for shown in codes_by_job(company).values() for code in shown}
    for shift in company.shifts.values():
        for named in codes_of(company, shift):
            known = company.cost_codes.get(named.id)
            codes.setdefault(named.id, {"code": None, "title": named.title} if known is None else _cost_code(known))
    lines = [line for of_job in lines_by_job(company).values() for line in of_job]
    return {
        "jobs": {str(job.id): _job(job) for job in company.jobs.values()},
        "users": {str(user.id): _user(user) for user in company.users.values()},
        "cost-codes": {str(code_id): code for code_id, code in codes.items()},
        "budgets": {f"{line.job_id}:{line.cost_code_id}": _budget(company, line) for line in lines},
        "time-entries": {str(shift.id): _time_entry(company, shift) for shift in company.shifts.values()},
    }


def _job(job: Job) -> Fields:
    return {
        "name": job.name,
        "number": job.number,
        "status": job.status,
        "street": job.street,
        "opened_on": job.opened_on,
        "projected_start_on": job.projected_start_on,
        "actual_start_on": job.actual_start_on,
        "projected_close_on": job.projected_close_on,
    }


def _user(user: User) -> Fields:
    return {
        "name": user.name,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "phone": user.phone,
        "role": user.role,
        "is_active": user.is_active,
        "labor_cost_cents": user.labor_cost_cents or None,
    }


def _cost_code(code: CostCode) -> Fields:
    return {"code": code.code, "title": code.title}


def _budget(company: Company, line: BudgetLine) -> Fields:
    code = company.cost_codes[line.cost_code_id]
    return {
        "job_id": str(line.job_id),
        "cost_code_id": str(line.cost_code_id),
        "cost_code_title": code.title,
        "category": code.category,
        "original_cents": line.original_cents,
        "revised_cents": line.revised_cents,
        "budgeted_minutes": _budgeted_minutes(company, line.job_id, code.title),
    }


def _budgeted_minutes(company: Company, job_id: int, title: str) -> int | None:
    """Minutes of the worksheet's lines in hours with this title; None without any, or if two budget lines share it."""
    stated = company.derived(f"stated-minutes/{job_id}", lambda: _stated_minutes(company, job_id))
    shared = company.derived(f"budget-titles/{job_id}", lambda: _budget_titles(company, job_id))
    return stated.get(title) if shared[title] == 1 else None


def _stated_minutes(company: Company, job_id: int) -> dict[str, int]:
    hundredths: Counter[str] = Counter()
    for line in company.worksheet_lines.values():
        code = company.cost_codes.get(line.cost_code_id or 0)
        if line.job_id == job_id and code is not None and line.unit == "HR" and line.line_type != LINE_SELECTION:
            hundredths[code.title] += line.quantity_hundredths
    # Hundredths of an hour are multiples of 0.6 minutes, so that none is halfway between two minutes.
    return {title: (60 * total + 50) // 100 for title, total in hundredths.items()}


def _budget_titles(company: Company, job_id: int) -> Counter[str]:
    return Counter(company.cost_codes[line.cost_code_id].title for line in lines_by_job(company)[job_id])


def _time_entry(company: Company, shift: Shift) -> Fields:
    return {
        "job_id": str(shift.job_id),
        "job_name": job_name(company, shift),
        "user_id": str(shift.user_id),
        "user_name": worker_name(company, shift),
        "time_in": shift.time_in,
        "time_out": shift.time_out,
        "break_minutes": shift.break_minutes,
        "regular_minutes": regular_minutes(company, shift),
        "overtime_minutes": shift.overtime_minutes,
        "double_overtime_minutes": shift.double_overtime_minutes,
        "pto_minutes": shift.pto_minutes,
        "rate_cents": shift.rate_cents,
        "labor_cost_cents": labour_cost_cents(shift),
        "cost_code_ids": [str(code.id) for code in codes_of(company, shift)],
        "cost_code_titles": cost_code_titles(company, shift),
        "minutes_by_code": _minutes_by_code(company, shift),
        "notes": shift.notes,
        "tags": list(shift.tags),
        "is_approved": shift.is_approved,
        "approved_at": shift.approved_at if shift.is_approved else None,
    }


def _minutes_by_code(company: Company, shift: Shift) -> dict[str, int]:
    """Whole minutes of each code, adding up to the shift's; a single code has all. Empty where nothing tells."""
    codes = codes_of(company, shift)
    worked = regular_minutes(company, shift) + shift.overtime_minutes + shift.double_overtime_minutes
    if len({code.id for code in codes}) == 1:
        return {str(codes[0].id): worked}
    if company.switches.shift_code_minutes != "stated":
        return {}
    shares = whole_minutes([(code.id, code.ten_thousandths) for code in codes], worked)
    return {str(code_id): minutes for code_id, minutes in shares.items()}
