"""Which fields of a raw record that decide hours, money or links have a value: a bit each.

Columns that a grid was not asked for come null or 0 (docs/wire.md, G11): a field that many records had and suddenly
none has is such a column, not an edit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Filled = Callable[[Mapping[str, Any]], int]

# A bit's place is stored with every record: names are added at the end and never removed.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "jobs": ("status",),
    "time-entries": (
        "regularTime",
        "overTime",
        "doubleOverTime",
        "personalTimeOff",
        "breakTime.breakTime",
        "costCodes",
        "jobId",
        "userID",
        "rate",
        "builderCost.value",
        "timeOut",
        "approvalStatus",
    ),
    "budgets": ("originalBudgetCosts", "revisedBudgetCosts", "worksheetLines"),
    "users": ("defaultLaborCost",),
    "cost-codes": (),
}
_NONZERO = frozenset("123456789")


def filled_of(entity: str) -> Filled:
    """A function from a record's `after` to the bits of its fields that have a value other than 0."""
    paths = [(tuple(name.split(".")), 1 << bit) for bit, name in enumerate(_FIELDS.get(entity, ()))]

    def filled(after: Mapping[str, Any]) -> int:
        bits = 0
        for path, bit in paths:
            value: Any = after
            for part in path:
                value = value.get(part) if isinstance(value, Mapping) else None
            if value and not (isinstance(value, str) and _NONZERO.isdisjoint(value)):
                bits |= bit
        return bits

    return filled


def field_names(entity: str, bits: int) -> list[str]:
    """The fields of these bits."""
    return [name for bit, name in enumerate(_FIELDS.get(entity, ())) if bits & (1 << bit)]
