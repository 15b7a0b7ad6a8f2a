"""When a company's people work, learned from when their shifts began and ended: pure, robust against odd shifts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

DAY = 1440
"""Minutes of a local day."""
_WEEKDAYS = 7
# Fewer shifts than this tell nothing of a company; a weekday with fewer than its share is no working day.
_FEWEST_SHIFTS = 30
# More tell nothing new, and reading goes on by the row.
_MOST_SHIFTS = 5_000
_FEWEST_OF_DAY = 3
_SHARE_OF_DAY = 0.02
# So many of a day's starts and ends may lie outside its hours, on either side.
_OUTSIDE = 0.05
# People open Buildertrend a little before they start, and are done with it a while after they stop.
_BEFORE, _AFTER = 30, 60
_LONGEST = DAY + DAY // 2

Span = tuple[int, int]


@dataclass(slots=True)
class ShiftTimes:
    """Of how many shifts the start or end lay in each minute, by weekday of the start; ends may lie behind midnight."""

    since: date = date.min
    """Shifts of days before tell nothing of how people work now."""
    until: date = date.max
    starts: Counter[tuple[int, int]] = field(default_factory=Counter)
    ends: Counter[tuple[int, int]] = field(default_factory=Counter)

    def wants(self, days: Sequence[date]) -> bool:
        """Whether shifts of these days would tell more than is known."""
        return bool(days) and max(days) >= self.since and self.starts.total() < _MOST_SHIFTS

    def note_all(self, shifts: Iterable[tuple[date, str, str | None]]) -> None:
        """Shifts by their local day, as Buildertrend states their start and end."""
        for day, started, ended in shifts:
            if self.since <= day <= self.until:
                self.note(day, started, ended)

    def note(self, day: date, started: str, ended: str | None) -> None:
        """A shift as Buildertrend states it: wall times in ISO form. What has another form is passed over."""
        weekday, first = day.weekday(), _minute(started)
        if first is None:
            return
        self.starts[weekday, first] += 1
        last = None if ended is None else _minute(ended)
        if ended is None or last is None:
            return
        later = _days_later(day, ended)
        if first < last + later * DAY < _LONGEST:
            self.ends[weekday, last + later * DAY] += 1


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """First and last minute of work by weekday (0 is Monday), the last one perhaps behind midnight. Local wall time."""

    spans: Mapping[int, Span]

    def includes(self, local: datetime) -> bool:
        """Whether people work at this local time."""
        minute, weekday = local.hour * 60 + local.minute, local.weekday()
        return _within(self.spans.get(weekday), minute) or _within(
            self.spans.get((weekday - 1) % _WEEKDAYS), minute + DAY
        )

    def next_start(self, local: datetime) -> datetime | None:
        """When work begins next, after this local time; None if nobody ever works."""
        for days in range(_WEEKDAYS + 1):
            day = local.date() + timedelta(days=days)
            span = self.spans.get(day.weekday())
            if span is None:
                continue
            start = datetime.combine(day, time(span[0] // 60, span[0] % 60), local.tzinfo)
            if start > local:
                return start
        return None

    def as_json(self) -> dict[str, list[int]]:
        """As JSON; equal for equal hours."""
        return {str(weekday): list(span) for weekday, span in sorted(self.spans.items())}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> WorkingHours:
        """The hours that `as_json` was called on."""
        return cls({int(weekday): (int(span[0]), int(span[1])) for weekday, span in kept.items()})


UNKNOWN_YET = WorkingHours(dict.fromkeys(range(6), (5 * 60, 20 * 60)))
"""Before there is evidence: 5:00 to 20:00, Monday to Saturday."""


def learned(times: ShiftTimes) -> WorkingHours | None:
    """The hours in which nearly all shifts of each usual weekday begin and end; None if there are too few shifts."""
    total = times.starts.total()
    if total < _FEWEST_SHIFTS:
        return None
    spans = {}
    for weekday in range(_WEEKDAYS):
        starts, ends = _of_day(times.starts, weekday), _of_day(times.ends, weekday)
        shifts = sum(count for _, count in starts)
        if shifts >= max(_FEWEST_OF_DAY, total * _SHARE_OF_DAY):
            first = _quantile(starts, _OUTSIDE)
            last = max(_quantile(starts, 1 - _OUTSIDE), _quantile(ends, 1 - _OUTSIDE) if ends else 0)
            spans[weekday] = (max(first - _BEFORE, 0), min(last + _AFTER, _LONGEST))
    return WorkingHours(spans) if spans else None


def _of_day(counts: Counter[tuple[int, int]], weekday: int) -> list[tuple[int, int]]:
    return sorted((minute, count) for (day, minute), count in counts.items() if day == weekday)


def _quantile(sorted_counts: Sequence[tuple[int, int]], share: float) -> int:
    """The smallest minute such that more than this share of what is counted lies at or before it."""
    total = sum(count for _, count in sorted_counts)
    passed = 0
    for minute, count in sorted_counts:
        passed += count
        if passed > share * total:
            return minute
    return sorted_counts[-1][0]


def _within(span: Span | None, minute: int) -> bool:
    return span is not None and span[0] <= minute < span[1]


def _minute(stated: str) -> int | None:
    """Of the local day, from `2026-04-18T08:02:00`."""
    hour, minute = stated[11:13], stated[14:16]
    if not (hour.isdecimal() and minute.isdecimal() and hour.isascii() and minute.isascii()):
        return None
    found = int(hour) * 60 + int(minute)
    return found if found < DAY else None


def _days_later(day: date, ended: str) -> int:
    try:
        return (date.fromisoformat(ended[:10]) - day).days
    except ValueError:
        # No day at all: as if it ended before it began, which no hours follow from.
        return -1
