"""A Buildertrend budget row with its worksheet lines as the canonical record of `protiv.budgets`."""

from __future__ import annotations

from schemas.catalogue import BUDGETS
from schemas.codec import Record
from streams.normalise.envelope import envelope
from streams.normalise.values import decimal, identifier, minutes, product_of_sum, readable_money, text, to_whole

_HOUR_UNITS = frozenset({"HR", "HRS", "HOUR", "HOURS"})
_CLIENT_SELECTION = 5


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
    """The hours of the lines counted in hours, summed exactly and then rounded to whole minutes; None without any.

    Client selections are no budget lines.
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
