"""Wall times and instants: sentinels, the hour that occurs twice, the hour that does not exist, the local day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.errors import InvalidRecordError
from schemas.codec import from_days, from_micros, to_micros
from streams.normalise.times import ShiftTimes, day, shift_times, wall_time, zone

NEW_YORK = "America/New_York"
ZONES = st.sampled_from(
    [NEW_YORK, "America/Denver", "America/Phoenix", "Australia/Lord_Howe", "Europe/Dublin", "Asia/Beirut", "UTC"]
)
MINUTES_OF_2020S = st.integers(0, 10 * 365 * 1440)


def times(start: str | None, end: str | None, zone_name: str = NEW_YORK, stated: int | None = None) -> ShiftTimes:
    return shift_times(wall_time(start, "start"), wall_time(end, "end"), zone_name, stated_minutes=stated)


def utc(micros: int | None) -> str | None:
    return None if micros is None else from_micros(micros).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "end", "stated", "started", "ended"),
    [
        ("2026-05-20T09:19:00", "2026-05-20T17:49:00", 510, "2026-05-20 13:19", "2026-05-20 21:49"),
        ("2026-05-20T22:00:00", "2026-05-21T06:00:00", 480, "2026-05-21 02:00", "2026-05-21 10:00"),
        ("2026-05-20T09:19:00", None, None, "2026-05-20 13:19", None),
        # 2026-11-01 02:00 EDT is 01:00 EST: 01:30 occurs twice, and the stated length tells which one is meant.
        ("2026-11-01T00:30:00", "2026-11-01T01:30:00", 60, "2026-11-01 04:30", "2026-11-01 05:30"),
        ("2026-11-01T00:30:00", "2026-11-01T01:30:00", 120, "2026-11-01 04:30", "2026-11-01 06:30"),
        ("2026-11-01T01:30:00", "2026-11-01T09:30:00", 540, "2026-11-01 05:30", "2026-11-01 14:30"),
        ("2026-11-01T01:30:00", "2026-11-01T09:30:00", 480, "2026-11-01 06:30", "2026-11-01 14:30"),
        ("2026-11-01T01:10:00", "2026-11-01T01:50:00", 100, "2026-11-01 05:10", "2026-11-01 06:50"),
        # Only one reading is possible.
        ("2026-11-01T01:50:00", "2026-11-01T01:10:00", None, "2026-11-01 05:50", "2026-11-01 06:10"),
        # Over the change of the clock the wall says eight hours and nine went by.
        ("2026-10-31T22:00:00", "2026-11-01T06:00:00", 540, "2026-11-01 02:00", "2026-11-01 11:00"),
    ],
)
def test_shift_times_become_instants(
    start: str, end: str | None, stated: int | None, started: str, ended: str | None
) -> None:
    found = times(start, end, stated=stated)
    assert (utc(found.started_at), utc(found.ended_at), found.notes) == (started, ended, ())


@pytest.mark.parametrize("stated", [None, 40])
def test_shift_times_that_stay_undecided_are_the_earlier_and_noted(stated: int | None) -> None:
    found = times("2026-11-01T01:10:00", "2026-11-01T01:50:00", stated=stated)
    assert (utc(found.started_at), utc(found.ended_at)) == ("2026-11-01 05:10", "2026-11-01 05:50")
    assert [note.split(" 2026")[0] for note in found.notes] == ["The start", "The end"]


def test_shift_times_of_an_open_shift_in_the_double_hour_are_noted() -> None:
    found = times("2026-11-01T01:10:00", None)
    assert utc(found.started_at) == "2026-11-01 05:10"
    assert found.notes == (f"The start 2026-11-01 01:10 occurs twice in {NEW_YORK}; the earlier one is assumed.",)


def test_shift_times_that_do_not_exist_are_moved_forward_and_noted() -> None:
    found = times("2026-03-08T02:30:00", "2026-03-08T10:00:00", stated=390)
    assert (utc(found.started_at), utc(found.ended_at)) == ("2026-03-08 07:30", "2026-03-08 14:00")
    assert found.notes == (f"The start 2026-03-08 02:30 does not exist in {NEW_YORK} and was moved forward.",)


def test_shift_times_that_only_the_gap_turns_around_are_kept_in_order() -> None:
    found = times("2026-03-08T02:45:00", "2026-03-08T03:15:00")
    assert found.started_at == found.ended_at


def test_work_date_is_the_local_day_of_the_start() -> None:
    found = times("2026-05-20T23:30:00", "2026-05-21T07:00:00")
    assert found.work_date is not None
    assert from_days(found.work_date).isoformat() == "2026-05-20"


def test_work_date_of_a_day_that_was_skipped_is_the_next_one() -> None:
    found = times("2011-12-30T12:00:00", None, "Pacific/Apia")
    assert found.work_date is not None
    assert from_days(found.work_date).isoformat() == "2011-12-31"


@pytest.mark.parametrize("stamp", [None, "", " ", "0001-01-01T00:00:00", "2006-01-01T00:00:00", "2055-01-01"])
def test_wall_time_of_a_sentinel_is_none(stamp: str | None) -> None:
    assert wall_time(stamp, "start") is None
    assert day(stamp, "start") is None


@pytest.mark.parametrize("stamp", ["yesterday", "2026-13-01T00:00:00", "2026-02-30", "20/05/2026"])
def test_wall_time_that_cannot_be_read_is_refused(stamp: str) -> None:
    with pytest.raises(InvalidRecordError, match="The start is not a timestamp"):
        wall_time(stamp, "start")


@pytest.mark.parametrize("stamp", ["2026-05-20T09:19:00Z", "2026-05-20T09:19:00-05:00"])
def test_wall_time_with_a_zone_is_refused(stamp: str) -> None:
    with pytest.raises(InvalidRecordError, match="names a time zone"):
        wall_time(stamp, "start")


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "America", "../etc/passwd", "EST5EDT\x00"])
def test_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidRecordError, match="not an IANA name"):
        zone(name)


def test_shift_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(InvalidRecordError, match="ends before it starts"):
        times("2026-05-20T17:49:00", "2026-05-20T09:19:00")


def test_shift_without_a_start_keeps_its_end() -> None:
    found = times("0001-01-01T00:00:00", "2026-05-20T17:49:00")
    assert (found.started_at, utc(found.ended_at), found.work_date) == (None, "2026-05-20 21:49", None)


@given(ZONES, MINUTES_OF_2020S, st.integers(1, 24 * 60))
def test_shift_of_a_known_length_is_found_again(zone_name: str, start_minute: int, length: int) -> None:
    """Any real shift, written as wall times with its length, gives back instants of exactly that length."""
    start = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=start_minute)
    end = start + timedelta(minutes=length)
    tz = ZoneInfo(zone_name)
    walls = [instant.astimezone(tz).replace(tzinfo=None) for instant in (start, end)]
    found = shift_times(walls[0], walls[1], zone_name, stated_minutes=length)
    assert found.started_at is not None
    assert found.ended_at is not None
    assert found.ended_at - found.started_at == length * 60_000_000
    if not found.notes:
        assert (found.started_at, found.ended_at) == (to_micros(start), to_micros(end))
    assert found.work_date is not None
    assert from_days(found.work_date) == walls[0].date()


@given(ZONES, MINUTES_OF_2020S, st.integers(0, 24 * 60), st.none() | st.integers(0, 24 * 60))
def test_wall_times_in_order_are_never_refused(
    zone_name: str, start_minute: int, length: int, stated: int | None
) -> None:
    start = datetime(2020, 1, 1) + timedelta(minutes=start_minute)
    found = shift_times(start, start + timedelta(minutes=length), zone_name, stated_minutes=stated)
    assert found.started_at is not None
    assert found.ended_at is not None
    assert found.ended_at >= found.started_at


@given(ZONES, MINUTES_OF_2020S)
def test_wall_time_that_exists_reads_the_same_on_the_local_clock(zone_name: str, minute: int) -> None:
    wall = datetime(2020, 1, 1) + timedelta(minutes=minute)
    found = shift_times(wall, None, zone_name, stated_minutes=None)
    assert found.started_at is not None
    local = from_micros(found.started_at).astimezone(ZoneInfo(zone_name)).replace(tzinfo=None)
    assume(not any("does not exist" in note for note in found.notes))
    assert local == wall
