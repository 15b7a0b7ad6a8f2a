"""What rows of the time clock say about the wire facts. A row may be anything: what does not fit says nothing."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from producers.buildertrend.answers import Json, object_of
from producers.buildertrend.check.facts import Facts

_ROUNDED = Decimal("0.02")
_MOST_CODES = 100_000
_LONGEST_NUMBER = 12
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_ZONED = re.compile(r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$", re.ASCII)
_AMOUNT = re.compile(r"-?[$€£]?-?[0-9][0-9,]*(?:\.[0-9]+)?", re.ASCII)
_FLAT_RATE = "Buildertrend Flat Rate"


class CodeIds:
    """The ids that shifts, budgets and lists of codes give to a cost code, by its title."""

    def __init__(self) -> None:
        self._of_shifts: dict[str, set[int]] = {}
        self._of_budgets: dict[str, set[int]] = {}
        self._of_lists: dict[str, set[int]] = {}

    def of_shift(self, title: Any, code_id: Any) -> None:
        _note(self._of_shifts, title, code_id)

    def of_budget(self, title: Any, code_id: Any) -> None:
        _note(self._of_budgets, title, code_id)

    def of_list(self, title: Any, code_id: Any) -> None:
        _note(self._of_lists, title, code_id)

    def see(self, facts: Facts) -> None:
        """Each title that shifts and budgets (or else lists) name: by the same id, or not."""
        for title, ids in self._of_shifts.items():
            others = self._of_budgets.get(title) or self._of_lists.get(title)
            if others and title != _FLAT_RATE:
                facts.see("T6", bool(ids & others))


def _note(kept: dict[str, set[int]], title: Any, code_id: Any) -> None:
    if isinstance(title, str) and type(code_id) is int and (title in kept or len(kept) < _MOST_CODES):
        kept.setdefault(title.strip(), set()).add(code_id)


def see_shift(facts: Facts, row: Any, codes: CodeIds) -> None:
    """Count what one row says."""
    if not isinstance(row, dict):
        return
    facts.see("U1", type(row.get("userID")) is int and isinstance(row.get("name"), str))
    facts.see("S10", row.get("builderId") is not None)
    time_in = object_of(row.get("timeIn"))
    if row.get("jobId", 1) is None or row.get("jobId") == 0:
        facts.see("T2", row["jobId"] is None and time_in.get("jobId", 0) == 0)
    stamp = time_in.get("timeStamp")
    if isinstance(stamp, str):
        facts.see("M1", not _ZONED.search(stamp[19:]))
    worked = [row.get(name) for name in ("regularTime", "overTime")]
    facts.see("M3", all(value is None or _is_whole(value) for value in worked))
    further = [row[name] for name in ("doubleOverTime", "personalTimeOff") if row.get(name) is not None]
    facts.see("T9", all(map(_is_whole, further)) if further else None)
    if "totalWorkTime" in row:
        facts.see("T10", not row["totalWorkTime"])
    _see_sums(facts, row)
    _see_codes(facts, row, codes)
    _see_others(facts, row)


def _see_sums(facts: Facts, row: Json) -> None:
    minutes = _minutes_between(object_of(row.get("timeIn")), object_of(row.get("timeOut")))
    rested = object_of(row.get("breakTime")).get("breakTime")
    worked, rest = _worked(row), _number(rested)
    if minutes is not None and worked is not None and rest is not None:
        facts.see("T8", abs(minutes - worked - rest) <= 1)


def _see_codes(facts: Facts, row: Json, codes: CodeIds) -> None:
    listed = row.get("costCodes")
    if not isinstance(listed, list) or not listed:
        return
    stated = []
    for code in map(object_of, listed):
        minutes = _number(code.get("totalMinutes"))
        facts.see(
            "T3", type(code.get("id")) is int and isinstance(code.get("costCodeTitle"), str) and minutes is not None
        )
        codes.of_shift(code.get("costCodeTitle"), code.get("id"))
        if minutes is not None:
            facts.see("T4", abs(minutes - round(minutes)) <= _ROUNDED)
            stated.append(minutes)
    worked = _worked(row)
    if worked is not None and len(stated) == len(listed):
        facts.see("T5", abs(sum(stated, Decimal(0)) - worked) <= 1)


def _see_others(facts: Facts, row: Json) -> None:
    tags = row.get("tags")
    for tag in tags if isinstance(tags, list) else ():
        facts.see("T12", isinstance(tag, str) or isinstance(object_of(tag).get("name"), str))
    approval, cost, rate = row.get("approvalStatus"), row.get("builderCost"), row.get("rate")
    forms = [
        approval is None or isinstance(object_of(approval).get("isApproved"), bool),
        cost is None or _number(object_of(cost).get("value", 0)) is not None,
        rate is None or (isinstance(rate, str) and _AMOUNT.fullmatch(rate.strip()) is not None),
    ]
    facts.see("T15", all(forms))


def _worked(row: Json) -> Decimal | None:
    """Regular, overtime and double overtime; None if one of them is no number."""
    stated = [row.get("regularTime"), row.get("overTime"), row.get("doubleOverTime") or 0]
    numbers = [_number(0 if value is None else value) for value in stated]
    found = [number for number in numbers if number is not None]
    states_none = all(value is None for value in stated[:2])
    return None if states_none or len(found) < len(numbers) else sum(found, Decimal(0))


def _minutes_between(time_in: Json, time_out: Json) -> int | None:
    stamps = [one.get("timeStamp") for one in (time_in, time_out)]
    if not all(isinstance(stamp, str) and _STAMP.match(stamp) for stamp in stamps):
        return None
    try:
        begun, ended = (datetime.fromisoformat(stamp[:19]) for stamp in stamps if stamp)
    except ValueError:
        return None
    return int((ended - begun).total_seconds() // 60)


def _is_whole(value: Any) -> bool:
    number = _number(value)
    return number is not None and abs(number - round(number)) <= _ROUNDED


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    number = Decimal(value)
    return number if number.is_finite() and abs(number.adjusted()) <= _LONGEST_NUMBER else None
