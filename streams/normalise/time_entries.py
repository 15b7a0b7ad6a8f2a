"""A Buildertrend shift as the canonical record of `protiv.time-entries`, not yet linked to its parents."""

from __future__ import annotations

from functools import lru_cache
from sys import intern
from typing import Any

from schemas.codec import Record
from streams.normalise.times import shift_times, wall_time
from streams.normalise.values import identifier, minutes, money_micros, text


def normalise_time_entry(change: Record) -> Record:
    """Names and title are those of the row; `link_detail` holds what had to be assumed about its times."""
    shift = change["after"]
    rest = minutes(_inner(shift["breakTime"], "breakTime"), "break")
    regular = minutes(shift["regularTime"], "regular time")
    overtime = minutes(shift["overTime"], "overtime")
    total = None if regular is None and overtime is None else (regular or 0) + (overtime or 0)
    times = shift_times(
        wall_time(shift["timeIn"]["timeStamp"], "start"),
        wall_time(_inner(shift["timeOut"], "timeStamp"), "end"),
        change["time_zone"],
        stated_minutes=None if total is None else total + (rest or 0),
    )
    # One dictionary in one go: half of all time is spent on dictionaries, and shifts are most of all records.
    return {
        "company_id": change["company_id"],
        "time_entry_id": change["entity_id"],
        "version": change["version"],
        "observed_at": change["observed_at"],
        "deleted_at": None,
        "job_id": identifier(shift["jobId"], "job id"),
        "job_name": text(shift["jobName"], "job name"),
        "user_id": identifier(shift["userID"], "user id"),
        "user_name": text(shift["name"], "worker's name"),
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
        "hourly_cost_micros": money_micros(shift["rate"], "rate"),
        "labor_cost_micros": money_micros(_inner(shift["builderCost"], "value"), "labor cost"),
        "approved": _inner(shift["approvalStatus"], "isApproved"),
        "notes": text(shift["notes"], "notes"),
        "tags": stated_tags(shift["tags"]),
        "link_status": None,
        "link_detail": " ".join(times.notes) if times.notes else None,
    }


def _inner(wrapped: Record | None, name: str) -> Any:
    """The value that Buildertrend wraps in an object of its own; None without the object."""
    return None if wrapped is None else wrapped[name]


def stated_tags(tags: list[str] | None) -> list[str]:
    """The tags that are not blank."""
    return [tag for tag in tags if text(tag, "tags") is not None] if tags else []


def named_titles(shift: Record) -> tuple[str, ...]:
    """The distinct cost code titles that a shift names, in its order."""
    return distinct_titles(tuple(named["costCodeTitle"] for named in shift["costCodes"]))


@lru_cache(maxsize=65_536)
def distinct_titles(stated: tuple[str, ...]) -> tuple[str, ...]:
    """The distinct titles of a shift that are not blank, trimmed, in their order; the same objects each time."""
    titles = (text(title, "cost code title") for title in stated)
    return tuple(dict.fromkeys(intern(title.strip()) for title in titles if title))
