"""Checks of facts on the records that changed: of a raw record, what it says for or against docs/wire.md.

They only count; a record is published the same, whatever they find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from producers.buildertrend.evidence import Evidence
from producers.buildertrend.reads.lists import DATES_OF_JOBS

After = Mapping[str, Any]

# Hours are rounded to four decimals, and the shift's own to whole minutes.
_MINUTES_APART = 1
_CLOCK_CHANGE = 60
_SENTINELS = ("0001-01-01", "2006-01-01", "2055-01-01")
_USUAL_YEARS = ("1990", "2050")
# Titles that are remembered to compare ids by: more codes than any account is known to have, none of them a text.
_MOST_TITLES = 20_000
_LONGEST_TITLE = 200


class RecordChecks:
    """Of one run. It remembers codes of shifts and lists by title, to compare their ids."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._of_shifts: dict[str, set[int]] = {}
        self._of_lists: dict[str, set[int]] = {}
        self._by_entity: Mapping[str, Callable[[After], None]] = {
            "time-entries": self._shift,
            "jobs": self._job,
            "cost-codes": self._cost_code,
            "budgets": self._budget_line,
        }

    def look_at(self, entity: str, afters: Iterable[After]) -> None:
        """Count what changed records say."""
        check = self._by_entity.get(entity)
        if check is not None:
            for after in afters:
                check(after)

    def end(self) -> None:
        """After the last record: compare ids of codes (T6), which only shows once both sides were read."""
        for title in self._of_shifts.keys() & self._of_lists.keys():
            for code_id in self._of_shifts[title]:
                self._evidence.note("T6", holds=code_id in self._of_lists[title])
        self._of_shifts, self._of_lists = {}, {}

    def _shift(self, after: After) -> None:
        note = self._evidence.note
        if after.get("jobId") == 0 and after.get("jobName") is not None:
            note("T2", holds=str(after["jobName"]).strip().casefold() == "general")
        regular, overtime, double, pto = (
            after.get(name) or 0 for name in ("regularTime", "overTime", "doubleOverTime", "personalTimeOff")
        )
        worked = regular + overtime + double
        codes = after.get("costCodes") or ()
        stated = _sum([code.get("totalMinutes") for code in codes])
        if stated is not None:
            note("T5", holds=abs(stated - worked) <= _MINUTES_APART)
        for code in codes:
            _remember(self._of_shifts, code.get("costCodeTitle"), code.get("id"))
        span = _span(after)
        if span is not None and after.get("regularTime") is not None:
            self._hours(span, worked, pto, break_minutes=(after.get("breakTime") or {}).get("breakTime") or 0)

    def _hours(self, span: int, worked: int, pto: int, *, break_minutes: int) -> None:
        apart = span - worked - break_minutes
        if pto:
            self._evidence.note("T9", holds=abs(apart + pto) > _MINUTES_APART)
        # In the night that the clocks change the difference is an hour, and says nothing.
        elif abs(abs(apart) - _CLOCK_CHANGE) > _MINUTES_APART:
            self._evidence.note("T8", holds=abs(apart) <= _MINUTES_APART)

    def _job(self, after: After) -> None:
        for name in DATES_OF_JOBS:
            day = after.get(name)
            if isinstance(day, str) and day[:4].isdigit():
                usual = _USUAL_YEARS[0] <= day[:4] <= _USUAL_YEARS[1]
                self._evidence.note("M2", holds=usual or day.startswith(_SENTINELS))

    def _cost_code(self, after: After) -> None:
        if after.get("statedBy") != "shift":
            _remember(self._of_lists, after.get("title"), after.get("id"))

    def _budget_line(self, after: After) -> None:
        _remember(self._of_lists, after.get("title"), after.get("id"))


def _remember(kept: dict[str, set[int]], title: object, code_id: object) -> None:
    if not isinstance(title, str) or len(title) > _LONGEST_TITLE or not isinstance(code_id, int):
        return
    if title in kept or len(kept) < _MOST_TITLES:
        kept.setdefault(title, set()).add(code_id)


def _sum(stated: list[object]) -> Decimal | None:
    """The sum of the stated minutes; None if one is not stated or no plain number, or all are 0."""
    total = Decimal(0)
    for each in stated:
        try:
            number = Decimal(str(each))
        except InvalidOperation:
            return None
        if not number.is_finite() or abs(number) > 1_000_000:
            return None
        total += number
    return total or None


def _span(after: After) -> int | None:
    """Minutes from in to out by the clock on the wall; None while somebody is clocked in, or if unreadable."""
    time_in, time_out = after.get("timeIn"), after.get("timeOut")
    if not time_in or not time_out:
        return None
    try:
        begin, end = (datetime.fromisoformat(stamp["timeStamp"]) for stamp in (time_in, time_out))
        return round((end - begin).total_seconds() / 60)
    except (KeyError, TypeError, ValueError):
        return None
