"""HTTP with manners: one request at a time, a gap, backoff that honours Retry-After, bounds on time and size."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx

from core.clock import Clock
from core.errors import IntegrationError
from producers.buildertrend.content import (
    CODINGS,
    Body,
    DamagedError,
    TooLargeError,
    UnknownCodingError,
    as_utf8,
)
from producers.buildertrend.faults import RATE_LIMITED, SOURCE_CHANGED, SOURCE_UNAVAILABLE, SourceFaultError

_RETRIED = frozenset({429, 500, 502, 503, 504})
_TOO_MANY_REQUESTS = 429
_UNAVAILABLE = 503
_NOT_TAKEN = frozenset({_TOO_MANY_REQUESTS, _UNAVAILABLE})
_MODULE_ERROR = 500
_OK = 200
# Who asks for longer is asked again after a day: a date in the year 9999 must not stop a company for good.
LONGEST_RETRY_AFTER_S = 86_400.0
_LONGEST_DATE = 64


class ReadStoppedError(IntegrationError):
    """The process is ending: the read stops between two requests."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one exchange."""

    gap_ms: int
    attempts: int = 5
    module_error_attempts: int = 2
    first_backoff_s: float = 1.0
    longest_backoff_s: float = 60.0
    answer_s: float = 60.0
    answer_bytes: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole; a body of text is UTF-8 without a byte order mark."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Outcome = Answer | httpx.HTTPError


@dataclass(slots=True)
class HttpClient:
    """Sends requests one after another; not for use by two threads at once."""

    http: httpx.Client
    clock: Clock
    limits: Limits
    stop: threading.Event = field(default_factory=threading.Event)
    jitter: random.Random = field(default_factory=random.Random)
    requests_sent: int = 0
    _last_sent: float | None = None

    def send(self, request: httpx.Request) -> Answer:
        """The answer after retries; SourceFaultError when they are used up, ReadStoppedError when the process ends.

        A 500 is tried again once and then returned: it also stands for a module that the account does not use [B].
        """
        return self._send(request, self._may_repeat)

    def send_once(self, request: httpx.Request) -> Answer:
        """Like `send`, repeated only where the source cannot have taken the request: its second time would count.

        A 429 is returned: it may say that there were too many attempts already.
        """
        return self._send(request, _was_not_taken, given_up=frozenset({_UNAVAILABLE}))

    def _send(
        self,
        request: httpx.Request,
        may_repeat: Callable[[Outcome, int], bool],
        *,
        given_up: frozenset[int] = _NOT_TAKEN,
    ) -> Answer:
        attempt = 1
        while True:
            outcome = self._try(request)
            repeat = may_repeat(outcome, attempt)
            if isinstance(outcome, Answer) and not repeat and outcome.status not in given_up:
                return outcome
            asked_s = self.retry_after_s(outcome) if isinstance(outcome, Answer) else 0.0
            # Not even a patient client may come back earlier than asked: the run ends, the next one is due then.
            if not repeat or attempt >= self.limits.attempts or asked_s > self.limits.longest_backoff_s:
                raise _given_up(outcome, asked_s)
            self._wait(max(self._backoff_s(attempt), asked_s))
            attempt += 1

    def _may_repeat(self, outcome: Outcome, attempt: int) -> bool:
        if isinstance(outcome, Answer) and outcome.status == _MODULE_ERROR:
            return attempt < self.limits.module_error_attempts
        return not isinstance(outcome, Answer) or outcome.status in _RETRIED

    def _try(self, request: httpx.Request) -> Outcome:
        self._keep_gap()
        try:
            return self._exchange(request)
        except httpx.HTTPError as exc:
            return exc

    def _exchange(self, request: httpx.Request) -> Answer:
        deadline = self.clock.monotonic() + self.limits.answer_s
        self.requests_sent += 1
        request.headers["Accept-Encoding"] = CODINGS
        response = self.http.send(request, stream=True)
        try:
            body = _body_of(response, most=self.limits.answer_bytes)
            if body is None:
                return Answer(response.status_code, response.headers, b"")
            assert isinstance(response.stream, httpx.SyncByteStream)
            # As it was sent: httpx would unpack every coding named, without a bound.
            for piece in response.stream:
                body.take(piece)
                if self.clock.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer took too long as a whole", request=request)
            text = as_utf8(body.whole(), response.headers.get("Content-Type", ""))
            return Answer(response.status_code, response.headers, text)
        except TooLargeError:
            raise SourceFaultError(
                SOURCE_UNAVAILABLE, f"an answer is over {self.limits.answer_bytes} bytes, as sent or unpacked"
            ) from None
        except DamagedError as exc:
            raise httpx.DecodingError("the answer is damaged or cut off", request=request) from exc
        finally:
            response.close()

    def _keep_gap(self) -> None:
        if self._last_sent is not None:
            passed = self.clock.monotonic() - self._last_sent
            self._wait(self.limits.gap_ms / 1000 - passed)
        elif self.stop.is_set():
            raise ReadStoppedError("stopped")
        self._last_sent = self.clock.monotonic()

    def _backoff_s(self, attempt: int) -> float:
        grown: float = min(self.limits.first_backoff_s * 2 ** (attempt - 1), self.limits.longest_backoff_s)
        return grown * self.jitter.uniform(0.5, 1.0)

    def retry_after_s(self, answer: Answer) -> float:
        """Seconds that a Retry-After asks for, as a number or as a date, a day at most; 0 without one."""
        text = answer.headers.get("Retry-After", "")
        if re.fullmatch("[0-9]{1,9}", text):
            return min(float(text), LONGEST_RETRY_AFTER_S)
        try:
            at = parsedate_to_datetime(text[:_LONGEST_DATE])
            asked_s = (at.replace(tzinfo=at.tzinfo or UTC) - self.clock.now()).total_seconds()
        except (ValueError, OverflowError):
            return 0.0
        return min(max(asked_s, 0.0), LONGEST_RETRY_AFTER_S)

    def _wait(self, seconds: float) -> None:
        if self.clock.wait(max(seconds, 0.0), self.stop):
            raise ReadStoppedError("stopped")


def _body_of(response: httpx.Response, *, most: int) -> Body | None:
    """What takes the answer's bytes; None for an error whose page is packed in a way that we did not ask for."""
    try:
        return Body(response.headers.get("Content-Encoding", ""), most=most)
    except UnknownCodingError:
        if response.status_code != _OK:
            return None
        raise SourceFaultError(SOURCE_CHANGED, f"an answer's Content-Encoding is none of {CODINGS}") from None


def _was_not_taken(outcome: Outcome, _attempt: int) -> bool:
    if isinstance(outcome, Answer):
        return outcome.status == _UNAVAILABLE
    return isinstance(outcome, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))


def _given_up(outcome: Outcome, asked_s: float) -> SourceFaultError:
    not_taken = _was_not_taken(outcome, 0)
    if not isinstance(outcome, Answer):
        return SourceFaultError(SOURCE_UNAVAILABLE, f"no answer ({type(outcome).__name__})", not_taken=not_taken)
    fault = RATE_LIMITED if outcome.status == _TOO_MANY_REQUESTS else SOURCE_UNAVAILABLE
    return SourceFaultError(fault, f"status {outcome.status}", retry_after_s=asked_s or None, not_taken=not_taken)
