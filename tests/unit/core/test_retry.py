"""Outages: the same call again with growing pauses, never shorter than asked, until it works or the process ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from core.errors import FatalError, RetriableError, StoppedError
from core.retry import Patience
from tests.fakes import FakeClock


def failing(times: int, *, retry_after_s: float | None = None) -> Callable[[], str]:
    left = [times]

    def action() -> str:
        if left[0]:
            left[0] -= 1
            raise RetriableError("away", retry_after_s=retry_after_s)
        return "back"

    return action


def test_until_done_success_at_once_waits_for_nothing() -> None:
    clock = FakeClock()
    assert Patience(clock, threading.Event()).until_done(failing(0)) == "back"
    assert clock.waits == []


def test_until_done_outage_pauses_grow_to_a_bound() -> None:
    clock = FakeClock()
    assert Patience(clock, threading.Event()).until_done(failing(8)) == "back"
    assert clock.waits == [0.5, 1, 2, 4, 8, 10, 10, 10]


def test_until_done_pause_is_never_shorter_than_asked() -> None:
    clock = FakeClock()
    Patience(clock, threading.Event()).until_done(failing(1, retry_after_s=90))
    assert clock.waits == [90]


def test_until_done_when_stopped_ends_with_the_outage_as_its_reason() -> None:
    stop = threading.Event()
    clock = FakeClock(on_wait=stop.set)
    with pytest.raises(StoppedError, match="away"):
        Patience(clock, stop).until_done(failing(99))


def test_until_done_other_errors_are_not_retried() -> None:
    clock = FakeClock()

    def fatal() -> None:
        raise FatalError("for good")

    with pytest.raises(FatalError):
        Patience(clock, threading.Event()).until_done(fatal)
    assert clock.waits == []


def test_until_done_gives_an_outage_up_when_its_time_is_over() -> None:
    clock = FakeClock()
    with pytest.raises(FatalError, match="Gave up after 60 s: away"):
        Patience(clock, threading.Event(), 60.0).until_done(failing(99))
    assert 60 <= sum(clock.waits) < 80


def test_until_done_reports_each_wait() -> None:
    waits: list[int] = []
    Patience(FakeClock(), threading.Event(), on_wait=lambda: waits.append(1)).until_done(failing(3))
    assert len(waits) == 3
