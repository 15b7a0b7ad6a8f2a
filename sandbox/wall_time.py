"""Local wall-clock text as Buildertrend states it, and the minutes that really pass between two of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_FORMAT = "%Y-%m-%dT%H:%M:%S"


def wall_text(day: date, minute_of_day: int) -> str:
    """The wall time `minute_of_day` after midnight of `day`; from 1440 on it lies on a later day."""
    days, minute = divmod(minute_of_day, 1440)
    if days:
        day += timedelta(days=days)
    return f"{day.isoformat()}T{minute // 60:02d}:{minute % 60:02d}:00"


def normal_text(value: str) -> str:
    """`value` as `YYYY-MM-DDTHH:MM:SS`; raises ValueError when it is not a local date and time."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is not None or len(value) < len("2026-05-20T09:19"):
        raise ValueError("a time must be local and look like 2026-05-20T09:19:00, without a zone")
    return moment.strftime(_FORMAT)


def elapsed_minutes(start: str, end: str, *, time_zone: str) -> int:
    """Minutes that pass between two wall times in the zone, a change to or from summer time included."""
    zone = ZoneInfo(time_zone)
    begun, ended = (datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC) for text in (start, end))
    return int((ended - begun).total_seconds() // 60)
