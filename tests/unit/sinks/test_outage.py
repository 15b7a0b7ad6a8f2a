"""The pause between attempts grows, is bounded, honours what the other side asks for, and ends with a success."""

from __future__ import annotations

from core.errors import RetriableError
from core.retry import LONGEST_PAUSE_S
from sinks.background import Outage
from tests.unit.sinks.fakes import HandClock


def pause_s(outage: Outage, clock: HandClock) -> float:
    began = clock.seconds
    while not outage.may_try():
        clock.seconds += 0.25
    return clock.seconds - began


def test_outage_before_any_failure_may_try() -> None:
    outage = Outage(HandClock())
    assert outage.may_try()
    assert not outage.lasts


def test_outage_waits_longer_each_time_up_to_a_bound() -> None:
    clock = HandClock()
    outage = Outage(clock)
    pauses = []
    for _ in range(12):
        outage.failed(RetriableError("away"))
        pauses.append(pause_s(outage, clock))
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_outage_honours_retry_after() -> None:
    clock = HandClock()
    outage = Outage(clock)
    outage.failed(RetriableError("busy", retry_after_s=7))
    assert pause_s(outage, clock) == 7.0


def test_outage_after_success_starts_small_again() -> None:
    clock = HandClock()
    outage = Outage(clock)
    outage.failed(RetriableError("away"))
    outage.failed(RetriableError("away"))
    outage.ended()
    assert not outage.lasts
    outage.failed(RetriableError("away"))
    assert pause_s(outage, clock) == 0.5
