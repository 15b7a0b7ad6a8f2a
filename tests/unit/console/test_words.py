"""Times, durations and faults in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.words import absolute, counted, duration, fault_words, relative, zone
from tests.unit.console.factories import NOW


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "less than a minute ago"),
        (-59, "less than a minute ago"),
        (-60, "1 min ago"),
        (-7140, "1 h 59 min ago"),
        (-86_400, "1 day ago"),
        (-3 * 86_400, "3 days ago"),
        (30, "in less than a minute"),
        (7200, "in 2 h 0 min"),
    ],
)
def test_relative_tells_whole_units(seconds: int, told: str) -> None:
    assert relative(NOW + timedelta(seconds=seconds), NOW) == told


@pytest.mark.parametrize(("seconds", "told"), [(-1, "0 s"), (42.9, "42 s"), (200, "3 min 20 s"), (3900, "1 h 5 min")])
def test_duration_tells_two_units(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_absolute_is_local_to_the_zone_with_its_abbreviation() -> None:
    assert absolute(datetime(2026, 1, 4, 7, 5, tzinfo=UTC), zone("America/Denver")) == "Jan 4, 2026, 12:05 AM MST"
    assert absolute(datetime(2026, 7, 4, 7, 5, tzinfo=UTC), zone("America/Denver")) == "Jul 4, 2026, 1:05 AM MDT"


def test_absolute_marks_an_abbreviation_that_is_only_a_number() -> None:
    assert absolute(NOW, zone("America/Sao_Paulo")).endswith("3:00 PM UTC-03")


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "/etc/passwd", "../x", "America", "\x00"])
def test_zone_that_is_none_is_utc(name: str) -> None:
    assert absolute(NOW, zone(name)).endswith("UTC")


@given(st.text(max_size=40))
def test_zone_never_raises(name: str) -> None:
    assert absolute(NOW, zone(name))


@given(st.floats(min_value=0, max_value=1e9), st.floats(min_value=0, max_value=1e9))
def test_duration_never_says_sixty(seconds: float, more: float) -> None:
    assert "60 " not in f" {duration(seconds % 3600)}".replace("160 ", "")
    assert relative(NOW - timedelta(seconds=more), NOW).endswith("ago")


@pytest.mark.parametrize(
    "name",
    [
        "wrong-credentials",
        "mfa-required",
        "blocked-by-buildertrend",
        "no-permission",
        "rate-limited",
        "source-unavailable",
        "source-changed",
        "session-expired",
    ],
)
def test_fault_words_has_words_for_every_fault(name: str) -> None:
    assert fault_words(name).reason != name


def test_fault_words_shows_a_name_it_does_not_know() -> None:
    assert fault_words("new-fault").reason == "new-fault"
    assert fault_words(None).reason


def test_counted_has_a_singular() -> None:
    assert counted(1, "company", "companies") == "1 company"
    assert counted(1200, "company", "companies") == "1,200 companies"
