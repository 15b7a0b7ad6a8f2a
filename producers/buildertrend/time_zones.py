"""The time zone that an account states, wherever and however: by IANA or Windows name, or as Windows shows it.

Nobody has recorded where Buildertrend states it: plausible fields are looked through. An unknown name is noted, never
guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from producers.buildertrend.nested import fields_of_objects

_FIELDS = re.compile(r"(builder|company|default|iana|windows|account)?timezone(id|name|key|iana|info)?")
_INNER = ("ianaid", "iana", "id", "name", "timezoneid", "timezone", "value", "standardname", "displayname")
_DEEPEST = 4
_LONGEST = 100
_OFFSET = re.compile(r"^\((UTC|GMT)[^)]*\)\s*")
# As Windows shows them to people in North America.
_SHOWN = {
    "eastern time (us & canada)": "America/New_York",
    "indiana (east)": "America/Indianapolis",
    "central time (us & canada)": "America/Chicago",
    "mountain time (us & canada)": "America/Denver",
    "arizona": "America/Phoenix",
    "pacific time (us & canada)": "America/Los_Angeles",
    "alaska": "America/Anchorage",
    "hawaii": "Pacific/Honolulu",
    "atlantic time (canada)": "America/Halifax",
    "newfoundland": "America/St_Johns",
    "saskatchewan": "America/Regina",
}


@dataclass(frozen=True, slots=True)
class StatedZone:
    """`zone`: an IANA name, None if no stated name is known; `unknown`: a name that is stated and not known."""

    zone: str | None = None
    unknown: str | None = None


def stated_zone(data: Any) -> StatedZone:
    """What an answer states: the first name that is known, outer fields before inner ones."""
    unknown: str | None = None
    for name in _names(data):
        zone = zone_of(name)
        if zone is not None:
            return StatedZone(zone)
        unknown = unknown or name
    return StatedZone(None, unknown)


def zone_of(name: str) -> str | None:
    """The IANA name of a zone by its IANA or Windows name, in any case; None if nobody knows it."""
    plain = _OFFSET.sub("", name.strip()).strip().casefold()
    return _known().get(plain)


@lru_cache(maxsize=1_000)
def are_alike(one: str, other: str) -> bool:
    """Whether clocks in two zones have shown the same for years, and will as far as is known."""
    first, second = ZoneInfo(one), ZoneInfo(other)
    begin = datetime(2012, 1, 1, tzinfo=UTC)
    moments = (begin + timedelta(days=7 * week) for week in range(52 * 24))
    return all(at.astimezone(first).utcoffset() == at.astimezone(second).utcoffset() for at in moments)


@cache
def _known() -> dict[str, str]:
    """Zones by their names in small letters. Short names like EST are left out: they have no summer time."""
    iana = {name.casefold(): name for name in available_timezones() if "/" in name or name == "UTC"}
    table = msgspec.json.decode((Path(__file__).parent / "windows_zones.json").read_bytes(), type=dict[str, str])
    windows = {name.casefold(): zone for name, zone in table.items() if zone.casefold() in iana}
    return {**windows, **_SHOWN, **iana}


def _names(data: Any) -> Iterator[str]:
    for key, value in fields_of_objects(data, deepest=_DEEPEST):
        if _FIELDS.fullmatch(key.replace("_", "").casefold()):
            yield from _names_in(value)


def _names_in(value: Any) -> Iterator[str]:
    if isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable():
        yield value
    if isinstance(value, dict):
        by_name = {key.replace("_", "").casefold(): inner for key, inner in value.items()}
        for name in _INNER:
            inner = by_name.get(name)
            if isinstance(inner, str) and 0 < len(inner) <= _LONGEST and inner.isprintable():
                yield inner
