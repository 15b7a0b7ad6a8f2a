"""The steps of every data request: browser check, session, faults, then the endpoint's own answer.

A session is named by its bearer token or by its `.AspNet.Auth0` cookie, which is renewed from time to time (S8); the
other cookies are set and ignored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.connection import connection_of
from sandbox.faults.chain import AROUND_DATA, AROUND_REQUESTS, answer_through
from sandbox.faults.visit import Visit
from sandbox.quirks import SignInQuirks
from sandbox.sessions import Session
from sandbox.switches import SessionEndSignal
from sandbox.wire.call import (
    Answer,
    Call,
    WireRefusedError,
    WireStatusError,
    error_page,
    plain,
    refused,
    relogin,
    sign_in_page,
    to_error_page,
)
from sandbox.world import World, world_of

AUTH_COOKIE = ".AspNet.Auth0"


def wire_route(path: str, answer: Answer, *, method: str) -> Route:
    """A route whose answer is reached only through the gate."""

    async def endpoint(request: Request) -> Response:
        return await _pass_gate(request, answer)

    return Route(path, endpoint, methods=[method], name=f"{method} {path}")


def is_refused_at_the_edge(request: Request, quirks: SignInQuirks) -> bool:
    """Whether the edge takes the client for no browser, as strictly as this account's does (S13)."""
    if quirks.edge == "open":
        return False
    if "Mozilla" not in request.headers.get("user-agent", ""):
        return True
    own = {f"{request.url.scheme}://{request.headers.get('host', '')}", "https://buildertrend.net"}
    comes_from = request.headers.get("referer", "")
    has_referer = any(comes_from.startswith(f"{origin}/") for origin in own)
    has_origin = request.method == "GET" or request.headers.get("origin") in own
    return quirks.edge == "referer" and not (has_referer and has_origin)


def target_of(request: Request) -> str:
    """The path with the query."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


async def _pass_gate(request: Request, answer: Answer) -> Response:
    world = world_of(request)
    named = _token(request)
    session = world.sessions.find(named.value)
    quirks = SignInQuirks() if session is None else world.directory.company(session.builder_id).switches
    if is_refused_at_the_edge(request, quirks):
        return to_error_page()
    if session is None:
        with world.counters.of(None).counting(request.url.path):
            return relogin()
    company = world.directory.company(session.builder_id)
    visit = Visit(company, target_of(request), connection_of(request.scope))

    async def data() -> Response:
        return await _answer(request, answer, session=session)

    async def inner() -> Response:
        if not _use(world, session, named=named, now=visit.connection.now()):
            return _session_over(company.switches.session_end_signal)
        answered = await answer_through(AROUND_DATA, visit, data)
        renews = company.switches.cookie_renewal_calls
        if named.is_cookie and renews is not None and session.cookie_calls >= renews:
            grace = company.switches.cookie_grace_calls
            answered.set_cookie(AUTH_COOKIE, world.sessions.renew_cookie(session, grace_calls=grace), httponly=True)
        return answered

    with world.counters.of(session.builder_id).counting(request.url.path):
        return await answer_through(AROUND_REQUESTS, visit, inner)


async def _answer(request: Request, answer: Answer, *, session: Session) -> Response:
    try:
        call = Call(
            company=world_of(request).directory.company(session.builder_id),
            path=request.url.path,
            query=request.query_params,
            path_params=request.path_params,
            body=await _body(request),
        )
        return answer(call)
    except WireRefusedError as refusal:
        return refused(str(refusal))
    except WireStatusError as failure:
        return error_page(failure.status)


async def _body(request: Request) -> Any:
    if request.headers.get("portaltype") != "1":
        raise WireRefusedError("The portal type is missing or not the builder portal.")
    text = await request.body()
    if not text:
        return None
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise WireRefusedError("The content type of the request is not supported.")
    try:
        return json.loads(text)
    except ValueError as error:
        raise WireRefusedError("The request could not be read.") from error


@dataclass(frozen=True, slots=True)
class _Named:
    """What names the session of a request."""

    value: str
    is_cookie: bool


def _token(request: Request) -> _Named:
    """By the cookie where both are there, as pages go by it."""
    cookie = request.cookies.get(AUTH_COOKIE, "")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and not cookie:
        return _Named(token, is_cookie=False)
    return _Named(cookie, is_cookie=True)


def _use(world: World, session: Session, *, named: _Named, now: datetime) -> bool:
    """Count a call of the session; False once it is over: by command, by calls, by idling, or under a dead cookie."""
    switches = world.directory.company(session.builder_id).switches
    if named.is_cookie and not session.takes(named.value):
        return False
    is_refused = switches.fresh_session == "refused" and session.calls == 0
    is_used_up = switches.session_calls is not None and session.calls >= switches.session_calls
    idle_s = 0.0 if session.last_at is None else (now - session.last_at).total_seconds()
    is_idle = switches.session_timeout == "enforced" and idle_s > 60 * switches.session_timeout_minutes
    session.last_at = now
    if (is_refused or is_used_up or is_idle) and not session.is_over:
        session.is_over = True
        world.counters.of(session.builder_id).sessions_ended += 1
    session.calls += 1
    return not session.is_over


def _session_over(signal: SessionEndSignal) -> Response:
    match signal:
        case "relogin":
            return relogin()
        case "401":
            return plain({"message": "Authorization has been denied for this request."}, status=401)
        case "302":
            return to_error_page()
        case "html":
            return sign_in_page()
