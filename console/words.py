"""Times, durations and faults in words for people; pure, and safe for any time zone name a row may hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_UTC = timezone(timedelta(0), "UTC")


@dataclass(frozen=True, slots=True)
class FaultWords:
    """The reason in a few words, and what somebody has to do; `to_do` is empty where it goes on by itself."""

    reason: str
    to_do: str = ""


_FAULTS = {
    "wrong-credentials": FaultWords(
        "Username or password not accepted", "Connect again with the right username and password:"
    ),
    "mfa-required": FaultWords("Second factor required", "Connect again with a user that needs no second factor:"),
    "blocked-by-buildertrend": FaultWords(
        "Sign-in blocked by Buildertrend", "Ask Protiv support first. Once it is cleared, connect again:"
    ),
    "no-permission": FaultWords("Missing permission", "Give the Buildertrend user the rights to see everything."),
    "rate-limited": FaultWords("Slowed down by Buildertrend"),
    "source-unavailable": FaultWords("Buildertrend does not answer"),
    "source-changed": FaultWords("Buildertrend changed something"),
    "session-expired": FaultWords("Session ended by Buildertrend"),
}
_UNKNOWN_FAULT = FaultWords("Sync stopped", "Connect again:")


def fault_words(fault: str | None) -> FaultWords:
    """Words for a fault's name; a name that is not known is shown as it is."""
    if fault is None:
        return _UNKNOWN_FAULT
    return _FAULTS.get(fault) or FaultWords(fault, _UNKNOWN_FAULT.to_do)


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


def counted(count: int, one: str, several: str) -> str:
    """As in `1 company` and `1,200 companies`."""
    return f"{count:,} {one if count == 1 else several}"


def _amount(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if days:
        return counted(days, "day", "days")
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else "less than a minute"
