"""The start of the process waits a minute for what does not answer yet, and not for what somebody must set right."""

from __future__ import annotations

import threading

import pytest

from core.errors import ConfigurationError, IntegrationError, RetriableError
from sinks.main import patiently
from tests.unit.sinks.fakes import HandClock


class Playing:
    """Raises what it was given, one after the other, then succeeds."""

    def __init__(self, *failures: IntegrationError) -> None:
        self.failures = list(failures)
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)


def test_start_waits_for_what_does_not_answer_yet() -> None:
    work = Playing(*[RetriableError("away")] * 5)
    patiently(work, threading.Event(), HandClock())
    assert work.calls == 6


def test_start_gives_up_after_a_minute() -> None:
    clock = HandClock()
    with pytest.raises(RetriableError):
        patiently(Playing(*[RetriableError("away")] * 1000), threading.Event(), clock)
    assert 60 <= clock.seconds - 100 <= 62


def test_start_does_not_wait_for_what_somebody_must_set_right() -> None:
    work = Playing(ConfigurationError("run setup"))
    with pytest.raises(ConfigurationError):
        patiently(work, threading.Event(), HandClock())
    assert work.calls == 1


def test_start_that_is_asked_to_end_ends() -> None:
    stop = threading.Event()
    stop.set()
    work = Playing()
    patiently(work, stop, HandClock())
    assert work.calls == 0
