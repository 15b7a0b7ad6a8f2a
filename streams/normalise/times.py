"""Turns local wall times into instants with the company's time zone: no hour too many, no shift on the wrong day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import InvalidRecordError
from schemas.codec import to_days

# Buildertrend writes these days where there is no date.
_SENTINEL_DAYS = ("0001-01-01", "2006-01-01", "2055-01-01")
_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_LONGEST_STAMP = 40
_LONGEST_ZONE = 64
# Without a zone, like the wall times that it is compared with.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_MINUTE_MICROS = 60_000_000


class ShiftTimes(NamedTuple):
    """When a shift was: instants in microseconds, the local day of the start, and what had to be assumed, as text."""

    started_at: int | None
    ended_at: int | None
    work_date: int | None
    notes: tuple[str, ...] = ()


class _Instants(NamedTuple):
    """The instants a wall time can mean: two in the hour that occurs twice; `skipped` where it does not exist."""

    micros: tuple[int, ...]
    skipped: bool

    @property
    def is_exact(self) -> bool:
        """Whether the wall time means exactly one instant."""
        return len(self.micros) == 1 and not self.skipped


def zone(name: str) -> ZoneInfo:
    """The IANA time zone; InvalidRecordError for a name that is none."""
    # Cut, so that the cache keeps no long names.
    return _zone(name[: _LONGEST_ZONE + 1])


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    try:
        if len(name) > _LONGEST_ZONE:
            raise ZoneInfoNotFoundError
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise InvalidRecordError(
            f"The time zone {name!r} is not an IANA name such as America/New_York: correct it in the connection.",
            error_class="unknown-time-zone",
        ) from exc


def wall_time(stamp: str | None, what: str) -> datetime | None:
    """A local time without a zone; None for no time or a sentinel value."""
    if stamp is None or not stamp.strip() or stamp.startswith(_SENTINEL_DAYS):
        return None
    try:
        # No timestamp is longer.
        wall = datetime.fromisoformat(stamp[:_LONGEST_STAMP])
    except ValueError as exc:
        raise InvalidRecordError(
            f"The {what} is not a timestamp such as 2026-05-20T09:19:00.", error_class="bad-time"
        ) from exc
    if wall.tzinfo is not None:
        raise InvalidRecordError(
            f"The {what} names a time zone; Buildertrend states local times without one.", error_class="bad-time"
        )
    if not _FIRST_YEAR <= wall.year <= _LAST_YEAR:
        raise InvalidRecordError(
            f"The {what} is in the year {wall.year}, not in {_FIRST_YEAR} to {_LAST_YEAR}: correct it in Buildertrend.",
            error_class="bad-time",
        )
    return wall


def day(stamp: str | None, what: str) -> int | None:
    """The local day of a date or timestamp as days since 1970-01-01; None where none can be read.

    Not for the days of shifts: an unreadable one of these refuses the record, since it decides hours.
    """
    try:
        wall = wall_time(stamp, what)
    except InvalidRecordError:
        return None
    return None if wall is None else to_days(wall.date())


def first_instant(stamp: str | None, what: str, zone_name: str) -> int | None:
    """The instant of a wall time that decides no hours, in microseconds; the earlier one of two that it can mean."""
    wall = wall_time(stamp, what)
    return None if wall is None else _instants(wall, zone(zone_name)).micros[0]


def shift_times(
    start: datetime | None, end: datetime | None, zone_name: str, *, stated_minutes: int | None
) -> ShiftTimes:
    """The instants of a shift. In the hour that occurs twice, its stated length (`stated_minutes`) decides.

    A wall time that does not exist is moved forward by the length of the gap. InvalidRecordError if the shift ends
    before it starts, however its times are interpreted.
    """
    tz = zone(zone_name)
    if start is None:
        return ShiftTimes(None, None if end is None else _instants(end, tz).micros[0], None)
    starts = _instants(start, tz)
    ends = None if end is None else _instants(end, tz)
    if ends is not None and starts.is_exact and ends.is_exact and ends.micros >= starts.micros:
        return ShiftTimes(starts.micros[0], ends.micros[0], start.toordinal() - _EPOCH_ORDINAL)
    if end is None or ends is None:
        notes = _notes(start, starts, "start", zone_name, undecided=len(starts.micros) > 1)
        return ShiftTimes(starts.micros[0], None, _local_day(start, starts, tz), notes)
    pairs = _possible(starts, ends, in_order=end >= start)
    chosen = _choose(pairs, stated_minutes)
    undecided = chosen is None
    started_at, ended_at = chosen or pairs[0]
    return ShiftTimes(
        started_at,
        ended_at,
        _local_day(start, starts, tz),
        _notes(start, starts, "start", zone_name, undecided=undecided and len(starts.micros) > 1)
        + _notes(end, ends, "end", zone_name, undecided=undecided and len(ends.micros) > 1),
    )


def _instants(wall: datetime, tz: ZoneInfo) -> _Instants:
    offset = _offset_of_hour(tz.key, wall.year, wall.month, wall.day, wall.hour)
    if offset is not None:
        return _Instants(((wall - _EPOCH - offset) // _MICROSECOND,), skipped=False)
    return _instants_near_a_change(wall, tz)


@lru_cache(maxsize=262_144)
def _offset_of_hour(zone_name: str, year: int, month: int, day_of_month: int, hour: int) -> timedelta | None:
    """The offset of every wall time in an hour; None if the clock changes in it.

    No zone changes its clock twice within an hour.
    """
    first = datetime(year, month, day_of_month, hour, tzinfo=zone(zone_name))
    last = first.replace(minute=59, second=59, microsecond=999_999)
    offsets = {each.replace(fold=fold).utcoffset() for each in (first, last) for fold in (0, 1)}
    return offsets.pop() if len(offsets) == 1 else None


def is_clock_steady(zone_name: str, day: int) -> bool:
    """Whether the zone is known and its clock does not change on `day` and the day after it."""
    return steady_offset_s(zone_name, day) is not None


def steady_offset_s(zone_name: str, day: int) -> int | None:
    """The seconds by which the zone is ahead of UTC on `day` and the day after it; None if that changes.

    None also for an unknown zone. Comparing midnights is enough: no zone changes its clock and back within three days.
    """
    return _steady_offset_s(zone_name, day) if len(zone_name) <= _LONGEST_ZONE else None


@lru_cache(maxsize=262_144)
def _steady_offset_s(zone_name: str, day: int) -> int | None:
    try:
        tz = zone(zone_name)
    except InvalidRecordError:
        return None
    midnights = [_EPOCH.replace(tzinfo=tz) + timedelta(days=each) for each in range(day, day + 3)]
    offsets = {midnight.replace(fold=fold).utcoffset() for midnight in midnights for fold in (0, 1)}
    offset = offsets.pop()
    return None if offsets or offset is None else offset // _SECOND


def _instants_near_a_change(wall: datetime, tz: ZoneInfo) -> _Instants:
    aware = wall.replace(tzinfo=tz)
    first = aware.utcoffset()
    second = aware.replace(fold=1).utcoffset()
    assert first is not None
    assert second is not None
    since_epoch = wall - _EPOCH
    earlier = (since_epoch - first) // _MICROSECOND
    if first > second:
        return _Instants((earlier, (since_epoch - second) // _MICROSECOND), skipped=False)
    # With the offset before the gap, the time comes out as far behind the gap as it was inside it.
    return _Instants((earlier,), skipped=first < second)


def _possible(starts: _Instants, ends: _Instants, *, in_order: bool) -> list[tuple[int, int]]:
    pairs = [(started, ended) for started in starts.micros for ended in ends.micros if ended >= started]
    if pairs:
        return pairs
    if in_order and starts.skipped:
        # The start is behind the end only because it was moved out of the gap.
        return [(ends.micros[0], ends.micros[0])]
    raise InvalidRecordError(
        "The shift ends before it starts: correct its times in Buildertrend.", error_class="bad-time"
    )


def _choose(pairs: list[tuple[int, int]], stated_minutes: int | None) -> tuple[int, int] | None:
    """The pair nearest to the stated length; None if two of them are equally near."""
    if len(pairs) == 1:
        return pairs[0]
    if stated_minutes is None:
        return None
    ranked = sorted(
        (abs(ended - started - stated_minutes * _MINUTE_MICROS), started, ended) for started, ended in pairs
    )
    return None if ranked[0][0] == ranked[1][0] else ranked[0][1:]


def _local_day(wall: datetime, instants: _Instants, tz: ZoneInfo) -> int:
    if not instants.skipped:
        return to_days(wall.date())
    return to_days((_EPOCH.replace(tzinfo=ZoneInfo("UTC")) + instants.micros[0] * _MICROSECOND).astimezone(tz).date())


def _notes(wall: datetime, instants: _Instants, what: str, zone_name: str, *, undecided: bool) -> tuple[str, ...]:
    if instants.skipped:
        return (f"The {what} {wall:%Y-%m-%d %H:%M} does not exist in {zone_name} and was moved forward.",)
    if undecided:
        return (f"The {what} {wall:%Y-%m-%d %H:%M} occurs twice in {zone_name}; the earlier one is assumed.",)
    return ()
