"""The two ways to sign in with a username and a password: Auth0's password grant and the phone app's call.

Usernames are matched without regard to case, spaces are not trimmed: that is the client's business.
"""

from __future__ import annotations

import json
from typing import Literal
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.connection import connection_of
from sandbox.faults import Inner, Visit, answer_through_faults
from sandbox.sessions import Session
from sandbox.wire.call import enveloped, plain, refused
from sandbox.wire.gate import AUTH_COOKIE
from sandbox.world import World, world_of

_DAY_S = 86_400
_PASSWORD_GRANTS = ("password", "http://auth0.com/oauth/grant-type/password-realm")

Outcome = Session | Literal["wrong", "mfa", "blocked"]


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
        return _oauth_answer(_try(world, company, form.get("password", "")))

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
        return _ajax_answer(_try(world, company, password))

    return await _through(world, company, request=request, inner=inner)


def _ajax_answer(outcome: Outcome) -> Response:
    match outcome:
        case Session(token=token):
            cookies = {AUTH_COOKIE: token, "ASP.NET_SessionId": token[:24].lower(), "GAESA": f"Cp{token[24:60]}"}
            listed = [{"name": name, "value": value} for name, value in cookies.items()]
            response = enveloped({"Token": token, "mobileCookies": listed, "LoginType": 1})
            for name, value in cookies.items():
                response.set_cookie(name, value, httponly=True)
            return response
        case "mfa":
            return refused("Multi-factor authentication is required for this user.")
        case "blocked":
            return refused("This sign-in looks automated (bot). Please complete the captcha in a browser.")
        case "wrong":
            return refused("invalid username or password")


def _try(world: World, company: Company | None, password: str) -> Outcome:
    """Sign in and count the attempt; an unknown username is as wrong as a wrong password."""
    counters = world.counters.of(None if company is None else company.profile.builder_id)
    outcome = _outcome(world, company, password)
    if isinstance(outcome, Session):
        counters.sign_ins_successful += 1
    else:
        counters.sign_ins_failed += 1
    return outcome


def _outcome(world: World, company: Company | None, password: str) -> Outcome:
    if company is None:
        return "wrong"
    if company.switches.sign_in == "blocked":
        return "blocked"
    if password != company.profile.password:
        return "wrong"
    return "mfa" if company.switches.sign_in == "mfa" else world.sessions.begin(company.profile.builder_id)


async def _through(world: World, company: Company | None, *, request: Request, inner: Inner) -> Response:
    builder_id = None if company is None else company.profile.builder_id
    with world.counters.of(builder_id).counting(request.url.path):
        if company is None:
            return await inner()
        return await answer_through_faults(Visit(company, request.url.path, connection_of(request.scope)), inner)
