"""How single values look on the wire: money, rates, sentinel dates. Numbers are as a person would type them."""

from __future__ import annotations

from typing import Any, Literal

_SENTINELS = ("0001-01-01T00:00:00", "2006-01-01T00:00:00", "2055-01-01T00:00:00")


def amount(cents: int) -> float:
    """Dollars; the nearest float to two decimals prints as exactly these two decimals."""
    return cents / 100


def wrapped(cents: int) -> dict[str, object]:
    return {"value": amount(cents), "scale": 2}


def minutes_number(ten_thousandths: int) -> int | float:
    """Minutes of so many ten-thousandths of an hour: 87 for 14,500 and 487.998 for 81,333 (T4)."""
    whole, rest = divmod(ten_thousandths * 6, 1000)
    return ten_thousandths * 6 / 1000 if rest else whole


def money(cents: int, *, salt: int) -> object:
    """Money as a bare number or wrapped, as real answers mix them; the salt decides."""
    return wrapped(cents) if salt % 5 < 3 else amount(cents)


def nothing_as(holder: dict[str, Any], name: str, how: Literal["empty", "null", "missing"]) -> dict[str, Any]:
    """The holder with an empty list under that name as the account states "nothing" (B4)."""
    if holder[name] or how == "empty":
        return holder
    if how == "null":
        return {**holder, name: None}
    return {key: value for key, value in holder.items() if key != name}


def rate_text(cents: int) -> str:
    return f"${cents / 100:,.2f}"


def date_or_sentinel(value: str | None, *, salt: int) -> str:
    """The date, or one of the dates that mean "none"."""
    return value or _SENTINELS[salt % len(_SENTINELS)]
