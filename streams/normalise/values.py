"""Single values of Buildertrend as exact values of ours: text, ids, whole minutes, money in millionths.

A value that cannot be right raises InvalidRecordError with a sentence that names the field and never quotes personal
data. Text is never refused, since it decides no hours. Long values are cut before they are parsed or kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache, reduce
from typing import Any

from core.errors import InvalidRecordError
from schemas.codec import Record
from schemas.entities import Entity

# Postgres holds money as numeric(18,6): twelve digits before the point.
_MONEY_LIMIT_MICROS = 10**18
# The pseudo-job of time that belongs to no job.
GENERAL_JOB_ID = "0"
MINUTES_LIMIT = 2**31
# The most characters of a name or a title, and of a note.
TEXT_LIMIT = 500
NOTES_LIMIT = 10_000
# The most tags, and cost code titles, of a shift; the most characters of a tag.
LIST_LIMIT = 200
TAG_LIMIT = 200
CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_CONTROLS = re.compile(CONTROLS)
_LONGEST_NUMBER = 100
# Of stated minutes.
_MOST_DECIMALS = 30
_MICRO = Decimal(1_000_000)
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_PLAIN_NUMBER = re.compile(r"(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})?(?:\.\d{0,30})?(?:[eE][+-]?\d{1,2})?\Z")


def text(value: str | None, what: str, notes: list[str] | None = None, *, limit: int = TEXT_LIMIT) -> str | None:
    """The text as typed, without control characters and cut at `limit`, noted in `notes`; None where it is blank."""
    if value is None:
        return None
    cleaned = value if value.isprintable() else _CONTROLS.sub("", value)
    if notes is not None and cleaned != value:
        notes.append(f"Control characters were removed from the {what}.")
    if len(cleaned) > limit:
        cleaned = cleaned[:limit]
        if notes is not None:
            notes.append(f"Only the first {limit} characters of the {what} are kept.")
    return cleaned if cleaned.strip() else None


def identifier(value: int, what: str) -> str:
    """Buildertrend's number as text; a negative one is refused."""
    if value < 0:
        raise InvalidRecordError(f"The {what} is negative ({value}).", error_class="bad-id")
    return str(value)


def minutes(value: int | None, what: str) -> int | None:
    """Whole minutes; a negative or impossible number is refused."""
    if value is None or 0 <= value < MINUTES_LIMIT:
        return value
    raise InvalidRecordError(f"The {what} cannot be {value} minutes.", error_class="bad-duration")


def money_micros(value: str | None, what: str) -> int | None:
    """Millionths of a dollar of "$42.00", "1,042.50", "336.0" (negative: "-5" or "(5)"); None where there is no amount.

    More than six decimals are rounded half to even, since Buildertrend computes costs in floating point.
    """
    return None if value is None else _money_micros(_short(value, what), what)


def readable_money(value: str | None, what: str, notes: list[str] | None = None) -> int | None:
    """The same, but None with a note for an unreadable amount: money decides no hours."""
    try:
        return money_micros(value, what)
    except InvalidRecordError as error:
        if notes is not None:
            notes.append(error.reason)
        return None


@lru_cache(maxsize=16_384)
def _money_micros(value: str, what: str) -> int | None:
    amount = decimal(value, what)
    if amount is None:
        return None
    micros = to_whole(_EXACT.multiply(amount, _MICRO))
    if abs(micros) >= _MONEY_LIMIT_MICROS:
        raise InvalidRecordError(f"The {what} is larger than any amount of money can be.", error_class="bad-money")
    return micros


def decimal(value: str | None, what: str) -> Decimal | None:
    """The exact number in a JSON text or in an amount as people write it; None for blank or null."""
    stated = "" if value is None else _unwrapped(_short(value, what), what)
    if not stated or stated == "null":
        return None
    negative = False
    if stated[0] == "(" and stated[-1] == ")":
        negative, stated = True, stated[1:-1].strip()
    # The sign may be on either side of the currency: "-$5.00" and "$-5.00".
    for _ in range(2):
        if stated[:1] in ("-", "+"):
            negative, stated = negative != (stated[0] == "-"), stated[1:].strip()
        stated = stated.removeprefix("$").strip()
    if not any(letter.isdigit() for letter in stated) or not _PLAIN_NUMBER.match(stated):
        raise InvalidRecordError(f"The {what} is not a number that can be read.", error_class="bad-number")
    number = Decimal(stated.replace(",", ""))
    return -number if negative else number


def exact_sum(numbers: Iterable[Decimal]) -> Decimal:
    """The sum, without the rounding to 28 digits of Decimal's default context."""
    return reduce(_EXACT.add, numbers, Decimal(0))


def product_of_sum(numbers: Iterable[Decimal], factor: int) -> Decimal:
    """The exact sum times `factor`."""
    return _EXACT.multiply(exact_sum(numbers), Decimal(factor))


def readable_minutes(value: str | None) -> Decimal | None:
    """Minutes with fractions, as exact as they are stated; None where none are, or none that can be right.

    What is returned has at most ten digits before the point and thirty behind it: sums of many stay exact.
    """
    return None if value is None or len(value) > _LONGEST_NUMBER else _readable_minutes(value)


@lru_cache(maxsize=16_384)
def _readable_minutes(value: str) -> Decimal | None:
    try:
        stated = decimal(value, "minutes")
    except InvalidRecordError:
        return None
    if stated is None or not 0 <= stated < MINUTES_LIMIT:
        return None
    units = _EXACT.scaleb(stated, _MOST_DECIMALS)
    return stated if units == units.to_integral_value() else None


def in_smallest_units(stated: Decimal) -> int:
    """What `readable_minutes` returned as a whole number of the smallest units that it keeps apart."""
    return int(_EXACT.scaleb(stated, _MOST_DECIMALS))


def to_whole(number: Decimal) -> int:
    """The nearest whole number, halves to even."""
    return int(number.to_integral_value(rounding=ROUND_HALF_EVEN))


def _short(value: str, what: str) -> str:
    """The value, if it is short enough for a number: nested JSON or very many digits are refused unparsed."""
    if len(value) > _LONGEST_NUMBER:
        raise InvalidRecordError(f"The {what} is not a number that can be read.", error_class="bad-number")
    return value


def _unwrapped(value: str, what: str) -> str:
    """The text inside a value that is JSON, such as `"336.0"` in quotes or `{"value": 336.0}`."""
    stated = value.strip()
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


def envelope(entity: Entity, change: Record) -> Record:
    """The columns that every canonical record has, of one that is not deleted."""
    return {
        "company_id": change["company_id"],
        entity.id_field: change["entity_id"],
        "version": change["version"],
        "observed_at": change["observed_at"],
        "deleted_at": None,
    }
