"""The HTTP client: one request at a time with a gap between, backoff that honours Retry-After, bounds on time and size.

A 429 or 403 makes the gap longer for a while (R7).

The bytes of an answer become UTF-8: one content coding undone within the bound, then byte order mark and charset.
"""

from __future__ import annotations

import codecs
import random
import re
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx

from core.clock import Clock
from core.errors import IntegrationError
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.request_kinds import kind_of
from schemas.faults import RATE_LIMITED, SOURCE_CHANGED, SOURCE_UNAVAILABLE

CODINGS = "gzip, deflate"
"""What Accept-Encoding asks for, and `_Body` undoes."""

_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # Longer marks first: that of UTF-32 begins like that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Only these: the interpreter knows codecs that unpack, or whose time grows with the square of the text.
_CHARSETS = {
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_-]{1,20})", re.ASCII)
_LONGEST_CONTENT_TYPE = 200

_FORBIDDEN = 403
_TOO_MANY_REQUESTS = 429
_THROTTLES = frozenset({_FORBIDDEN, _TOO_MANY_REQUESTS})
_RETRIED = frozenset({*_THROTTLES, 500, 502, 503, 504})
_UNAVAILABLE = 503
_NOT_TAKEN = frozenset({_TOO_MANY_REQUESTS, _UNAVAILABLE})
_MODULE_ERROR = 500
_OK = 200
# The gap after a throttle: twice as long each time, at most so many times as long; every other answer takes off a bit.
_MOST_SLOWED = 8.0
_SPEEDS_UP = 0.95
# Pauses before a 403 is taken for a lack of permission are this much longer than others.
_FORBIDDEN_PAUSES = 2
MOST_ANSWER_BYTES = 32 * 1024 * 1024
# A longer Retry-After counts as a day: a date in the year 9999 must not stop a company for good.
LONGEST_RETRY_AFTER_S = 86_400.0
_LONGEST_DATE = 64


class _TooLargeError(Exception):
    """More bytes than an answer may have, as sent or unpacked."""


class _UnknownCodingError(Exception):
    """The answer is packed in a way that was not asked for, or in several."""


class _DamagedError(Exception):
    """The bytes are not packed as stated, end too early or go on after their end."""


class ReadStoppedError(IntegrationError):
    """The run is to stop, as the process ends or a command stops it: it does so between two requests."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one exchange."""

    gap_ms: int
    attempts: int = 5
    module_error_attempts: int = 2
    first_backoff_s: float = 1.0
    longest_backoff_s: float = 60.0
    answer_s: float = 60.0
    answer_bytes: int = MOST_ANSWER_BYTES


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole; a body of text is UTF-8 without a byte order mark."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    set_cookies: Sequence[str] = ()


Outcome = Answer | httpx.HTTPError


@dataclass(slots=True)
class HttpClient:
    """Sends requests one after another; not for use by two threads at once."""

    http: httpx.Client
    clock: Clock
    limits: Limits
    stop: threading.Event = field(default_factory=threading.Event)
    jitter: random.Random = field(default_factory=random.Random)
    count: Callable[[httpx.Request], None] = lambda _request: None
    """Called with each request that is sent, repeated ones too."""
    _last_sent: float | None = None
    _slowed: float = 1.0
    _answered: set[str] = field(default_factory=set)

    def send(self, request: httpx.Request) -> Answer:
        """The answer after retries; SourceFaultError when they are used up, ReadStoppedError when the run is to stop.

        A 500 is tried again once and then returned: it may also mean a module that the account does not use (R5). A 403
        is returned where it stays, unless requests of its kind were answered before: then it is a throttle (R7).
        """
        return self._send(request, self._may_repeat)

    def note_answered(self, request: httpx.Request) -> None:
        """Requests of this kind are answered with data: a 403 to another is no lack of permission, then."""
        self._answered.add(kind_of(request))

    def send_once(self, request: httpx.Request) -> Answer:
        """Like `send`, but repeated only if the source cannot have processed the request: it would count twice.

        A 429 is returned: it may mean too many sign-in attempts.
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
            # Never sooner than asked: if that is too long to wait, the run ends and the next one is due then.
            if not repeat or attempt >= self.limits.attempts or asked_s > self.limits.longest_backoff_s:
                if isinstance(outcome, Answer) and self._lacks_permission(request, outcome, asked_s):
                    return outcome
                raise _given_up(outcome, asked_s)
            longer = _FORBIDDEN_PAUSES if isinstance(outcome, Answer) and outcome.status == _FORBIDDEN else 1
            self._wait(max(longer * self._backoff_s(attempt), asked_s))
            attempt += 1

    def _lacks_permission(self, request: httpx.Request, answer: Answer, asked_s: float) -> bool:
        """Whether a 403 that stays says so: it asks nobody to come back later, and nothing of its kind was shown."""
        return answer.status == _FORBIDDEN and not asked_s and kind_of(request) not in self._answered

    def _may_repeat(self, outcome: Outcome, attempt: int) -> bool:
        if isinstance(outcome, Answer) and outcome.status == _MODULE_ERROR:
            return attempt < self.limits.module_error_attempts
        return not isinstance(outcome, Answer) or outcome.status in _RETRIED

    def _try(self, request: httpx.Request) -> Outcome:
        self._keep_gap()
        try:
            answer = self._exchange(request)
        except httpx.HTTPError as exc:
            return exc
        if answer.status in _THROTTLES:
            self._slowed = min(self._slowed * 2, _MOST_SLOWED)
        else:
            self._slowed = max(self._slowed * _SPEEDS_UP, 1.0)
        return answer

    def _exchange(self, request: httpx.Request) -> Answer:
        deadline = self.clock.monotonic() + self.limits.answer_s
        request.headers["Accept-Encoding"] = CODINGS
        self.count(request)
        response = self.http.send(request, stream=True)
        try:
            body = _body_of(response, most=self.limits.answer_bytes)
            if body is None:
                return Answer(response.status_code, response.headers, b"")
            assert isinstance(response.stream, httpx.SyncByteStream)
            # The bytes as sent: httpx itself would undo every coding that is named, without a bound.
            for piece in response.stream:
                body.take(piece)
                if self.clock.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer took too long as a whole", request=request)
            text = as_utf8(body.whole(), response.headers.get("Content-Type", ""))
            cookies = response.headers.get_list("Set-Cookie")
            return Answer(response.status_code, response.headers, text, cookies)
        except _TooLargeError:
            raise SourceFaultError(
                SOURCE_UNAVAILABLE, f"an answer is over {self.limits.answer_bytes} bytes, as sent or unpacked"
            ) from None
        except _DamagedError as exc:
            raise httpx.DecodingError("the answer is damaged or cut off", request=request) from exc
        finally:
            response.close()

    def _keep_gap(self) -> None:
        if self._last_sent is not None:
            passed = self.clock.monotonic() - self._last_sent
            self._wait(self.limits.gap_ms * self._slowed / 1000 - passed)
        elif self.stop.is_set():
            raise ReadStoppedError("stopped")
        self._last_sent = self.clock.monotonic()

    def _backoff_s(self, attempt: int) -> float:
        grown: float = min(self.limits.first_backoff_s * 2 ** (attempt - 1), self.limits.longest_backoff_s)
        return grown * self.jitter.uniform(0.5, 1.0)

    def retry_after_s(self, answer: Answer) -> float:
        """Seconds that Retry-After asks for, as a number or as a date; a day at most, 0 without one."""
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


def _body_of(response: httpx.Response, *, most: int) -> _Body | None:
    """What collects the answer's bytes; None for an error whose page is packed in a way that was not asked for."""
    try:
        return _Body(response.headers.get("Content-Encoding", ""), most=most)
    except _UnknownCodingError:
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
    fault = RATE_LIMITED if outcome.status in _THROTTLES else SOURCE_UNAVAILABLE
    return SourceFaultError(fault, f"status {outcome.status}", retry_after_s=asked_s or None, not_taken=not_taken)


class _Body:
    """Collects the bytes of an answer piece by piece; neither what is sent nor what is unpacked exceeds `most`."""

    def __init__(self, coding: str, *, most: int) -> None:
        """`coding` is the answer's Content-Encoding, empty for none. _UnknownCodingError if it was not asked for."""
        self._most = most
        self._sent = 0
        self._unpacked = bytearray()
        self._unpacker = _unpacker(coding.strip().lower())
        self._may_be_raw = coding.strip().lower() == "deflate"
        self._head = b""

    def take(self, piece: bytes) -> None:
        """The next bytes as they were sent. Raises _TooLargeError and _DamagedError."""
        self._sent += len(piece)
        if self._sent > self._most:
            raise _TooLargeError
        self._unpacked += piece if self._unpacker is None else self._unpack(piece)
        if len(self._unpacked) > self._most:
            raise _TooLargeError

    def whole(self) -> bytes:
        """The unpacked body, once all pieces were taken. _DamagedError if something is missing."""
        if self._unpacker is not None and self._sent and not self._unpacker.eof:
            raise _DamagedError
        return bytes(self._unpacked)

    def _unpack(self, piece: bytes) -> bytes:
        assert self._unpacker is not None
        if self._may_be_raw:
            piece, self._head = self._head + piece, b""
            if len(piece) < 2:
                self._head = piece
                return b""
            # "deflate" means a zlib stream; some servers send the raw deflate data inside of it.
            if not _begins_like_zlib(piece):
                self._unpacker = zlib.decompressobj(_RAW_DEFLATE)
            self._may_be_raw = False
        if self._unpacker.eof:
            raise _DamagedError
        try:
            # One byte over the bound is enough to know that it is over.
            found = self._unpacker.decompress(piece, self._most - len(self._unpacked) + 1)
        except zlib.error as exc:
            raise _DamagedError from exc
        if self._unpacker.unused_data:
            raise _DamagedError
        return found


def as_utf8(body: bytes, content_type: str) -> bytes:
    """The text in UTF-8 without a byte order mark; unchanged if it is not in the charset that it states."""
    for mark, codec in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return _recoded(body.removeprefix(mark), codec)
    stated = _CHARSET.search(content_type[:_LONGEST_CONTENT_TYPE])
    named = None if stated is None else _CHARSETS.get(stated[1].lower())
    return body if named is None else _recoded(body, named)


def _recoded(body: bytes, codec: str) -> bytes:
    if codec == "utf-8":
        return body
    try:
        return body.decode(codec).encode()
    except UnicodeError:
        return body


def _unpacker(coding: str) -> zlib._Decompress | None:
    match coding:
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(_GZIP)
        case "deflate":
            return zlib.decompressobj(_ZLIB)
        case _:
            raise _UnknownCodingError


def _begins_like_zlib(head: bytes) -> bool:
    return head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2], "big") % 31 == 0
