"""Single values of Buildertrend as exact plain values: text, ids, whole minutes, money in millionths.

What cannot be right raises InvalidRecordError with a sentence that names the field and never quotes personal data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Any

from core.errors import InvalidRecordError

# Postgres holds money as numeric(18,6): twelve digits before the point.
_MONEY_LIMIT_MICROS = 10**18
MINUTES_LIMIT = 2**31
_MICRO = Decimal(1_000_000)
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_PLAIN_NUMBER = re.compile(r"(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})?(?:\.\d{0,30})?(?:[eE][+-]?\d{1,2})?\Z")


def text(value: str | None, what: str) -> str | None:
    """The text as typed; None where it is blank. A NUL character cannot be stored as text and is refused."""
    if value is None:
        return None
    if "\x00" in value:
        raise InvalidRecordError(f"The {what} holds a NUL character: remove it in Buildertrend.", error_class="nul")
    return value if value.strip() else None


def identifier(value: int, what: str) -> str:
    """Buildertrend's number as text; a negative one is refused."""
    if value < 0:
        raise InvalidRecordError(f"The {what} is negative ({value}).", error_class="bad-id")
    return str(value)


def minutes(value: int | None, what: str) -> int | None:
    """Whole minutes; a negative or absurd number is refused."""
    if value is None or 0 <= value < MINUTES_LIMIT:
        return value
    raise InvalidRecordError(f"The {what} cannot be {value} minutes.", error_class="bad-duration")


@lru_cache(maxsize=16_384)
def money_micros(value: str | None, what: str) -> int | None:
    """Millionths of a dollar of "$42.00", "1,042.50", "336.0" (negative: "-5" or "(5)"); None where nothing is stated.

    More than six decimals are rounded half to even: Buildertrend computes costs as floating point.
    """
    amount = decimal(value, what)
    if amount is None:
        return None
    micros = to_whole(_EXACT.multiply(amount, _MICRO))
    if abs(micros) >= _MONEY_LIMIT_MICROS:
        raise InvalidRecordError(f"The {what} is larger than any amount of money can be.", error_class="bad-money")
    return micros


def decimal(value: str | None, what: str) -> Decimal | None:
    """The exact number that a JSON text or an amount for people states; None for blank or null."""
    stated = _unwrapped(value, what)
    if not stated or stated == "null":
        return None
    negative = False
    if stated[0] == "(" and stated[-1] == ")":
        negative, stated = True, stated[1:-1].strip()
    # The sign stands on either side of the currency: "-$5.00" and "$-5.00".
    for _ in range(2):
        if stated[:1] in ("-", "+"):
            negative, stated = negative != (stated[0] == "-"), stated[1:].strip()
        stated = stated.removeprefix("$").strip()
    if not any(letter.isdigit() for letter in stated) or not _PLAIN_NUMBER.match(stated):
        raise InvalidRecordError(f"The {what} is not a number that can be read.", error_class="bad-number")
    number = Decimal(stated.replace(",", ""))
    return -number if negative else number


def product_of_sum(numbers: Iterable[Decimal], factor: int) -> Decimal:
    """The sum times `factor`, without the rounding that Decimal's default context does at 28 digits."""
    total = Decimal(0)
    for number in numbers:
        total = _EXACT.add(total, number)
    return _EXACT.multiply(total, Decimal(factor))


def to_whole(number: Decimal) -> int:
    """The nearest whole number, halves to even."""
    return int(number.to_integral_value(rounding=ROUND_HALF_EVEN))


def _unwrapped(value: str | None, what: str) -> str:
    """A value that is still JSON, `"336.0"` in quotes or `{"value": 336.0}`, as the text inside."""
    stated = (value or "").strip()
    if stated[:1] not in ('"', "{"):
        return stated
    try:
        inner: Any = json.loads(stated, parse_float=str, parse_int=str)
    except ValueError as exc:
        raise InvalidRecordError(f"The {what} is not a number that can be read.", error_class="bad-number") from exc
    if isinstance(inner, dict):
        inner = inner.get("value")
    if inner is not None and not isinstance(inner, str):
        raise InvalidRecordError(f"The {what} is not a number that can be read.", error_class="bad-number")
    return (inner or "").strip()
