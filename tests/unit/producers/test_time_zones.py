"""The time zone that an account states, in whatever field and by whatever name."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from producers.buildertrend import time_zones
from producers.buildertrend.time_zones import StatedZone, are_alike, stated_zone, zone_of


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("America/Denver", "America/Denver"),
        ("america/denver ", "America/Denver"),
        ("US/Mountain", "US/Mountain"),
        ("Mountain Standard Time", "America/Denver"),
        ("US Mountain Standard Time", "America/Phoenix"),
        ("(UTC-07:00) Mountain Time (US & Canada)", "America/Denver"),
        ("(UTC-07:00) Arizona", "America/Phoenix"),
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("UTC", "UTC"),
        ("Mountain Time", None),
        ("EST", None),
        ("", None),
        ("../etc/passwd", None),
    ],
)
def test_zone_by_name(name: str, zone: str | None) -> None:
    assert zone_of(name) == zone


def test_every_windows_zone_is_one_that_exists() -> None:
    names = msgspec.json.decode(Path(time_zones.__file__).with_name("windows_zones.json").read_bytes())
    assert len(names) > 130
    for name in names:
        zone = zone_of(name)
        assert zone is not None
        ZoneInfo(zone)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"appDefaultInfo": {"timeZone": "America/Denver"}}, StatedZone("America/Denver")),
        ({"timeZoneId": "Mountain Standard Time"}, StatedZone("America/Denver")),
        (
            {"builderInfo": {"TimeZoneInfo": {"id": "Central Standard Time"}}},
            StatedZone("America/Chicago"),
        ),
        ({"timeZone": 7, "builder": {"ianaTimeZone": "America/Boise"}}, StatedZone("America/Boise")),
        ({"timeZone": "Mars/Olympus"}, StatedZone(None, "Mars/Olympus")),
        ({"timeZone": "Mars/Olympus", "inner": {"timeZoneName": "UTC"}}, StatedZone("UTC")),
        ({"a": {"b": {"timeZone": "UTC"}}, "c": {"timeZone": "America/Boise"}}, StatedZone("America/Boise")),
        ({"timeZoneOffset": -7, "zone": "America/Denver"}, StatedZone()),
        ({"timeZone": "x" * 101}, StatedZone()),
        ([], StatedZone()),
        (None, StatedZone()),
    ],
)
def test_zone_is_found_wherever_it_is_stated(data: Any, found: StatedZone) -> None:
    assert stated_zone(data) == found


def test_zones_whose_clocks_show_the_same_are_alike() -> None:
    assert are_alike("America/Denver", "US/Mountain")
    assert are_alike("America/Denver", "America/Boise")
    assert not are_alike("America/Denver", "America/Phoenix")
