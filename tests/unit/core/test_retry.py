"""Outages: the same call again with growing pauses, never shorter than asked, until it works or the process ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from core.errors import FatalError, RetriableError
from core.retry import outlast
from tests.fakes import FakeClock


def failing(times: int, *, retry_after_s: float | None = None) -> Callable[[], str]:
    left = [times]

    def action() -> str:
        if left[0]:
            left[0] -= 1
            raise RetriableError("away", retry_after_s=retry_after_s)
        return "back"

    return action


def test_outlast_success_at_once_waits_for_nothing() -> None:
    clock = FakeClock()
    assert outlast(failing(0), clock=clock, stop=threading.Event()) == "back"
    assert clock.waits == []


def test_outlast_outage_pauses_grow_to_a_bound() -> None:
    clock = FakeClock()
    assert outlast(failing(8), clock=clock, stop=threading.Event()) == "back"
    assert clock.waits == [0.5, 1, 2, 4, 8, 15, 15, 15]


def test_outlast_pause_is_never_shorter_than_asked() -> None:
    clock = FakeClock()
    outlast(failing(1, retry_after_s=90), clock=clock, stop=threading.Event())
    assert clock.waits == [90]


def test_outlast_when_stopped_raises_the_outage() -> None:
    stop = threading.Event()
    clock = FakeClock(on_wait=stop.set)
    with pytest.raises(RetriableError):
        outlast(failing(99), clock=clock, stop=stop)


def test_outlast_other_errors_are_not_retried() -> None:
    clock = FakeClock()

    def fatal() -> None:
        raise FatalError("for good")

    with pytest.raises(FatalError):
        outlast(fatal, clock=clock, stop=threading.Event())
    assert clock.waits == []
