"""Jobs, users, cost codes and budgets of Buildertrend as canonical records; shifts have a module of their own."""

from __future__ import annotations

import re

from schemas.codec import Record
from schemas.entities import BUDGETS, COST_CODES, JOBS, USERS
from streams.normalise.times import day
from streams.normalise.values import (
    GENERAL_JOB_ID,
    decimal,
    envelope,
    identifier,
    minutes,
    product_of_sum,
    readable_money,
    text,
    to_whole,
)

_STATUS = {0: "closed", 1: "open", 3: "warranty", 4: "presale"}
# "01.02 General Carpentry", "02.3070. Site Work", "02-110A - Framing"; not "2nd floor".
_CODE_IN_FRONT = re.compile(r"\s*(\d+(?:[.\-]\d+)*[A-Za-z]?)\.*(?:\s+|$)")
_HOUR_UNITS = frozenset({"HR", "HRS", "HOUR", "HOURS"})
_CLIENT_SELECTION = 5


def normalise_job(change: Record) -> Record:
    """`status` decides, not `isClosed`: they disagree on some jobs and the status is right."""
    job = change["after"]
    projected_start = day(job["projectedStartDate"], "projected start")
    actual_start = day(job["actualStartDate"], "actual start")
    return envelope(JOBS, change) | {
        "name": text(job["jobName"], "job name"),
        "number": text(job["jobNumber"], "job number"),
        "status": _STATUS.get(job["status"], "unknown"),
        "street": text(job["street"], "street"),
        "opened_on": day(job["dateOpened"], "opening date"),
        "starts_on": projected_start if actual_start is None else actual_start,
        "projected_close_on": day(job["projectedClosingDate"], "projected closing date"),
        "is_general": identifier(job["jobId"], "job id") == GENERAL_JOB_ID,
    }


def normalise_user(change: Record) -> Record:
    """The name is first and last name, else the full name in a shift."""
    user = change["after"]
    identifier(user["userId"], "user id")
    first = text(user["firstName"], "first name")
    last = text(user["lastName"], "last name")
    parts = [part.strip() for part in (first, last) if part]
    return envelope(USERS, change) | {
        "name": " ".join(parts) or text(user["name"], "name"),
        "first_name": first,
        "last_name": last,
        "email": text(user["email"], "e-mail"),
        "phone": text(user["phone"], "phone"),
        "role": text(user["role"], "role"),
        "active": user["isActive"],
        "hourly_cost_micros": readable_money(user["defaultLaborCost"], "default labor cost"),
    }


def normalise_cost_code(change: Record) -> Record:
    """The code is the stated one, else the number in front of the title; trailing dots do not belong to it."""
    stated = change["after"]
    identifier(stated["id"], "cost code id")
    title = text(stated["title"], "cost code title")
    code, name = split_title(title, text(stated["code"], "code"))
    return envelope(COST_CODES, change) | {
        "code": code,
        "name": name,
        "title": title,
        "category": text(stated["category"], "category"),
        "active": stated["isActive"],
        "stated_by": "shift" if stated["statedBy"] == "shift" else "list",
    }


def split_title(title: str | None, stated_code: str | None) -> tuple[str | None, str | None]:
    """(code, name) of a title; each None where there is none."""
    code = (stated_code or "").strip().rstrip(".") or None
    shown = (title or "").strip()
    match = _CODE_IN_FRONT.match(shown)
    if match and code in (None, match[1]):
        return match[1], _name(shown[match.end() :])
    if code and (rest := shown.removeprefix(code)) != shown and not rest[:1].isalnum():
        return code, _name(rest.lstrip("."))
    return code, shown or None


def _name(rest: str) -> str | None:
    return rest.strip().lstrip("-–—:").strip() or None


def normalise_budget(change: Record) -> Record:
    """The job's name is filled in when the budget is linked; the title is the row's own until then."""
    row = change["after"]
    return envelope(BUDGETS, change) | {
        "job_id": identifier(row["jobId"], "job id"),
        "job_name": None,
        "cost_code_id": identifier(row["id"], "cost code id"),
        "cost_code_title": text(row["title"], "cost code title"),
        "category": text(row["category"], "category"),
        "original_amount_micros": readable_money(row["originalBudgetCosts"], "original budget"),
        "revised_amount_micros": readable_money(row["revisedBudgetCosts"], "revised budget"),
        "budgeted_minutes": budgeted_minutes(row["worksheetLines"]),
    }


def budgeted_minutes(lines: list[Record]) -> int | None:
    """The lines whose unit is hours, summed exactly and then rounded to whole minutes; None without any.

    Client selections do not belong to the budget.
    """
    hours = [decimal(line["quantity"], "worksheet quantity") for line in lines if _counts_hours(line)]
    stated = [quantity for quantity in hours if quantity is not None]
    if not stated:
        return None
    total = to_whole(product_of_sum(stated, 60))
    # Credit lines may make the sum negative; only its size is checked.
    minutes(abs(total), "budgeted time")
    return total


def _counts_hours(line: Record) -> bool:
    return line["lineItemType"] != _CLIENT_SELECTION and (line["unit"] or "").strip().upper() in _HOUR_UNITS
