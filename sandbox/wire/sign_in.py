"""The two sign-in endpoints that take a username and a password: Auth0's password grant and the phone app's call.

Usernames are matched case-insensitively; spaces are not trimmed, as that is left to the client.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.connection import connection_of
from sandbox.faults.chain import AROUND_REQUESTS, answer_through
from sandbox.faults.visit import Inner, Visit
from sandbox.sessions import Session
from sandbox.wire.call import enveloped, plain, refused
from sandbox.wire.gate import AUTH_COOKIE, target_of
from sandbox.world import World, world_of

_DAY_S = 86_400
_PASSWORD_GRANTS = ("password", "http://auth0.com/oauth/grant-type/password-realm")

Outcome = Session | Literal["wrong", "mfa", "blocked", "locked"]

# The words of Auth0's brute-force protection; that the phone app's call passes them on is our own choice [C].
_LOCKED = (
    "Your account has been blocked after multiple consecutive login attempts. "
    "We've sent you an email with instructions on how to unblock it."
)


def routes() -> list[Route]:
    return [
        Route("/oauth/token", _oauth_token, methods=["POST"]),
        Route("/api/Login/AjaxLogin", _ajax_login, methods=["POST"]),
    ]


async def _oauth_token(request: Request) -> Response:
    world = world_of(request)
    fields = parse_qs((await request.body()).decode(errors="replace"), keep_blank_values=True)
    form = {name: values[0] for name, values in fields.items()}
    company = world.directory.by_username(form.get("username", ""))

    async def inner() -> Response:
        problem = _form_problem(request, form)
        if problem is not None:
            return problem
        if company is not None and company.switches.auth0_grant == "captcha":
            return _oauth_answer("blocked")
        return _oauth_answer(_try(world, company, form.get("password", ""), now=_now(request)))

    return await _through(world, company, request=request, inner=inner)


def _form_problem(request: Request, form: dict[str, str]) -> Response | None:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return _oauth_error(400, "invalid_request", "The body must be form-encoded.")
    for name in ("grant_type", "username", "password", "client_id"):
        if not form.get(name):
            return _oauth_error(400, "invalid_request", f"Missing required parameter: {name}")
    if form["grant_type"] not in _PASSWORD_GRANTS:
        return _oauth_error(403, "unauthorized_client", "Grant type not allowed for the client.")
    return None


def _oauth_answer(outcome: Outcome) -> Response:
    match outcome:
        case Session(token=token):
            return plain(
                {
                    "access_token": token,
                    "scope": "openid profile email",
                    "expires_in": _DAY_S,
                    "token_type": "Bearer",
                }
            )
        case "mfa":
            return _oauth_error(403, "mfa_required", "Multifactor authentication required")
        case "blocked":
            return _oauth_error(403, "access_denied", "Suspicious request: bot detected, captcha required.")
        case "wrong":
            return _oauth_error(403, "invalid_grant", "Wrong email or password.")
        case "locked":
            return _oauth_error(429, "too_many_attempts", _LOCKED)


def _oauth_error(status: int, error: str, description: str) -> Response:
    return plain({"error": error, "error_description": description}, status)


async def _ajax_login(request: Request) -> Response:
    world = world_of(request)
    try:
        body = json.loads(await request.body())
        username, password = str(body["username"]), str(body["password"])
    except (ValueError, KeyError, TypeError):
        return refused("The request could not be read.")
    company = world.directory.by_username(username)

    async def inner() -> Response:
        if company is not None and company.switches.phone_app == "moved-to-auth0":
            return _ajax_answer("wrong")
        return _ajax_answer(_try(world, company, password, now=_now(request)))

    return await _through(world, company, request=request, inner=inner)


def _ajax_answer(outcome: Outcome) -> Response:
    match outcome:
        case Session(token=token):
            cookies = {AUTH_COOKIE: token, "ASP.NET_SessionId": token[:24].lower(), "GAESA": f"Cp{token[24:60]}"}
            listed = [{"name": name, "value": value} for name, value in cookies.items()]
            response = enveloped({"loginSuccess": True, "Token": token, "mobileCookies": listed, "LoginType": 1})
            for name, value in cookies.items():
                response.set_cookie(name, value, httponly=True)
            return response
        case "mfa":
            return refused("Multi-factor authentication is required for this user.")
        case "blocked":
            return refused("This sign-in looks automated (bot). Please complete the captcha in a browser.")
        case "wrong":
            return refused("invalid username or password")
        case "locked":
            return refused(_LOCKED)


def _now(request: Request) -> datetime:
    return connection_of(request.scope).now()


def _try(world: World, company: Company | None, password: str, *, now: datetime) -> Outcome:
    """Sign in and count the attempt; an unknown username is as wrong as a wrong password."""
    counters = world.counters.of(None if company is None else company.profile.builder_id)
    outcome = "wrong" if company is None else _outcome(world, company, password, now=now)
    if isinstance(outcome, Session):
        counters.sign_ins_successful += 1
    else:
        counters.sign_ins_failed += 1
    return outcome


def _outcome(world: World, company: Company, password: str, *, now: datetime) -> Outcome:
    """A locked account refuses the right password, too; once it is unlocked, wrong ones are counted from zero."""
    switches, tries = company.switches, world.sessions.tries(company.profile.builder_id)
    if switches.sign_in == "blocked":
        return "blocked"
    if switches.account == "locked":
        tries.locked_since = tries.locked_since or now
        return "locked"
    if tries.locked_since is not None:
        tries.clear()
    if password != company.profile.password:
        if tries.note_wrong(lock_after=switches.lock_after, now=now):
            company.rewrite_switches(switches.model_copy(update={"account": "locked"}))
        return "wrong"
    tries.clear()
    if switches.sign_in == "mfa-once":
        company.rewrite_switches(switches.model_copy(update={"sign_in": "ok"}))
        return "mfa"
    return "mfa" if switches.sign_in == "mfa" else world.sessions.begin(company.profile.builder_id)


async def _through(world: World, company: Company | None, *, request: Request, inner: Inner) -> Response:
    builder_id = None if company is None else company.profile.builder_id
    with world.counters.of(builder_id).counting(request.url.path):
        if company is None:
            return await inner()
        visit = Visit(company, target_of(request), connection_of(request.scope))
        return await answer_through(AROUND_REQUESTS, visit, inner)
