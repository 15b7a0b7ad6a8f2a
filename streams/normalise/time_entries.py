"""A Buildertrend shift as the canonical record of `protiv.time-entries`, not yet linked to its parents."""

from __future__ import annotations

from typing import Any

from core.errors import InvalidRecordError
from schemas.codec import Record
from schemas.worked_minutes import worked_minutes
from streams.normalise.times import ShiftTimes, first_instant, shift_times, wall_time
from streams.normalise.values import (
    LIST_LIMIT,
    NOTES_LIMIT,
    TAG_LIMIT,
    identifier,
    minutes,
    readable_money,
    text,
)


def normalise_time_entry(change: Record) -> Record:
    """Names and title are those of the row; `link_detail` lists what was assumed, cleaned or left out.

    Only an invalid value that decides hours refuses the record. `streams.shifts.columns` does the same by column.
    """
    shift = change["after"]
    rest, regular, overtime, double_overtime = _hours(shift)
    total = worked_minutes(regular, overtime, double_overtime)
    times = _times(shift, change["time_zone"], stated_minutes=None if total is None else total + (rest or 0))
    notes = _notes(times, shift)
    # Written as one dictionary: half of the time goes into dictionaries, and most records are shifts.
    return {
        "company_id": change["company_id"],
        "time_entry_id": change["entity_id"],
        "version": change["version"],
        "observed_at": change["observed_at"],
        "deleted_at": None,
        "job_id": identifier(shift["jobId"], "job id"),
        "job_name": text(shift["jobName"], "job name", notes),
        "user_id": identifier(shift["userID"], "user id"),
        "user_name": text(shift["name"], "worker's name", notes),
        "cost_code_id": None,
        "cost_code_title": None,
        "started_at": times.started_at,
        "ended_at": times.ended_at,
        "time_zone": change["time_zone"],
        "work_date": times.work_date,
        "break_minutes": rest,
        "regular_minutes": regular,
        "overtime_minutes": overtime,
        "total_minutes": total,
        "hourly_cost_micros": readable_money(shift["rate"], "rate", notes),
        "labor_cost_micros": readable_money(_inner(shift["builderCost"], "value"), "labor cost", notes),
        "approved": _inner(shift["approvalStatus"], "isApproved"),
        "notes": text(shift["notes"], "notes", notes, limit=NOTES_LIMIT),
        "tags": stated_tags(shift["tags"], notes),
        "link_status": None,
        "double_overtime_minutes": double_overtime,
        "pto_minutes": _paid_absence(shift["personalTimeOff"], notes),
        "approved_at": _approved_at(shift["approvalStatus"], change["time_zone"], notes),
        "split_cost_code_ids": [],
        "split_minutes": [],
        "link_detail": " ".join(dict.fromkeys(notes)) if notes else None,
    }


def _hours(shift: Record) -> tuple[int | None, int | None, int | None, int | None]:
    """Minutes of break, regular time, overtime and double overtime."""
    return (
        minutes(_inner(shift["breakTime"], "breakTime"), "break"),
        minutes(shift["regularTime"], "regular time"),
        minutes(shift["overTime"], "overtime"),
        minutes(shift["doubleOverTime"], "double overtime"),
    )


def _notes(times: ShiftTimes, shift: Record) -> list[str]:
    """What was assumed of the times, and what was cleaned in titles of cost codes."""
    notes = list(times.notes)
    for title in shift["costCodes"][:LIST_LIMIT]:
        text(title["costCodeTitle"], "cost code title", notes)
    return notes


def _times(shift: Record, time_zone: str, *, stated_minutes: int | None) -> ShiftTimes:
    start = wall_time(shift["timeIn"]["timeStamp"], "start")
    end = wall_time(_inner(shift["timeOut"], "timeStamp"), "end")
    return shift_times(start, end, time_zone, stated_minutes=stated_minutes)


def _paid_absence(stated: int | None, notes: list[str]) -> int | None:
    try:
        return minutes(stated, "paid absence")
    except InvalidRecordError as error:
        notes.append(error.reason)
        return None


def _approved_at(approval: Record | None, time_zone: str, notes: list[str]) -> int | None:
    """When an approval that stands was last changed."""
    if approval is None or not approval["isApproved"]:
        return None
    try:
        return first_instant(approval["updatedDate"], "approval", time_zone)
    except InvalidRecordError as error:
        notes.append(error.reason)
        return None


def _inner(wrapped: Record | None, name: str) -> Any:
    """The value that Buildertrend wraps in an object of its own; None without the object."""
    return None if wrapped is None else wrapped[name]


def stated_tags(tags: list[str] | None, notes: list[str] | None = None) -> list[str]:
    """The tags that are not blank, within the limits of number and length."""
    if not tags:
        return []
    if notes is not None and len(tags) > LIST_LIMIT:
        notes.append(f"Only the first {LIST_LIMIT} tags are kept.")
    cleaned = (text(tag, "tags", notes, limit=TAG_LIMIT) for tag in tags[:LIST_LIMIT])
    return [tag for tag in cleaned if tag is not None]
