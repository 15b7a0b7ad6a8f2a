"""Signing in, as generators: each yields a request, gets its answer, and returns a session or raises the fault.

A wrong password costs exactly one attempt (two if the trimmed one differs): the second endpoint is tried only where
the first one does not exist at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from core.errors import IntegrationError
from producers.buildertrend.answers import json_of, leads_to_error_page, leads_to_sign_in
from producers.buildertrend.client import Answer, HttpClient
from producers.buildertrend.faults import LOCKED, SourceFaultError
from schemas.faults import (
    BLOCKED,
    MFA_REQUIRED,
    RATE_LIMITED,
    SOURCE_CHANGED,
    SOURCE_UNAVAILABLE,
    WRONG_CREDENTIALS,
    Fault,
)

SignInFlow = Generator[httpx.Request, Answer, "Session"]

# What a browser sends (R1); the edge may refuse clients that do not look like one (S13).
_BROWSER_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
    "Accept": "application/json, text/plain, */*",
    "Accept-Language": "en-US,en;q=0.9",
    "portaltype": "1",
}
_AUDIENCE = "https://api.buildertrend.net/"
_CLIENT_ID = "protiv-buildertrend"  # [C] The real one is not published; only used where the phone sign-in is absent.
_MISSING = frozenset({404, 405, 410})
_LANDING_PAGE = "/app/Landing"
# A header takes visible ASCII; a cookie's value ends at a semicolon.
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}", re.ASCII)
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}", re.ASCII)
_COOKIE_VALUE = re.compile(r"[\x21-\x3a\x3c-\x7e]{0,8192}", re.ASCII)
_MOST_COOKIES = 50
_MOST_HEADER_BYTES = 32_768
_LONGEST_MESSAGE = 2_000
_TOO_MANY = 429
_REFUSAL_WORDS: dict[Fault, tuple[str, ...]] = {
    LOCKED: ("too_many_attempts", "too many failed", "account is locked", "locked out", "multiple consecutive"),  # [C]
    MFA_REQUIRED: ("mfa", "multi-factor", "multifactor", "verification code", "two-factor"),
    BLOCKED: ("access_denied", "bot", "captcha", "suspicious"),
}


@dataclass(frozen=True, slots=True)
class SignInDetails:
    """Username and password as an admin entered them. Never printed."""

    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """Proof of a sign-in: cookies, a bearer token, or both. Never printed. ValueError for what no header can carry."""

    cookies: dict[str, str] = field(repr=False)
    token: str = field(repr=False)

    def __post_init__(self) -> None:
        cookies_fit = len(self.cookies) <= _MOST_COOKIES and all(
            _COOKIE_NAME.fullmatch(name) and _COOKIE_VALUE.fullmatch(value) for name, value in self.cookies.items()
        )
        if not cookies_fit or not (self.token == "" or _TOKEN.fullmatch(self.token)):
            raise ValueError("a cookie or the token is not as headers carry them")
        if sum(len(name) + len(value) for name, value in self.cookies.items()) > _MOST_HEADER_BYTES:
            raise ValueError("the cookies are too long")

    def headers(self) -> dict[str, str]:
        """The request headers that carry it."""
        carried = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if self.cookies:
            carried["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return carried

    def to_json(self) -> bytes:
        return json.dumps({"cookies": self.cookies, "token": self.token}).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Session:
        kept = json.loads(raw)
        return cls(kept["cookies"], kept["token"])


@dataclass(frozen=True, slots=True)
class Hosts:
    """Base addresses of the application and of its sign-in, from settings only."""

    app_url: str
    login_url: str


def browser_headers(hosts: Hosts) -> dict[str, str]:
    """The headers of every request: those of a browser that shows the application."""
    return _BROWSER_HEADERS | {"Origin": hosts.app_url, "Referer": f"{hosts.app_url}/app/"}


class _EndpointMissingError(Exception):
    """This sign-in endpoint does not exist there; another one may."""


class _NotAcceptedError(Exception):
    """Username or password were not accepted."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A successful sign-in: the session, and the password that was accepted. Never printed."""

    session: Session = field(repr=False)
    password: str = field(repr=False)


class SignInJournal(Protocol):
    """Survives a crash in the middle of a sign-in: an attempt without an answer may count as a failed one."""

    def has_unanswered_sign_in(self) -> bool:
        """Whether the last attempt had no answer: nobody knows whether it was counted."""

    def begin_sign_in(self) -> None:
        """An attempt is about to be sent. SourceFaultError if it must wait, as earlier ones had no answer."""

    def sign_in_answered(self) -> None:
        """The attempt was answered, whether it succeeded or not."""

    def sign_in_unanswered(self) -> None:
        """The attempt had no conclusive answer: it counts as failed until another one is answered."""

    def sign_in_refused(self, fault: Fault) -> None:
        """No further attempt until somebody changes the credentials; stored before anything else happens."""


def sign_in(client: HttpClient, details: SignInDetails, hosts: Hosts, journal: SignInJournal) -> SignedIn:
    """A new session; SourceFaultError with the fault's name otherwise. Blocks for a few requests at most."""
    if journal.has_unanswered_sign_in():
        _check_landing_page(client, hosts)
    try:
        return _try_passwords(client, details, hosts, journal)
    except SourceFaultError as exc:
        if exc.fault.stops_sign_in:
            journal.sign_in_refused(exc.fault)
        raise


def _try_passwords(client: HttpClient, details: SignInDetails, hosts: Hosts, journal: SignInJournal) -> SignedIn:
    """As typed, then without surrounding spaces: people paste passwords with them."""
    passwords = [details.password]
    trimmed = details.password.strip()
    if trimmed not in ("", details.password):
        passwords.append(trimmed)
    for password in passwords:
        tried = SignInDetails(details.username.strip(), password)
        try:
            return SignedIn(_try_endpoints(client, tried, hosts, journal), password)
        except _NotAcceptedError:
            continue
    raise SourceFaultError(WRONG_CREDENTIALS, "username or password not accepted")


def _try_endpoints(client: HttpClient, details: SignInDetails, hosts: Hosts, journal: SignInJournal) -> Session:
    flows: tuple[Callable[[SignInDetails, Hosts], SignInFlow], ...] = (phone_app_flow, password_grant_flow)
    for flow in flows:
        try:
            return drive(client, flow(details, hosts), journal)
        except _EndpointMissingError:
            continue
    raise SourceFaultError(SOURCE_CHANGED, "sign-in: none of the known endpoints exists any more")


def drive(client: HttpClient, flow: SignInFlow, journal: SignInJournal) -> Session:
    """Send each request of the flow until it returns a session; none twice, as a lost one may have been counted."""
    following: httpx.Request | Session = next(flow)
    while not isinstance(following, Session):
        journal.begin_sign_in()
        following = _attempt(client, flow, following, journal)
    return following


def _attempt(
    client: HttpClient, flow: SignInFlow, request: httpx.Request, journal: SignInJournal
) -> httpx.Request | Session:
    """One attempt, noted as answered only if the flow understood its answer; otherwise it may have been counted."""
    try:
        following = _following(client, flow, request)
    except (_EndpointMissingError, _NotAcceptedError):
        journal.sign_in_answered()
        raise
    except SourceFaultError as exc:
        settled = exc.not_taken or exc.fault.stops_sign_in or exc.fault is RATE_LIMITED
        (journal.sign_in_answered if settled else journal.sign_in_unanswered)()
        raise
    except IntegrationError:
        raise
    except Exception:
        journal.sign_in_unanswered()
        raise
    journal.sign_in_answered()
    return following


def _following(client: HttpClient, flow: SignInFlow, request: httpx.Request) -> httpx.Request | Session:
    try:
        return flow.send(_answer(client, request))
    except StopIteration as end:
        session: Session = end.value
        return session


def _answer(client: HttpClient, request: httpx.Request) -> Answer:
    answer = client.send_once(request)
    if answer.status == _TOO_MANY and not _names(LOCKED, answer.body.decode(errors="replace")):
        asked_s = client.retry_after_s(answer)
        raise SourceFaultError(RATE_LIMITED, "sign-in: status 429", retry_after_s=asked_s or None)
    return answer


def _check_landing_page(client: HttpClient, hosts: Hosts) -> None:
    """Send no password if the page before the sign-in fails or redirects elsewhere, as during maintenance."""
    answer = client.send(httpx.Request("GET", hosts.app_url + _LANDING_PAGE, headers=browser_headers(hosts)))
    target = answer.headers.get("Location", "")
    elsewhere = 300 <= answer.status < 400 and not leads_to_sign_in(target)
    if elsewhere or answer.status >= 500:
        raise SourceFaultError(SOURCE_UNAVAILABLE, f"sign-in: the page before it answers {answer.status}")


def phone_app_flow(details: SignInDetails, hosts: Hosts) -> SignInFlow:
    """`POST /api/Login/AjaxLogin`, as the phone app does [B]."""
    answer = yield httpx.Request(
        "POST",
        f"{hosts.app_url}/api/Login/AjaxLogin",
        headers=browser_headers(hosts),
        json={
            "username": details.username,
            "password": details.password,
            "deviceType": 1,
            "appVersion": "9.0.0",
            "rememberMe": True,
        },
    )
    parsed = _parsed(answer)
    if "success" not in parsed and _known_refusal(str(parsed.get("message", ""))) is None:
        # An answer of a proxy or of the edge: nothing has checked the password.
        raise SourceFaultError(SOURCE_UNAVAILABLE, f"sign-in: status {answer.status} without an outcome")
    if parsed.get("success") is not True:
        raise _refusal(str(parsed.get("message", ""))[:_LONGEST_MESSAGE])
    data = parsed.get("data")
    if not isinstance(data, dict) or not (data.get("Token") or data.get("mobileCookies")):
        raise SourceFaultError(SOURCE_CHANGED, "sign-in: the answer holds neither Token nor mobileCookies")
    return _session(_cookies(data.get("mobileCookies") or []), data.get("Token") or "")


def password_grant_flow(details: SignInDetails, hosts: Hosts) -> SignInFlow:
    """Auth0's password grant at the sign-in host [B]."""
    answer = yield httpx.Request(
        "POST",
        f"{hosts.login_url}/oauth/token",
        headers=browser_headers(hosts),
        data={
            "grant_type": "password",
            "username": details.username,
            "password": details.password,
            "audience": _AUDIENCE,
            "client_id": _CLIENT_ID,
            "scope": "openid profile email",
        },
    )
    parsed = _parsed(answer)
    if answer.status != 200:
        raise _refusal(f"{parsed.get('error', '')} {parsed.get('error_description', '')}"[:_LONGEST_MESSAGE])
    if not parsed.get("access_token"):
        raise SourceFaultError(SOURCE_CHANGED, "sign-in: the answer holds no access_token")
    return _session({}, parsed["access_token"])


def _session(cookies: dict[str, str], token: Any) -> Session:
    try:
        return Session(cookies, token)
    except (TypeError, ValueError):
        # Without the cause, which holds the session. A session that no request can carry must not be stored.
        raise SourceFaultError(SOURCE_CHANGED, "sign-in: the token or a cookie is not as headers carry them") from None


def _cookies(listed: Any) -> dict[str, str]:
    try:
        return {str(item["name"]): str(item["value"]) for item in listed[: _MOST_COOKIES + 1]}
    except (KeyError, TypeError):
        # Without the cause: it holds the cookies.
        raise SourceFaultError(SOURCE_CHANGED, "sign-in: mobileCookies have another form") from None


def _parsed(answer: Answer) -> dict[str, Any]:
    if answer.status in _MISSING:
        raise _EndpointMissingError
    if answer.status >= 500:
        # Whatever its JSON says: a failing server has not checked the password.
        raise SourceFaultError(SOURCE_UNAVAILABLE, f"sign-in: status {answer.status}")
    if 300 <= answer.status < 400:
        if leads_to_error_page(answer.headers.get("Location", "")):
            raise SourceFaultError(BLOCKED, "sign-in: redirected to the page for clients that are refused")
        raise SourceFaultError(SOURCE_UNAVAILABLE, f"sign-in: status {answer.status} to an unknown page")
    parsed = json_of(answer.body.lstrip(), what=f"sign-in: status {answer.status}")
    if not isinstance(parsed, dict):
        raise SourceFaultError(SOURCE_CHANGED, "sign-in: the answer is no object")
    return parsed


def _refusal(text: str) -> Exception:
    """What a refusal's message means [B]; an unknown one counts as wrong credentials, so that it is never repeated."""
    fault = _known_refusal(text)
    return _NotAcceptedError() if fault is None else SourceFaultError(fault, "sign-in refused")


def _known_refusal(text: str) -> Fault | None:
    return next((fault for fault in _REFUSAL_WORDS if _names(fault, text)), None)


def _names(fault: Fault, text: str) -> bool:
    lowered = text.lower()
    return any(word in lowered for word in _REFUSAL_WORDS[fault])
