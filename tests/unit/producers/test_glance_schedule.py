"""When the newest shifts are looked at: often while people work, hourly else, and before the session would end."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.settings import Settings
from producers.runs.glance_schedule import glance_pause_s, next_glance
from tests import factories

SETTINGS = factories.settings()
DENVER = ZoneInfo("America/Denver")


def denver(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=DENVER).astimezone(UTC)


def pause(at: str, settings: Settings = SETTINGS, **changes: Any) -> float:
    return glance_pause_s(denver(at), factories.connection(**changes), settings)


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        ("2026-06-17T12:00:00", 600),
        ("2026-06-17T19:59:00", 600),
        ("2026-06-17T23:00:00", 3600),
        ("2026-06-18T04:30:00", 1800 + 600),
        ("2026-06-21T12:00:00", 3600),
    ],
)
def test_pause_is_short_in_working_hours_and_an_hour_else_but_ends_where_people_begin(at: str, seconds: float) -> None:
    assert pause(at) == seconds


def test_learned_hours_replace_those_of_before_there_was_evidence() -> None:
    nights = {"2": [22 * 60, 30 * 60]}
    assert pause("2026-06-17T12:00:00", working_hours=nights) == 3600
    assert pause("2026-06-17T23:00:00", working_hours=nights) == 600


@pytest.mark.parametrize(
    ("timeout_s", "at", "seconds"),
    [
        (1200, "2026-06-17T23:00:00", 960),
        (7200, "2026-06-17T23:00:00", 3600),
        (1200, "2026-06-17T12:00:00", 600),
        (60, "2026-06-17T23:00:00", 300),
    ],
)
def test_a_session_is_kept_alive_where_the_account_states_how_long_it_lasts(
    timeout_s: int, at: str, seconds: float
) -> None:
    assert pause(at, session_timeout_s=timeout_s) == seconds


def test_interval_is_a_setting_and_none_switches_glances_off() -> None:
    now, connection = denver("2026-06-17T12:00:00"), factories.connection()
    assert next_glance(now, connection, factories.settings(glance_interval_s=0), random.Random(1)) is None
    assert pause("2026-06-17T12:00:00", factories.settings(glance_interval_s=60)) == 60
    assert pause("2026-06-17T23:00:00", factories.settings(glance_interval_s=7200)) == 7200


@pytest.mark.parametrize(("failures", "longest_s"), [(0, 600), (1, 1200), (3, 4800), (5, 7200), (500, 7200)])
def test_failures_in_a_row_make_the_pause_longer_up_to_the_interval_of_reads(failures: int, longest_s: float) -> None:
    now, connection = denver("2026-06-17T12:00:00"), factories.connection(glance_failures=failures)
    for seed in range(20):
        found = next_glance(now, connection, SETTINGS, random.Random(seed))
        assert found is not None
        assert timedelta(seconds=longest_s * 0.9) <= found - now <= timedelta(seconds=longest_s)
