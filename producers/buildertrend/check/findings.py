"""What was found at one endpoint. Names in it are safe to show; it keeps no value of an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from producers.buildertrend.check.exchange import Endpoint
from producers.buildertrend.check.names import safe_name
from producers.buildertrend.check.places import Place

_MOST_NAMES = 500


@dataclass(slots=True)
class Findings:
    """Counts of one endpoint.

    `troubles`: answers without a readable text, by why. `faults`: answers that the adapter takes for a fault, by its
    name; `changed`: those of another form than known, by field. `rows` were understood, `refused` not, by field.
    `unknown`: fields that the adapter keeps as they are, by name. `nothing`: answers that say there is nothing.
    `empty_columns`: fields that pay depends on and that were null in every row.
    """

    endpoint: Endpoint
    answers: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    unforeseen: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    nothing: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    sets_cookies: int = 0
    envelopes: Counter[str] = field(default_factory=Counter)
    place: Place = field(default_factory=Place)

    def refuse(self, path: str) -> None:
        """Count a row that the adapter does not understand because of a field."""
        _count(self.refused, field_of(path))

    def leave(self, paths: Iterable[str]) -> None:
        """Count fields that the adapter does not know."""
        if len(self.unknown) < _MOST_NAMES:
            self.unknown.update(map(field_of, paths))


@lru_cache(maxsize=4_096)
def field_of(path: str) -> str:
    """A field's path as it may be shown: `costCodes.0.id` is `costCodes[].id`; names that may be values are `*`."""
    parts = path.removesuffix(" (nested too deep)").split(".")
    shown = ""
    for part in parts:
        if part.isdecimal() and shown:
            shown += "[]"
        elif part in {"(row)", "(top level)"}:
            shown += part
        else:
            shown += ("." if shown else "") + safe_name(part)
    return shown


def _count(counter: Counter[str], name: str) -> None:
    counter[name if name in counter or len(counter) < _MOST_NAMES else "*"] += 1
