"""What the sink does about a report of the client that no waiting ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import FatalError
from sinks.buffer import Buffer, Limits
from sinks.fetch import Fetcher
from tests.unit.sinks.fakes import HandClock, report


class Reporting:
    """A consumer that has nothing but a report."""

    def __init__(self, name: str) -> None:
        self._message = SimpleNamespace(
            error=lambda: report(name), topic=lambda: "protiv.jobs", partition=lambda: 0, offset=lambda: 0
        )

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: [self._message]


@pytest.mark.parametrize("name", ["TOPIC_AUTHORIZATION_FAILED", "_FATAL", "INVALID_MSG"])
def test_fetcher_ends_the_process_at_a_report_that_no_waiting_ends(name: str) -> None:
    fetcher = Fetcher(Reporting(name), Buffer(Limits()), HandClock())
    with pytest.raises(FatalError, match="cannot go on"):
        fetcher.fetch(busy=True)


@pytest.mark.parametrize("name", ["_ALL_BROKERS_DOWN", "UNKNOWN_TOPIC_OR_PART", "_AUTO_OFFSET_RESET"])
def test_fetcher_goes_on_at_a_report_that_passes(name: str) -> None:
    fetcher = Fetcher(Reporting(name), Buffer(Limits()), HandClock())
    fetcher.fetch(busy=True)
    assert fetcher.lost is None
