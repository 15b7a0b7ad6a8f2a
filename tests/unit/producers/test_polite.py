"""Manners: a gap between requests, backoff that honours Retry-After, and a bound on everything."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from producers.buildertrend.faults import RATE_LIMITED, SOURCE_UNAVAILABLE, SourceFaultError
from producers.buildertrend.polite import Limits, PoliteClient, StoppedError
from tests.factories import NOW
from tests.fakes import FakeClock, ScriptedSource, json_answer

URL = "https://buildertrend.test/api/x"


class Rig:
    """A polite client before a scripted source, with a clock that moves only when it waits."""

    def __init__(self, *answers: httpx.Response | Exception, **limits: Any) -> None:
        self.source = ScriptedSource(answers)
        self.clock = FakeClock(NOW)
        self.stop = threading.Event()
        bounds = Limits(**{"gap_ms": 200, **limits})
        self.client = PoliteClient(self.source.client(), self.clock, bounds, self.stop, random.Random(7))

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


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404])
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


@pytest.mark.parametrize("text", ["soon", "", "²", "-5", "1e9", "Wed, 99 Foo 2026"])
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
    with pytest.raises(StoppedError):
        rig.send()
    assert len(rig.source.requests) == 1


def test_send_stopped_before_the_first_request_sends_none() -> None:
    rig = Rig()
    rig.stop.set()
    with pytest.raises(StoppedError):
        rig.send()


def test_send_stopped_during_backoff_ends_there() -> None:
    rig = Rig(json_answer({}, 503))
    rig.clock.on_wait = rig.stop.set
    with pytest.raises(StoppedError):
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
