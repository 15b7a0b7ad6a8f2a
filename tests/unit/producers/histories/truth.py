"""Raw records in the plain values of the sandbox's truth, written independently of how streams normalise them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Fields = dict[str, Any]
NO_DATES = ("0001-01-01", "2006-01-01", "2055-01-01")


def as_truth(entity: str, after: Fields) -> Fields:
    """A raw record in the form of `sandbox.truth`."""
    return _BY_ENTITY[entity](after)


def _cents(text: str | None) -> int | None:
    if text is None:
        return None
    return int((Decimal(text.replace("$", "").replace(",", "")) * 100).to_integral_value(ROUND_HALF_UP))


def _day(text: str | None) -> str | None:
    return None if text is None or text[:10] in NO_DATES else text


def _job(after: Fields) -> Fields:
    return {
        "name": after["jobName"],
        "number": after["jobNumber"] or "",
        "status": after["status"],
        "street": after["street"] or "",
        "opened_on": _day(after["dateOpened"]),
        "projected_start_on": _day(after["projectedStartDate"]),
        "actual_start_on": _day(after["actualStartDate"]),
        "projected_close_on": _day(after["projectedClosingDate"]),
    }


def _user(after: Fields) -> Fields:
    """Option lists and shifts name a user, no more."""
    return {"name": after["name"]}


def _cost_code(after: Fields) -> Fields:
    """A shift states no code apart from its title."""
    return {"title": after["title"]} | ({"code": after["code"]} if after["statedBy"] == "list" else {})


def _budget(after: Fields) -> Fields:
    return {
        "job_id": str(after["jobId"]),
        "cost_code_id": str(after["id"]),
        "cost_code_title": after["title"],
        "category": after["category"],
        "original_cents": _cents(after["originalBudgetCosts"]),
        "revised_cents": _cents(after["revisedBudgetCosts"]),
        "budgeted_minutes": _minutes(after["worksheetLines"]),
    }


def _minutes(lines: list[Fields]) -> int | None:
    hours = [Decimal(line["quantity"] or 0) for line in lines if line["unit"] == "HR" and line["lineItemType"] != 5]
    return int((sum(hours, Decimal()) * 60).to_integral_value(ROUND_HALF_UP)) if hours else None


def _time_entry(after: Fields) -> Fields:
    return {
        "job_id": str(after["jobId"]),
        "job_name": after["jobName"] or "",
        "user_id": str(after["userID"]),
        "user_name": after["name"] or "",
        "time_in": after["timeIn"]["timeStamp"],
        "time_out": None if after["timeOut"] is None else after["timeOut"]["timeStamp"],
        "break_minutes": 0 if after["breakTime"] is None else after["breakTime"]["breakTime"],
        "regular_minutes": after["regularTime"],
        "overtime_minutes": after["overTime"],
        "rate_cents": _cents(after["rate"]),
        "labor_cost_cents": None if after["builderCost"] is None else _cents(after["builderCost"]["value"]),
        "cost_code_titles": [code["costCodeTitle"] for code in after["costCodes"]],
        "notes": after["notes"],
        "tags": list(after["tags"]),
        "is_approved": after["approvalStatus"]["isApproved"],
    }


_BY_ENTITY = {
    "jobs": _job,
    "users": _user,
    "cost-codes": _cost_code,
    "budgets": _budget,
    "time-entries": _time_entry,
}
