"""JSON within bounds of depth, number of values and digits: every answer of Buildertrend is decoded here."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

MOST_DEPTH = 64
MOST_VALUES = 1_000_000
MOST_DIGITS = 300
# A text shorter than this cannot hold more values than that.
_SURELY_FEW_BYTES = 2 * MOST_VALUES
# An unclosed string matches to the end: a new attempt at every quote would take quadratic time.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class NotJsonError(ValueError):
    """The text is cut off or is not JSON."""


class OverBoundsError(NotJsonError):
    """The text nests deeper, or holds more values, than any answer that Buildertrend is known to give."""


def check_size(text: bytes) -> None:
    """Raises OverBoundsError for too many values: as objects they would take many times the bytes of the text."""
    if len(text) <= _SURELY_FEW_BYTES:
        return
    if text.count(b",") + text.count(b"[") + text.count(b"{") > MOST_VALUES:
        raise OverBoundsError(f"more than {MOST_VALUES} values")


def decoded(text: bytes) -> Any:
    """The value, decimals exact (Decimal), strings as UTF-8 can hold them. Raises NotJsonError, OverBoundsError.

    A number of too many digits comes as its text, for its field to refuse.
    """
    check_size(text)
    if _is_too_deep(text):
        raise OverBoundsError(f"nested deeper than {MOST_DEPTH}")
    try:
        return _QUICK.decode(text)
    except (msgspec.MsgspecError, InvalidOperation):
        # Half surrogate pairs and odd numbers need the slow way; what is not JSON fails there, too.
        return _decoded_slowly(text)


def _decoded_slowly(text: bytes) -> Any:
    try:
        parsed = _SLOW.decode(text.decode())
    except ValueError as exc:
        raise NotJsonError(str(exc)) from None
    return _without_half_surrogates(parsed) if b"\\ud" in text or b"\\uD" in text else parsed


def _is_too_deep(text: bytes) -> bool:
    if text.count(b"[") + text.count(b"{") <= MOST_DEPTH:
        return False
    brackets = _STRINGS.sub(b"", text).translate(_TO_SQUARE, _NO_BRACKETS)
    for _ in range(MOST_DEPTH):
        inner = len(brackets)
        brackets = brackets.replace(b"[]", b"")
        if len(brackets) == inner:
            break
    # Brackets that a cut-off text left open count, too.
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


def _without_half_surrogates(node: Any) -> Any:
    """A string cut in the middle of an emoji ends in half a surrogate pair, which UTF-8 cannot hold."""
    if isinstance(node, str):
        return node.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(node, list):
        return [_without_half_surrogates(item) for item in node]
    if isinstance(node, dict):
        return {_without_half_surrogates(key): _without_half_surrogates(value) for key, value in node.items()}
    return node


# Built once: json.loads with arguments builds one for each row.
_SLOW = json.JSONDecoder(parse_float=_decimal, parse_int=_whole_number, parse_constant=_no_constant)
_QUICK = msgspec.json.Decoder(float_hook=Decimal)
