"""The working calendar: work days, seasons, and when a day begins and how long it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from random import Random

_FIXED_HOLIDAYS = {(1, 1), (7, 4), (12, 24), (12, 25), (12, 26), (12, 31)}


@dataclass(frozen=True, slots=True)
class WorkDay:
    """One day on site; `summer` runs from 0 in midwinter to 1 in midsummer."""

    date: date
    ordinal: int
    summer: float

    @property
    def attendance(self) -> float:
        """The share of workers who come: most on weekdays, few on a Saturday, fewer in winter."""
        return 0.3 if self.date.weekday() == 5 else 0.9 + 0.06 * self.summer

    def start_minute(self, rng: Random) -> int:
        """The minute at which a worker clocks in, always before eight."""
        return 450 - round(55 * self.summer) + rng.randint(-9, 19)

    def length_minutes(self, rng: Random) -> int:
        """Minutes on the clock, including the break; a few half days."""
        if rng.random() < 0.04:
            return rng.randint(200, 290)
        return 495 + round(60 * self.summer) + rng.randint(-35, 45)


def season(day: date) -> float:
    return 0.5 - 0.5 * math.cos((day.timetuple().tm_yday + 10) / 365.25 * 2 * math.pi)


def is_work_day(rng: Random, day: date) -> bool:
    """Weekdays except holidays, and about one Saturday in seven."""
    if (day.month, day.day) in _FIXED_HOLIDAYS or _is_thanksgiving(day):
        return False
    if day.weekday() >= 5:
        return day.weekday() == 5 and rng.random() < 0.14
    return True


def _is_thanksgiving(day: date) -> bool:
    return day.month == 11 and day.weekday() == 3 and 22 <= day.day <= 28
