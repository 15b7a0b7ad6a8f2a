"""Tells data from the many ways in which Buildertrend says no: a session's end is never taken for "no data"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import msgspec

from core.errors import IntegrationError
from producers.buildertrend.faults import (
    NO_PERMISSION,
    SOURCE_CHANGED,
    SOURCE_UNAVAILABLE,
    Fault,
    SourceFaultError,
)
from producers.buildertrend.polite import Answer

Json = dict[str, Any]


def _no_number(constant: str) -> None:
    raise ValueError(constant)


# Built once: json.loads with arguments builds one for each row.
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_number)
_QUICK = msgspec.json.Decoder(float_hook=Decimal)


class SessionOverError(IntegrationError):
    """Buildertrend wants a new sign-in; `refused_client` if the answer may as well mean that it dislikes the client."""

    def __init__(self, sign: str, *, refused_client: bool = False) -> None:
        super().__init__(sign)
        self.refused_client = refused_client


class ModuleMissingError(SourceFaultError):
    """404 or 500: the account does not use this module [B]. Where the endpoint must be there, it is an outage."""

    def __init__(self, detail: str) -> None:
        super().__init__(SOURCE_UNAVAILABLE, detail)


def read_json(answer: Answer, *, what: str) -> Any:
    """The parsed body of a good answer, money exact (Decimal).

    `what` names the read in errors. Raises SessionOverError, ModuleMissingError or SourceFaultError.
    """
    _check_status(answer, what)
    text = answer.body.lstrip()
    if text[:1] == b"<":
        # A sign-in page served in place of JSON.
        raise SessionOverError("an HTML page came instead of data")
    try:
        parsed = _parsed(text)
    except ValueError as exc:
        raise SourceFaultError(SOURCE_UNAVAILABLE, f"{what}: the answer is cut off or no JSON") from exc
    _check_envelope(parsed, what)
    return parsed


class _GridData(msgspec.Struct):
    data: list[msgspec.Raw]
    totalPages: int
    records: int | None = None
    pageSize: int | None = None


class _GridEnvelope(msgspec.Struct):
    success: Literal[True]
    data: _GridData
    needsToRelogin: Literal[False] | None = None


_GRID = msgspec.json.Decoder(_GridEnvelope)


@dataclass(frozen=True, slots=True)
class GridPage:
    """A page of a grid: its rows, as bytes or parsed; how many pages there are.

    `records` and `page_size`: how many rows the grid has and a page holds, where it says so.
    """

    rows: list[Any]
    pages_total: int
    records: int | None = None
    page_size: int | None = None


def quick_grid(answer: Answer) -> GridPage | None:
    """The page of a plainly good grid's answer, its rows as bytes; None for any other, which `read_json` reads."""
    if answer.status != 200:
        return None
    try:
        found = _GRID.decode(answer.body).data
    except msgspec.MsgspecError:
        return None
    return GridPage([bytes(row) for row in found.data], found.totalPages, found.records, found.pageSize)


def parsed_row(raw: Any) -> Any:
    """A row of a grid, parsed if it comes as bytes, money exact (Decimal)."""
    return _parsed(raw) if isinstance(raw, bytes) else raw


def enveloped(parsed: Any, *, what: str) -> Any:
    """The `data` of an `/api/…` answer."""
    if not isinstance(parsed, dict) or "data" not in parsed or parsed["data"] is None:
        raise changed(what, "data")
    return parsed["data"]


def bare(parsed: Any, *, what: str) -> Json:
    """The object of an `/apix/…` answer, which comes with or without the envelope [A]."""
    if isinstance(parsed, dict) and isinstance(parsed.get("data"), dict):
        parsed = parsed["data"]
    if not isinstance(parsed, dict):
        raise changed(what, "(top level)")
    return parsed


def changed(what: str, field: str) -> SourceFaultError:
    """The fault for a field that is missing or of another kind than known."""
    return SourceFaultError(SOURCE_CHANGED, f"{what}: field {field} is missing or has another form")


def _parsed(text: bytes) -> Any:
    try:
        return _QUICK.decode(text)
    except msgspec.MsgspecError:
        # Half characters are read the slow way, and what is no JSON fails there with the usual error.
        pass
    parsed = _DECODER.decode(text.decode())
    return _without_half_characters(parsed) if b"\\ud" in text or b"\\uD" in text else parsed


def _without_half_characters(node: Any) -> Any:
    """A text cut in the middle of an emoji ends in half a surrogate pair, which no UTF-8 can hold."""
    if isinstance(node, str):
        return node.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(node, list):
        return [_without_half_characters(item) for item in node]
    if isinstance(node, dict):
        return {_without_half_characters(key): _without_half_characters(value) for key, value in node.items()}
    return node


def _check_status(answer: Answer, what: str) -> None:
    if answer.status in (301, 302, 303, 307, 308):
        target = answer.headers.get("Location", "")
        raise SessionOverError("redirected", refused_client="/app/error" in target)
    if answer.status == 401:
        raise SessionOverError("status 401")
    if answer.status == 403:
        raise SourceFaultError(NO_PERMISSION, f"{what}: status 403")
    if answer.status in (404, 500):
        raise ModuleMissingError(f"{what}: status {answer.status}")
    if answer.status != 200:
        raise SourceFaultError(SOURCE_UNAVAILABLE, f"{what}: status {answer.status}")


def _check_envelope(parsed: Any, what: str) -> None:
    if not isinstance(parsed, dict):
        return
    if parsed.get("needsToRelogin") is True:
        raise SessionOverError("needsToRelogin")
    if parsed.get("success") is False:
        raise SourceFaultError(_fault_of_message(parsed), f"{what}: Buildertrend answered success false")


def _fault_of_message(parsed: Mapping[str, Any]) -> Fault:
    """Its message is for people [A]; only a word about permissions is told apart."""
    return NO_PERMISSION if "permission" in str(parsed.get("message", "")).lower() else SOURCE_UNAVAILABLE
