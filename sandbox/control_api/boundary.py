"""The boundary of the control API: who may call it, how bodies are read, and what errors look like.

It has no sign-in. It answers only the machine that it runs on, unless the sandbox is configured otherwise, and only
under its own host names: a page of another site whose name resolves to this machine (DNS rebinding) gets nothing.
Unsafe requests must come from the sandbox's own page or from no page; a POST must have a JSON content type, with a
body or without.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.errors import NotFoundError, RefusedError, SandboxError
from sandbox.world import world_of

B = TypeVar("B", bound=BaseModel)

_THIS_MACHINE = {"127.0.0.1", "::1", "localhost", "testclient"}
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
# What browsers send with a request of the page itself, or of an address that somebody typed.
_OWN_SITE = {"same-origin", "none"}


def control_route(path: str, endpoint: Callable[[Request, object], object], *, method: str) -> Route:
    """A route whose endpoint takes the parsed body and returns what is answered as JSON."""

    async def run(request: Request) -> Response:
        if not may_control(request):
            return _error(403, "The sandbox is controlled from the machine it runs on only, under a name of its own.")
        if not _is_same_site(request):
            return _error(403, "Another site's page cannot control the sandbox.")
        try:
            return JSONResponse(endpoint(request, await _json(request)))
        except NotFoundError as error:
            return _error(404, str(error))
        except SandboxError as error:
            return _error(400, str(error))

    return Route(f"/sandbox/api{path}", run, methods=[method], name=f"{method} {path}")


def may_control(request: Request) -> bool:
    """Whether the client may control the sandbox, under the host name that it uses."""
    if not _is_own_host(request):
        return False
    if request.app.state.control_from == "anywhere":
        return True
    return request.client is not None and request.client.host in _THIS_MACHINE


def _is_own_host(request: Request) -> bool:
    """Only known names: an address always means one machine, a name can be made to resolve to any."""
    name = _host_of(request.headers.get("host", ""))
    if name == "localhost" or name.endswith(".localhost") or name in request.app.state.names:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or request.app.state.control_from == "anywhere"


def _is_same_site(request: Request) -> bool:
    if request.method in _SAFE_METHODS:
        return True
    if request.headers.get("sec-fetch-site", "none") not in _OWN_SITE:
        return False
    origin = request.headers.get("origin")
    return origin is None or origin == f"{request.url.scheme}://{request.headers.get('host', '')}"


def _host_of(stated: str) -> str:
    """The host of the header itself: for an invalid one the framework gives the address connected to."""
    text = stated.strip().lower()
    host = text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]
    return host.rstrip(".")


def company_of(request: Request) -> Company:
    return world_of(request).directory.company(int(request.path_params["builder_id"]))


def read_body(kind: type[B], body: object) -> B:
    """Raises RefusedError naming the first field that is wrong and why."""
    try:
        return kind.model_validate({} if body is None else body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise RefusedError(f"{field}: {reason}." if field else f"{reason}.") from error


async def http_error(request: Request, error: Exception) -> Response:
    """Unknown paths and methods under the control API answer in JSON too."""
    status, text = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "Server error")
    if request.url.path.startswith("/sandbox/api"):
        return _error(status, f"{text}: {request.method} {request.url.path}")
    return Response(text, status)


async def _json(request: Request) -> object:
    text = await request.body()
    if not text and request.method != "POST":
        return None
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise RefusedError("What is sent must have Content-Type: application/json.")
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise RefusedError("The body is not JSON.") from error


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)
