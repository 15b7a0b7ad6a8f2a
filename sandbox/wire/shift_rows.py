"""A row of the time clock's grid, in the shape that was read off real answers (T2 to T15)."""

from __future__ import annotations

from sandbox.company import Company
from sandbox.model import GENERAL_JOB_ID, Shift, labour_cost_cents
from sandbox.shift_views import codes_of, job_name, regular_minutes, worker_name
from sandbox.wire.values import minutes_number, rate_text, wrapped

Row = dict[str, object]


def shift_row(company: Company, shift: Shift) -> Row:
    """The row with every column filled."""
    return {
        "id": shift.id,
        "jobId": None if shift.job_id == GENERAL_JOB_ID else shift.job_id,
        "builderId": company.profile.builder_id,
        "userID": shift.user_id,
        "jobName": job_name(company, shift),
        "name": worker_name(company, shift),
        **_clock(company, shift),
        **_minutes(company, shift),
        "approvalStatus": _approval(shift),
        "builderCost": wrapped(labour_cost_cents(shift)),
        "rate": rate_text(shift.rate_cents),
        "billableRate": None,
        "billableAmount": None,
        "costCodes": _codes(company, shift),
        "createdBy": {"id": 1, "displayName": ""},
        "createdDate": None,
        "edited": None,
        "accounting": None,
        "locationInfo": None,
        "gustoSyncStatus": 0,
        "relatedOwnerInvoices": None,
        "rowActionColumnResponse": None,
        "notes": shift.notes,
        "tags": _tags(company, shift),
    }


def _clock(company: Company, shift: Shift) -> Row:
    """When the worker came, went and paused."""
    return {
        "date": {"date": shift.time_in, **_keys(company, shift)},
        "timeIn": _stamp(company, shift, shift.time_in),
        "timeOut": None if shift.time_out is None else _stamp(company, shift, shift.time_out),
        "breakTime": {
            "id": shift.id,
            "breakTime": shift.break_minutes,
            "useDecimal": False,
            "autoEndBreaks": False,
            "isOnBreak": False,
            "canEndBreak": False,
        },
    }


def _minutes(company: Company, shift: Shift) -> Row:
    return {
        "regularTime": regular_minutes(company, shift),
        "overTime": shift.overtime_minutes,
        "doubleOverTime": shift.double_overtime_minutes,
        "personalTimeOff": shift.pto_minutes,
        "totalWorkTime": shift.worked_minutes,
    }


def _approval(shift: Shift) -> Row:
    return {
        "isApproved": shift.is_approved,
        "updatedDate": shift.approved_at,
        "updatedById": 1 if shift.approved_at else 0,
        "updatedByName": "",
    }


def _keys(company: Company, shift: Shift) -> Row:
    """The ids that parts of a row repeat: there General is job 0 (T2)."""
    return {"builderId": company.profile.builder_id, "jobId": shift.job_id, "id": shift.id}


def _stamp(company: Company, shift: Shift, wall_time: str) -> Row:
    """A clock-in or clock-out; where the worker stood is stated for most (T14)."""
    known = shift.id % 4 != 0
    place = {"latitude": 39.5 + shift.id % 7919 / 10_000, "longitude": -105.2 + shift.user_id % 7919 / 10_000}
    return {
        **_keys(company, shift),
        "timeStamp": wall_time,
        "location": place if known else None,
        "outOfBounds": known and shift.id % 9 == 0,
        "canClockOut": False,
        "showDate": False,
    }


def _codes(company: Company, shift: Shift) -> list[Row]:
    return [
        {
            "id": code.id,
            "costCodeTitle": code.title,
            "totalMinutes": _code_minutes(company, code.ten_thousandths),
            "useDecimal": False,
        }
        for code in codes_of(company, shift)
    ]


def _code_minutes(company: Company, ten_thousandths: int) -> float | None:
    match company.switches.shift_code_minutes:
        case "stated":
            return minutes_number(ten_thousandths)
        case "zero":
            return 0
        case _:
            return None


def _tags(company: Company, shift: Shift) -> list[object]:
    """Text or objects with a name (T12)."""
    if company.switches.tag_form == "object":
        return [{"id": index + 1, "name": tag} for index, tag in enumerate(shift.tags)]
    return list(shift.tags)
