"""One authenticated request of the wire, and the shapes in which it may be answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sandbox.company import Company

_TITLES = {
    404: "404 - File or directory not found.",
    403: "403 - Forbidden: Access is denied.",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a company's live session; `body` is its parsed JSON, or None without one."""

    company: Company
    path: str
    query: QueryParams
    path_params: dict[str, Any]
    body: Any


Answer = Callable[[Call], Response]


class WireRefusedError(Exception):
    """The request is understood and refused: `success: false` with this message, HTTP 200."""


class WireStatusError(Exception):
    """The request is answered with an HTML error page of this status: no such endpoint, or a failure behind it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def plain(payload: object, status: int = 200) -> Response:
    """Top-level JSON without the envelope, as `/apix` answers."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status_code=status, media_type="application/json; charset=utf-8")


def enveloped(data: object) -> Response:
    return plain(_envelope(data, success=True))


def refused(message: str, status: int = 200) -> Response:
    return plain(_envelope(None, success=False, message=message), status)


def error_page(status: int, headers: dict[str, str] | None = None) -> Response:
    title = _TITLES.get(status, "Server Error" if status >= 500 else f"{status} - Error")
    return HTMLResponse(f"<html><head><title>{title}</title></head><body>{title}</body></html>", status, headers)


def relogin() -> Response:
    return plain({**_envelope(None, success=False, message="Your session has expired."), "needsToRelogin": True})


def to_error_page() -> Response:
    return RedirectResponse("/app/error", status_code=302)


def sign_in_page() -> Response:
    return HTMLResponse(
        "<!DOCTYPE html><html><head><title>Sign In - Buildertrend</title></head><body>"
        '<form method="post" action="/Login"><input name="username"><input name="password" type="password">'
        "<button>Sign in</button></form></body></html>"
    )


def _envelope(data: object, *, success: bool, message: str | None = None) -> dict[str, object]:
    return {
        "success": success,
        "message": message,
        "needsToRelogin": False,
        "sessionJobInfo": None,
        "data": data,
        "metadata": None,
        "forcedUpgrade": False,
    }
