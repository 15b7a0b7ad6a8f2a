"""A Buildertrend shift as the canonical record of `protiv.time-entries`, not yet linked to its parents."""

from __future__ import annotations

from schemas.catalogue import TIME_ENTRIES
from schemas.codec import Record
from streams.normalise.envelope import envelope
from streams.normalise.times import shift_times, wall_time
from streams.normalise.values import identifier, minutes, money_micros, text


def normalise_time_entry(change: Record) -> Record:
    """Names and title are those of the row; `link_detail` holds what had to be assumed about its times."""
    shift = change["after"]
    rest = minutes((shift["breakTime"] or {}).get("breakTime"), "break")
    regular = minutes(shift["regularTime"], "regular time")
    overtime = minutes(shift["overTime"], "overtime")
    total = None if regular is None and overtime is None else (regular or 0) + (overtime or 0)
    times = shift_times(
        wall_time(shift["timeIn"]["timeStamp"], "start"),
        wall_time((shift["timeOut"] or {}).get("timeStamp"), "end"),
        change["time_zone"],
        stated_minutes=None if total is None else total + (rest or 0),
    )
    return envelope(TIME_ENTRIES, change) | {
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
        "labor_cost_micros": money_micros((shift["builderCost"] or {}).get("value"), "labor cost"),
        "approved": (shift["approvalStatus"] or {}).get("isApproved"),
        "notes": text(shift["notes"], "notes"),
        "tags": [tag for tag in (text(tag, "tags") for tag in shift["tags"]) if tag is not None],
        "link_status": None,
        "link_detail": " ".join(times.notes) or None,
    }


def named_titles(shift: Record) -> tuple[str, ...]:
    """The distinct cost code titles that a shift names, in its order."""
    titles = (text(named["costCodeTitle"], "cost code title") for named in shift["costCodes"])
    return tuple(dict.fromkeys(title.strip() for title in titles if title))
