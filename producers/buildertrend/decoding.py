"""JSON from outside, within bounds: depth, number of values, digits. Everything of Buildertrend's is decoded here."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

MOST_DEPTH = 64
MOST_VALUES = 1_000_000
MOST_DIGITS = 300
# A text shorter than this cannot hold too many values.
_SURELY_FEW_BYTES = 2 * MOST_VALUES
# A text that nobody closes goes to the end: looking for its end anew at every quote would take the square of the time.
_TEXTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class NotJsonError(ValueError):
    """The text is cut off, or no JSON."""


class OverBoundsError(NotJsonError):
    """The text nests deeper, or holds more values, than anything that Buildertrend is known to answer."""


def check_size(text: bytes) -> None:
    """OverBoundsError for more values than any answer has: as objects they would take many times its bytes."""
    if len(text) <= _SURELY_FEW_BYTES:
        return
    if text.count(b",") + text.count(b"[") + text.count(b"{") > MOST_VALUES:
        raise OverBoundsError(f"more than {MOST_VALUES} values")


def decoded(text: bytes) -> Any:
    """The value, decimals exact (Decimal), keys and texts as UTF-8 can hold them.

    A number of too many digits is given as its text: that is its field's matter. NotJsonError, OverBoundsError.
    """
    check_size(text)
    if _is_too_deep(text):
        raise OverBoundsError(f"nested deeper than {MOST_DEPTH}")
    try:
        return _QUICK.decode(text)
    except (msgspec.MsgspecError, InvalidOperation):
        # Half characters and odd numbers are read the slow way, and what is no JSON fails there.
        return _slowly(text)


def _slowly(text: bytes) -> Any:
    try:
        parsed = _SLOW.decode(text.decode())
    except ValueError as exc:
        raise NotJsonError(str(exc)) from None
    return _without_half_characters(parsed) if b"\\ud" in text or b"\\uD" in text else parsed


def _is_too_deep(text: bytes) -> bool:
    if text.count(b"[") + text.count(b"{") <= MOST_DEPTH:
        return False
    brackets = _TEXTS.sub(b"", text).translate(_TO_SQUARE, _NO_BRACKETS)
    for _ in range(MOST_DEPTH):
        inner = len(brackets)
        brackets = brackets.replace(b"[]", b"")
        if len(brackets) == inner:
            break
    # What a text that is cut off left open counts as well.
    return len(brackets) > MOST_DEPTH


def _no_constant(constant: str) -> None:
    raise ValueError(constant)


def _whole_number(text: str) -> int | str:
    return int(text) if len(text) <= MOST_DIGITS else text


def _decimal(text: str) -> Decimal | str:
    try:
        return Decimal(text) if len(text) <= MOST_DIGITS else text
    except InvalidOperation:
        return text


def _without_half_characters(node: Any) -> Any:
    """A text cut in the middle of an emoji ends in half a surrogate pair, which no UTF-8 can hold."""
    if isinstance(node, str):
        return node.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(node, list):
        return [_without_half_characters(item) for item in node]
    if isinstance(node, dict):
        return {_without_half_characters(key): _without_half_characters(value) for key, value in node.items()}
    return node


# Built once: json.loads with arguments builds one for each row.
_SLOW = json.JSONDecoder(parse_float=_decimal, parse_int=_whole_number, parse_constant=_no_constant)
_QUICK = msgspec.json.Decoder(float_hook=Decimal)
