"""The HTTP client: a gap between requests, backoff that honours Retry-After, and a bound on everything."""

from __future__ import annotations

import gzip
import random
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import suppress
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from producers.buildertrend.client import HttpClient, Limits, ReadStoppedError
from producers.buildertrend.faults import SourceFaultError
from schemas.faults import RATE_LIMITED, SOURCE_CHANGED, SOURCE_UNAVAILABLE
from tests.factories import NOW
from tests.fakes import FakeClock, ScriptedSource, json_answer

URL = "https://buildertrend.test/api/x"


class Rig:
    """A client of a scripted source, with a clock that moves only while the client waits."""

    def __init__(self, *answers: httpx.Response | Exception, **limits: Any) -> None:
        self.source = ScriptedSource(answers)
        self.clock = FakeClock(NOW)
        self.stop = threading.Event()
        bounds = Limits(**{"gap_ms": 200, **limits})
        self.client = HttpClient(self.source.client(), self.clock, bounds, self.stop, random.Random(7))

    def send(self) -> int:
        return self.client.send(httpx.Request("GET", URL)).status

    def fault(self) -> SourceFaultError:
        with pytest.raises(SourceFaultError) as caught:
            self.send()
        return caught.value


def test_send_first_request_goes_out_at_once() -> None:
    rig = Rig(json_answer({}))
    assert rig.send() == 200
    assert rig.clock.waits == []


def test_send_next_request_waits_for_what_is_left_of_the_gap() -> None:
    rig = Rig(json_answer({}), json_answer({}), json_answer({}))
    rig.send()
    rig.clock.move(0.15)
    rig.send()
    rig.clock.move(5)
    rig.send()
    assert rig.clock.waits == [pytest.approx(0.05), 0]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_send_busy_source_is_asked_again_with_growing_pauses(status: int) -> None:
    rig = Rig(*[json_answer({}, status)] * 4, json_answer({"ok": 1}))
    assert rig.send() == 200
    backoffs = [wait for wait in rig.clock.waits if wait > 0.2]
    assert [bound / 2 <= wait <= bound for wait, bound in zip(backoffs, [1, 2, 4, 8], strict=True)] == [True] * 4


@pytest.mark.parametrize(
    ("last", "fault"),
    [(json_answer({}, 429), RATE_LIMITED), (json_answer({}, 503), SOURCE_UNAVAILABLE)],
)
def test_send_gives_up_after_its_attempts_with_the_faults_name(last: httpx.Response, fault: object) -> None:
    rig = Rig(*[last] * 5)
    assert rig.fault().fault is fault
    assert len(rig.source.requests) == 5


def test_send_403_that_passes_is_a_throttle() -> None:
    """Bursts are answered so, too (R7)."""
    rig = Rig(*[json_answer({}, 403)] * 4, json_answer({"ok": 1}))
    assert rig.send() == 200
    backoffs = [wait for wait in rig.clock.waits if wait > 0.8]
    assert [bound / 2 <= wait <= bound for wait, bound in zip(backoffs, [2, 4, 8, 16], strict=True)] == [True] * 4


def test_send_403_that_stays_is_an_answer() -> None:
    rig = Rig(*[json_answer({}, 403)] * 5)
    assert rig.send() == 403
    assert len(rig.source.requests) == 5


def test_send_403_that_stays_where_such_requests_were_answered_is_a_throttle() -> None:
    rig = Rig(*[json_answer({}, 403)] * 5)
    rig.client.note_answered(httpx.Request("GET", URL + "/another"))
    assert rig.fault().fault is RATE_LIMITED


def test_send_403_that_asks_for_longer_than_our_patience_is_a_throttle() -> None:
    answer = json_answer({}, 403)
    answer.headers["Retry-After"] = "1800"
    fault = Rig(answer).fault()
    assert (fault.fault, fault.retry_after_s) == (RATE_LIMITED, 1800)


@pytest.mark.parametrize("status", [403, 429])
def test_send_gap_is_longer_after_a_throttle_and_becomes_what_it_was(status: int) -> None:
    rig = Rig(*[json_answer({}, status)] * 2, *[json_answer({})] * 100, attempts=9)
    for _ in range(100):
        rig.send()
    gaps = [wait for wait in rig.clock.waits if wait < 0.9]
    assert max(gaps) == pytest.approx(0.8 * 0.95)
    assert gaps[-1] == pytest.approx(0.2)


def test_send_gap_grows_no_further_than_its_bound() -> None:
    rig = Rig(*[json_answer({}, 429)] * 30, *[json_answer({})] * 2, attempts=40, longest_backoff_s=0.001)
    rig.send()
    rig.send()
    assert 1.5 < max(rig.clock.waits) <= 0.2 * 8


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
def test_send_no_answer_is_tried_again_and_then_an_outage(error: httpx.HTTPError) -> None:
    rig = Rig(error, json_answer({}))
    assert rig.send() == 200
    rig = Rig(*[error] * 5)
    assert rig.fault().fault is SOURCE_UNAVAILABLE


def test_send_module_error_is_tried_once_more_and_handed_back() -> None:
    rig = Rig(*[json_answer({}, 500)] * 2)
    assert rig.send() == 500
    assert len(rig.source.requests) == 2


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404])
def test_send_other_statuses_are_answers(status: int) -> None:
    rig = Rig(json_answer({}, status))
    assert rig.send() == status
    assert len(rig.source.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_send_waits_at_least_as_long_as_retry_after_says(status: int) -> None:
    rig = Rig(json_answer({}, status, **{"Retry-After": "30"}), json_answer({}))
    rig.send()
    assert max(rig.clock.waits) == 30


def test_send_retry_after_as_a_date_is_honoured() -> None:
    at = format_datetime(NOW.replace(second=45), usegmt=True)
    rig = Rig(json_answer({}, 429, **{"Retry-After": at}), json_answer({}))
    rig.send()
    assert max(rig.clock.waits) == 45


def test_send_retry_after_beyond_patience_ends_the_run_until_then_and_never_comes_back_early() -> None:
    rig = Rig(json_answer({}, 429, **{"Retry-After": "600"}))
    fault = rig.fault()
    assert (fault.fault, fault.retry_after_s) == (RATE_LIMITED, 600)
    assert len(rig.source.requests) == 1


NONSENSE = (
    *("soon", "", "²", "-5", "1e9", "Wed, 99 Foo 2026", "NaN", "inf", "1.5", "Fri, 31 Dec 99999 23:59:59 GMT"),
    *("Fri, 31 Dec 2026 23:59:59 +99999999999999", "9" * 5000, "x" * 5000),
)


@pytest.mark.parametrize("text", ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_send_retry_after_of_years_is_a_day(text: str) -> None:
    assert Rig(json_answer({}, 429, **{"Retry-After": text})).fault().retry_after_s == 86_400


@pytest.mark.parametrize("text", NONSENSE)
def test_send_retry_after_that_is_nonsense_is_passed_over(text: str) -> None:
    rig = Rig(httpx.Response(429, headers=[(b"Retry-After", text.encode("latin-1"))]), json_answer({}))
    assert rig.send() == 200


def test_send_answer_over_its_bytes_is_cut_off() -> None:
    rig = Rig(httpx.Response(200, content=b"x" * 101), answer_bytes=100)
    assert "100 bytes" in rig.fault().detail


def test_send_answer_that_drips_is_cut_off_by_the_time_as_a_whole() -> None:
    class Dripping(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                rig.clock.move(20)
                yield b"x"

    rig = Rig(*[httpx.Response(200, stream=Dripping()) for _ in range(5)], answer_s=60)
    assert rig.fault().fault is SOURCE_UNAVAILABLE


def test_send_stopped_process_sends_nothing_more() -> None:
    rig = Rig(json_answer({}), json_answer({}))
    rig.send()
    rig.stop.set()
    with pytest.raises(ReadStoppedError):
        rig.send()
    assert len(rig.source.requests) == 1


def test_send_stopped_before_the_first_request_sends_none() -> None:
    rig = Rig()
    rig.stop.set()
    with pytest.raises(ReadStoppedError):
        rig.send()


def test_send_stopped_during_backoff_ends_there() -> None:
    rig = Rig(json_answer({}, 503))
    rig.clock.on_wait = rig.stop.set
    with pytest.raises(ReadStoppedError):
        rig.send()
    assert len(rig.source.requests) == 1


UNREPEATABLE: list[tuple[httpx.Response | Exception, int]] = [
    (httpx.ReadTimeout("x"), 1),
    (httpx.RemoteProtocolError("x"), 1),
    (httpx.WriteError("x"), 1),
    (json_answer({}, 500), 1),
    (json_answer({}, 502), 1),
    (json_answer({}, 504), 1),
    (httpx.ConnectError("x"), 5),
    (httpx.ConnectTimeout("x"), 5),
    (json_answer({}, 429), 1),
    (json_answer({}, 503), 5),
]


@pytest.mark.parametrize(("outcome", "attempts"), UNREPEATABLE)
def test_send_once_is_repeated_only_where_the_source_cannot_have_taken_it(
    outcome: httpx.Response | Exception, attempts: int
) -> None:
    """A sign-in whose answer was lost may have counted: five of them lock an account."""
    rig = Rig(*[outcome] * 5)
    with suppress(SourceFaultError):
        rig.client.send_once(httpx.Request("POST", URL))
    assert len(rig.source.requests) == attempts


def packed(coding: str, body: bytes) -> bytes:
    match coding:
        case "gzip":
            return gzip.compress(body)
        case "deflate":
            return zlib.compress(body)
        case _:
            raw = zlib.compressobj(wbits=-15)
            return raw.compress(body) + raw.flush()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw"])
def test_send_answer_that_is_packed_is_unpacked_and_asked_for(coding: str) -> None:
    name = "deflate" if coding == "raw" else coding
    body = b'{"a": 1}' * 5000
    rig = Rig(httpx.Response(200, headers={"Content-Encoding": name}, stream=Bytes(packed(coding, body))))
    assert rig.client.send(httpx.Request("GET", URL)).body == body
    assert rig.source.requests[0].headers["accept-encoding"] == "gzip, deflate"


class Bytes(httpx.SyncByteStream):
    """As they come from a socket: in pieces, the first of a single byte."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent

    def __iter__(self) -> Iterator[bytes]:
        yield self._sent[:1]
        for start in range(1, len(self._sent), 1000):
            yield self._sent[start : start + 1000]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_send_answer_that_unpacks_to_more_than_its_bound_is_cut_off_there(coding: str) -> None:
    """200 kB on the wire that unpack to 200 MB: no more than the bound is ever unpacked."""
    bomb = zlib.compressobj(level=9, wbits=31 if coding == "gzip" else 15)
    sent = b"".join([*(bomb.compress(bytes(1_000_000)) for _ in range(200)), bomb.flush()])
    rig = Rig(httpx.Response(200, headers={"Content-Encoding": coding}, stream=Bytes(sent)), answer_bytes=1_000_000)
    tracemalloc.start()
    try:
        assert rig.fault().fault is SOURCE_UNAVAILABLE
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "coding", ["gzip, gzip", "gzip,deflate", "br", "zstd", "gzip;q=1", "compress", "*", "gz\x7fip"]
)
def test_send_answer_packed_twice_or_as_nobody_asked_is_refused_unopened(coding: str) -> None:
    rig = Rig(httpx.Response(200, headers={"Content-Encoding": coding}, stream=Bytes(b"x")))
    assert rig.fault().fault is SOURCE_CHANGED
    error_page = Rig(httpx.Response(404, headers={"Content-Encoding": coding}, stream=Bytes(b"x")))
    assert error_page.client.send(httpx.Request("GET", URL)).body == b""


@pytest.mark.parametrize(
    "sent",
    [b"no gzip at all", gzip.compress(b"x" * 9000, mtime=0)[:-9], gzip.compress(b"x", mtime=0) + b"more"],
    ids=["none", "cut off", "more behind it"],
)
def test_send_answer_that_is_damaged_is_tried_again_and_no_data(sent: bytes) -> None:
    answers = [httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Bytes(sent)) for _ in range(5)]
    rig = Rig(*answers)
    assert rig.fault().fault is SOURCE_UNAVAILABLE
    assert len(rig.source.requests) == 5


@pytest.mark.parametrize(
    ("sent", "content_type"),
    [
        ("{}é".encode("utf-8-sig"), "application/json"),
        ("{}é".encode("utf-16"), "application/json"),
        ("{}é".encode("utf-32"), "application/json"),
        ("{}é".encode("utf-16-be"), "application/json; charset=UTF-16BE"),
        ("{}é".encode("latin-1"), 'text/html; charset="ISO-8859-1"'),
        ("{}é".encode(), "application/json; charset=utf-8"),
        ("{}é".encode(), "text/html; charset=idna"),
    ],
)
def test_send_answer_is_utf_8_whatever_it_was(sent: bytes, content_type: str) -> None:
    rig = Rig(httpx.Response(200, headers={"Content-Type": content_type}, stream=Bytes(sent)))
    assert rig.client.send(httpx.Request("GET", URL)).body == "{}é".encode()
