"""Times, durations, hours and names in words for people; pure, and safe for any time zone name a row may hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas import entities
from schemas.entities import ENTITIES, ENTITY_BY_NAME

_UTC = timezone(timedelta(0), "UTC")

READS = {
    "initial": "First sync",
    "full": "Full sync",
    "recent": "Recent changes",
    "backfill": "Backfill",
    "glance": "Newest shifts",
}
RUN_STATES = {
    "running": "Running",
    "completed": "Completed",
    "held": "Deletions held",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "interrupted": "Interrupted",
}
ENTITY_NAMES = {entity.name: entity.title for entity in ENTITIES}
# The order in which a run reads them.
READ_ORDER = tuple(entity.name for entity in entities.READ_ORDER)
SINGULAR = {entity.name: entity.singular for entity in ENTITIES}


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant for people and, in ISO form, for machines."""

    iso: str
    absolute: str
    relative: str


def moment(at: datetime | None, now: datetime, where: tzinfo) -> Moment | None:
    return None if at is None else known_moment(at, now, where)


def known_moment(at: datetime, now: datetime, where: tzinfo) -> Moment:
    return Moment(at.isoformat(), absolute(at, where), relative(at, now))


def zone(name: str) -> tzinfo:
    """The IANA zone, or UTC where the name is not one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _UTC


def absolute(at: datetime, where: tzinfo) -> str:
    """As in `Nov 23, 2026, 3:58 AM MST`."""
    local = at.astimezone(where)
    abbreviation = local.tzname() or ""
    shown = f"UTC{abbreviation}" if abbreviation[:1] in ("+", "-") else abbreviation
    return f"{local:%b} {local.day}, {local.year}, {local:%I:%M %p} {shown}".replace(", 0", ", ")


def day_words(day: date) -> str:
    """As in `Mar 3, 2026`."""
    return f"{day:%b} {day.day}, {day.year}"


def relative(at: datetime, now: datetime) -> str:
    """As in `5 min ago`, `in 1 h 59 min` and `2 days ago`; it changes at most once a minute."""
    seconds = (at - now).total_seconds()
    amount = _amount(int(abs(seconds)))
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def duration(seconds: float) -> str:
    """As in `42 s`, `3 min 20 s` and `1 h 5 min`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60} min"


def roughly(seconds: float) -> str:
    """An estimate, no more precise than it is: `less than 10 s`, `about 40 s`, `about 3 min`, `about 2 h`."""
    if seconds < 10:
        return "less than 10 s"
    if seconds < 55:
        return f"about {-(-seconds // 10) * 10:.0f} s"
    if seconds < 5_400:
        return f"about {max(1, round(seconds / 60))} min"
    return f"about {seconds / 3_600:.0f} h"


def hours(minutes: int | float) -> str:
    """Minutes as hours with one decimal where there is one: `12.5 h`, `8 h`, `1,204 h`."""
    text = f"{minutes / 60:,.1f}"
    return f"{text.removesuffix('.0')} h"


def counted(count: int, one: str, several: str) -> str:
    """As in `1 company` and `1,200 companies`."""
    return f"{count:,} {one if count == 1 else several}"


def counted_entity(count: int, entity: str) -> str:
    """As in `3 time entries` and `1 budget line`."""
    known = ENTITY_BY_NAME.get(entity)
    return counted(count, "record", "records") if known is None else known.counted(count)


def listed(parts: list[str]) -> str:
    """As in `jobs, users and budgets`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def reference(some_id: str) -> str:
    """A short id that support finds the run or command by."""
    return some_id.replace("-", "")[:8].upper()


def _amount(seconds: int) -> str:
    minutes, whole_hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if days:
        return counted(days, "day", "days")
    if whole_hours:
        return f"{whole_hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else "less than a minute"
