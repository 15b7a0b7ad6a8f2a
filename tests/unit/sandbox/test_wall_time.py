"""Local wall times: text, refusals, and the minutes that really pass over a change of the clock."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.wall_time import elapsed_minutes, normal_text, wall_text

DENVER = "America/Denver"


@pytest.mark.parametrize(
    ("minute", "text"),
    [
        (0, "2026-02-28T00:00:00"),
        (559, "2026-02-28T09:19:00"),
        (1440, "2026-03-01T00:00:00"),
        (1505, "2026-03-01T01:05:00"),
    ],
)
def test_wall_text_goes_over_midnight(minute: int, text: str) -> None:
    assert wall_text(date(2026, 2, 28), minute) == text


@pytest.mark.parametrize("value", ["2026-05-20T09:19", "2026-05-20T09:19:00", "2026-05-20 09:19:00"])
def test_normal_text_states_seconds(value: str) -> None:
    assert normal_text(value) == "2026-05-20T09:19:00"


@pytest.mark.parametrize("value", ["", "2026-05-20", "09:19", "2026-05-20T09:19:00Z", "2026-05-20T09:19:00-06:00"])
def test_normal_text_of_no_local_time_is_an_error(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        normal_text(value)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("2026-05-20T22:00:00", "2026-05-21T02:00:00", 240),
        ("2026-03-07T22:00:00", "2026-03-08T06:00:00", 420),
        ("2026-10-31T22:00:00", "2026-11-01T06:00:00", 540),
        ("2026-05-20T09:00:00", "2026-05-20T08:00:00", -60),
    ],
)
def test_elapsed_minutes_follow_the_zone(start: str, end: str, minutes: int) -> None:
    assert elapsed_minutes(start, end, time_zone=DENVER) == minutes


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 2880))
def test_wall_text_is_its_own_normal_text(day: date, minute: int) -> None:
    assert normal_text(wall_text(day, minute)) == wall_text(day, minute)
