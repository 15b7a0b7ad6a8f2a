"""Statistics of every place in parsed answers: types, how often missing or zero, magnitudes; never a value. Format:
docs/shape.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from producers.buildertrend.check.names import HIDDEN, safe_name
from producers.buildertrend.reads.extras import without_places

_MOST_CHILDREN = 400
_MOST_DEPTH = 40
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ]|$)", re.ASCII)
_DIGITS = re.compile(r"-?[0-9]+", re.ASCII)
_AMOUNT = re.compile(r"[-(]{0,2}[$€£]?\s?-?[0-9][0-9,. ]*\)?%?")
_LONGEST_LOOKED_AT = 40
_MOST_DECADE = 18
_MOST_EXPONENT = 400


def step(count: int) -> int:
    """The count, down to the next of 0, 1, 2, 5, 10, 20, 50, 100, …"""
    if count <= 0:
        return 0
    power: int = 10 ** (len(str(count)) - 1)
    return next(factor for factor in (5, 2, 1) if count >= factor * power) * power


def share(part: int, whole: int) -> float:
    """A part of a whole in steps of 5 hundredths; 0.01 and 0.99 are "hardly any" and "nearly all"."""
    if whole <= 0 or part <= 0:
        return 0.0
    if part >= whole:
        return 1.0
    hundredths = 5 * round(20 * part / whole)
    return min(max(hundredths, 1), 99) / 100


def decade(value: int | Decimal) -> int:
    """The power of ten below a number's absolute value."""
    power: int = value.adjusted() if isinstance(value, Decimal) else len(str(abs(value))) - 1
    return min(max(power, -_MOST_DECADE), _MOST_DECADE)


class Range:
    """The smallest and largest decade of what was counted."""

    __slots__ = ("high", "low")

    def __init__(self) -> None:
        self.low = _MOST_DECADE + 1
        self.high = -_MOST_DECADE - 1

    def take(self, value: int) -> None:
        # Once for every value of a recording: calls of min and max would take longer than all of the rest.
        self.low = value if value < self.low else self.low
        self.high = value if value > self.high else self.high

    def as_json(self) -> list[int] | None:
        return None if self.low > self.high else [self.low, self.high]


class Place:
    """One place of all answers of an endpoint. Its children by safe name: names that may be values share one."""

    __slots__ = ("children", "decades", "depth", "element", "lengths", "seen", "types", "zeros")

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth
        self.seen = 0
        self.zeros = 0
        self.types: Counter[str] = Counter()
        self.decades = Range()
        self.lengths = Range()
        self.children: dict[str, Place] = {}
        self.element: Place | None = None

    def take(self, value: Any) -> None:
        """Count a value that stands here."""
        self.seen += 1
        kind = type(value)
        if kind is dict:
            self._take_object(value)
        elif kind is str:
            self.types[_text_type(value)] += 1
            if value:
                self.lengths.take(len(str(len(value))) - 1)
        elif value is None:
            self.types["null"] += 1
        elif kind is bool:
            self.types["boolean"] += 1
        elif kind is list:
            self._take_list(value)
        else:
            self._take_number(value)

    def _take_object(self, value: dict[str, Any]) -> None:
        self.types["object" if value else "empty-object"] += 1
        if self.depth >= _MOST_DEPTH:
            return
        for name, inner in value.items():
            child = self.children.get(name) or self._child(name)
            child.take(inner)

    def _child(self, name: str) -> Place:
        safe = safe_name(name)
        if safe not in self.children and len(self.children) >= _MOST_CHILDREN:
            safe = HIDDEN
        # Of where a worker stood only that it is stated.
        kind = _Closed if not without_places({name: 0}) else Place
        return self.children.setdefault(safe, kind(self.depth + 1))

    def _take_list(self, value: list[Any]) -> None:
        self.types["list" if value else "empty-list"] += 1
        if not value:
            return
        self.lengths.take(len(str(len(value))) - 1)
        if self.element is None:
            self.element = Place(self.depth + 1)
        if self.depth < _MOST_DEPTH:
            for inner in value:
                self.element.take(inner)

    def _take_number(self, value: int | Decimal) -> None:
        if isinstance(value, Decimal):
            is_whole = abs(value.adjusted()) < _MOST_EXPONENT and value == value.to_integral_value()
            self.types["integer" if is_whole else "fraction"] += 1
        else:
            self.types["integer"] += 1
        if value:
            self.decades.take(decade(value))
        else:
            self.zeros += 1

    def objects(self) -> int:
        """How many objects stand here."""
        return self.types["object"] + self.types["empty-object"]

    def below(self, path: str = "") -> Iterator[tuple[str, Place, int]]:
        """(path, place, number of objects around it) of all places below this one, in order of the path."""
        around = self.objects()
        if self.element is not None:
            yield from self.element.with_below(path + "[]", self.element.seen)
        for name, child in sorted(self.children.items()):
            yield from child.with_below(f"{path}.{name}" if path else name, around)

    def with_below(self, path: str, around: int) -> Iterator[tuple[str, Place, int]]:
        """The same with this one first."""
        yield path, self, around
        yield from self.below(path)


class _Closed(Place):
    """A place of which nothing is looked at but whether something stands there."""

    __slots__ = ()

    def take(self, value: Any) -> None:
        """See Place."""
        self.seen += 1
        self.types["null" if value is None else "object"] += 1


def place_json(path: str, place: Place, around: int) -> dict[str, Any]:
    """A place as docs/shape.md has it."""
    found: dict[str, Any] = {
        "path": path,
        "types": {kind: share(count, place.seen) for kind, count in sorted(place.types.items())},
        "missing": share(around - place.seen, around),
    }
    numbers = place.types["integer"] + place.types["fraction"]
    if numbers:
        found["zero"] = share(place.zeros, numbers)
    ranges = {"decades": place.decades.as_json(), "length": place.lengths.as_json()}
    return found | {name: kept for name, kept in ranges.items() if kept is not None}


def _text_type(text: str) -> str:
    if not text:
        return "empty-text"
    if text[0] in "{[":
        return "json-text"
    if len(text) > _LONGEST_LOOKED_AT or not any(map(str.isdigit, text[:4])):
        return "text"
    if _DATE.match(text):
        return "date"
    if _DIGITS.fullmatch(text):
        return "digits"
    return "amount" if _AMOUNT.fullmatch(text) else "text"
