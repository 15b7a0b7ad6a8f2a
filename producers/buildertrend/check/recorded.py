"""The adapter's own account on one recorded answer: whatever is asked, it gets that one, without waiting."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import httpx

from core.errors import IntegrationError
from producers.buildertrend.account import Account
from producers.buildertrend.check.exchange import ACCOUNT, Exchange
from producers.buildertrend.client import HttpClient, Limits
from producers.buildertrend.sign_in import Hosts, Session, SignedIn, SignInDetails
from schemas.faults import Fault

_SOMEBODY = b'{"success":true,"data":{"builderId":1,"builderName":""}}'
_HEADERS = ("Location", "Retry-After")


class SignInWantedError(IntegrationError):
    """The adapter takes the answer for the end of the session."""


class _Recorded(httpx.BaseTransport):
    def __init__(self, exchange: Exchange, *, of_account: bool) -> None:
        self._exchange = exchange
        self._of_account = of_account

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if "GlobalInfo" in request.url.path and not self._of_account:
            return httpx.Response(200, content=_SOMEBODY)
        headers = {
            name: value
            for name, value in self._exchange.headers.items()
            if name in _HEADERS and value.isascii() and value.isprintable()
        }
        return httpx.Response(self._exchange.status, headers=headers, content=self._exchange.body)


class _NoWaiting:
    def now(self) -> datetime:
        return datetime(2000, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def wait(self, _seconds: float, _stop: threading.Event | None = None) -> bool:
        return False


class _NoSessions:
    """A session that is never another one."""

    def load(self) -> Session | None:
        return Session({}, "recorded")

    def save(self, signed_in: SignedIn) -> None:
        """Nothing is kept."""

    def renew(self, session: Session) -> None:
        """Nothing is kept."""

    def has_unanswered_sign_in(self) -> bool:
        return False

    def begin_sign_in(self) -> None:
        raise SignInWantedError("session-expired")

    def sign_in_answered(self) -> None:
        """Nobody signs in."""

    def sign_in_unanswered(self) -> None:
        """Nobody signs in."""

    def sign_in_refused(self, fault: Fault) -> None:
        """Nobody signs in."""


def account_of(exchange: Exchange, kind: str) -> Account:
    """An account that gets this answer. SignInWantedError from it: the answer means the end of the session."""
    transport = _Recorded(exchange, of_account=kind == ACCOUNT)
    limits = Limits(gap_ms=0, attempts=1, module_error_attempts=1)
    client = HttpClient(httpx.Client(transport=transport, trust_env=False), _NoWaiting(), limits)
    hosts = Hosts("https://buildertrend.invalid", "https://login.buildertrend.invalid")
    return Account(client, hosts=hosts, details=_nobody, sessions=_NoSessions())


def _nobody() -> SignInDetails:
    raise SignInWantedError("session-expired")
