"""Tells data from the many ways in which Buildertrend refuses: the end of a session is never taken for "no data"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from core.errors import IntegrationError
from producers.buildertrend.client import Answer
from producers.buildertrend.decoding import NotJsonError, OverBoundsError, check_size, decoded
from producers.buildertrend.faults import SourceFaultError
from schemas.faults import NO_PERMISSION, SOURCE_CHANGED, SOURCE_UNAVAILABLE

Json = dict[str, Any]


# Words of a message about access; "could not access the database" is none.
_NO_ACCESS = re.compile(
    r"permission|privilege|not authori[sz]ed|unauthori[sz]ed|(not|n't|no) have access|no access|access (is )?denied",
    re.IGNORECASE,
)
_REDIRECTS = (301, 302, 303, 307, 308)
_REFUSALS = (400, 413, 422)
# Where Buildertrend redirects without a session [A]. A redirect elsewhere, as to a maintenance page, does not count.
_SIGN_IN_PATH = re.compile(r"/(login|landing|authorize)\b|/app/error\b", re.IGNORECASE)
_SIGN_IN_HOST = re.compile(r"login\.", re.IGNORECASE)
_COMPLAINTS = frozenset({"message", "error", "exceptionmessage", "errormessage", "detail"})
_MOST_RECORDS = 1_000_000_000
_FEW_DIGITS = re.compile("[0-9]{1,10}", re.ASCII)


class SessionExpiredError(IntegrationError):
    """Buildertrend wants a new sign-in; `refused_client`: it may also mean that it does not accept this HTTP client."""

    def __init__(self, sign: str, *, refused_client: bool = False) -> None:
        super().__init__(sign)
        self.refused_client = refused_client


class RefusedQueryError(SourceFaultError):
    """400, 500 or `success: false`: this query was not answered, and one over fewer jobs may be (G5, R6)."""

    def __init__(self, detail: str) -> None:
        super().__init__(SOURCE_UNAVAILABLE, detail)


class ModuleMissingError(RefusedQueryError):
    """404 or 500: the account does not use this module (R5); for an endpoint that every account has, an outage."""


def read_json(answer: Answer, *, what: str) -> Any:
    """The parsed body of a good answer, money exact (Decimal).

    `what` names the read in errors. Raises SessionExpiredError, ModuleMissingError or SourceFaultError.
    """
    _check_status(answer, what)
    text = answer.body.lstrip()
    if text[:1] == b"<":
        # A sign-in page served in place of JSON.
        raise SessionExpiredError("an HTML page came instead of data")
    parsed = json_of(text, what=what)
    _check_envelope(parsed, what)
    return parsed


def json_of(text: bytes, *, what: str) -> Any:
    """The value of a JSON text; SourceFaultError if it is not JSON or exceeds the bounds of decoding."""
    try:
        return decoded(text)
    except OverBoundsError as exc:
        raise SourceFaultError(SOURCE_CHANGED, f"{what}: the answer is {exc}") from exc
    except NotJsonError as exc:
        raise SourceFaultError(SOURCE_UNAVAILABLE, f"{what}: the answer is cut off or no JSON") from exc


class _GridData(msgspec.Struct):
    data: list[msgspec.Raw]
    records: int | None = None
    pageSize: int | None = None


class _GridEnvelope(msgspec.Struct):
    success: Literal[True]
    data: _GridData
    needsToRelogin: Literal[False] | None = None


_GRID = msgspec.json.Decoder(_GridEnvelope)


@dataclass(frozen=True, slots=True)
class GridPage:
    """A page of a grid: its rows, as bytes or parsed.

    `records`: how many rows the grid has (G7); `page_size`: how many a page holds (G9); None if not stated. What it
    says in `totalPages` is computed from what we send (G6): nobody reads it.
    """

    rows: list[Any]
    records: int | None = None
    page_size: int | None = None


def quick_grid(answer: Answer) -> GridPage | None:
    """The page of a well-formed answer, its rows as bytes; None for any other, which `grid_page` reads."""
    if answer.status != 200:
        return None
    try:
        check_size(answer.body)
        found = _GRID.decode(answer.body).data
    except (msgspec.MsgspecError, OverBoundsError, RecursionError):
        # `grid_page` raises what is wrong with it.
        return None
    return GridPage([bytes(row) for row in found.data], stated_count(found.records), stated_count(found.pageSize))


def grid_page(answer: Answer, *, what: str) -> GridPage:
    """The page of any grid's answer, its rows parsed. Raises what `read_json` raises."""
    data = enveloped(read_json(answer, what=what), what=what)
    rows = data.get("data") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise changed(what, "data")
    return GridPage(rows, stated_count(data.get("records")), stated_count(data.get("pageSize")))


def stated_count(stated: Any) -> int | None:
    """A number of rows or pages; None for what cannot be one."""
    if isinstance(stated, str) and _FEW_DIGITS.fullmatch(stated):
        stated = int(stated)
    return stated if type(stated) is int and 0 <= stated <= _MOST_RECORDS else None


def parsed_row(raw: Any) -> Any:
    """A row of a grid, parsed if it comes as bytes, money exact (Decimal). NotJsonError if it exceeds the bounds."""
    return decoded(raw) if isinstance(raw, bytes) else raw


def enveloped(parsed: Any, *, what: str) -> Any:
    """The `data` of an `/api/…` answer."""
    if not isinstance(parsed, dict) or "data" not in parsed or parsed["data"] is None:
        raise changed(what, "data")
    return parsed["data"]


def object_of(value: Any) -> Json:
    """The value, or an empty object if it is none."""
    return value if isinstance(value, dict) else {}


def bare(parsed: Any, *, what: str) -> Json:
    """The object of an answer that comes with or without the envelope (R2); empty where `data` is null (B4)."""
    if not isinstance(parsed, dict):
        raise changed(what, "(top level)")
    data: Json | None = parsed.get("data")
    if data is not None:
        if not isinstance(data, dict):
            raise changed(what, "data")
        return data
    if _is_complaint(parsed):
        raise RefusedQueryError(f"{what}: Buildertrend answered with a message in place of data")
    return parsed


def _is_complaint(parsed: Json) -> bool:
    """Whether an answer without data is an error's: a text for people, no success, and nothing with an inside."""
    if parsed.get("success") is True or any(isinstance(value, (dict, list)) for value in parsed.values()):
        return False
    return any(isinstance(value, str) and value and key.lower() in _COMPLAINTS for key, value in parsed.items())


def rows_of_report(answer: Any) -> list[Any] | None:
    """The rows of a report, in `rowData` or `data`, at the top or one level below; None where there are none."""
    for node in (answer, object_of(answer).get("data")):
        for name in ("rowData", "data"):
            rows = object_of(node).get(name)
            if isinstance(rows, list):
                return rows
    return None


def changed(what: str, field: str) -> SourceFaultError:
    """The fault for a field that is missing or has another form than known."""
    return SourceFaultError(SOURCE_CHANGED, f"{what}: field {field} is missing or has another form")


def leads_to_sign_in(target: str) -> bool:
    """Whether a redirect leads where Buildertrend sends clients without a session, or clients that it refuses."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    return bool(_SIGN_IN_PATH.search(parts.path) or _SIGN_IN_HOST.match(parts.netloc))


def leads_to_error_page(target: str) -> bool:
    """Whether a redirect leads to the page for clients that the edge refuses [B]."""
    try:
        return urlsplit(target).path.lower().rstrip("/") == "/app/error"
    except ValueError:
        return False


def _check_status(answer: Answer, what: str) -> None:
    if answer.status in _REDIRECTS:
        target = answer.headers.get("Location", "")
        if not leads_to_sign_in(target):
            raise SourceFaultError(SOURCE_UNAVAILABLE, f"{what}: redirected to a page that is not for signing in")
        raise SessionExpiredError("redirected", refused_client=leads_to_error_page(target))
    if answer.status == 401:
        raise SessionExpiredError("status 401")
    if answer.status == 403:
        raise SourceFaultError(NO_PERMISSION, f"{what}: status 403")
    if answer.status in (404, 500):
        raise ModuleMissingError(f"{what}: status {answer.status}")
    if answer.status in _REFUSALS:
        raise RefusedQueryError(f"{what}: status {answer.status}")
    if answer.status != 200:
        raise SourceFaultError(SOURCE_UNAVAILABLE, f"{what}: status {answer.status}")


def _check_envelope(parsed: Any, what: str) -> None:
    if not isinstance(parsed, dict):
        return
    if parsed.get("needsToRelogin") is True:
        raise SessionExpiredError("needsToRelogin")
    if parsed.get("success") is False:
        detail = f"{what}: Buildertrend answered success false"
        raise SourceFaultError(NO_PERMISSION, detail) if _is_about_permission(parsed) else RefusedQueryError(detail)


def _is_about_permission(parsed: Mapping[str, Any]) -> bool:
    """Its message is for people; only one about access is recognised (R4)."""
    return bool(_NO_ACCESS.search(str(parsed.get("message", ""))))
