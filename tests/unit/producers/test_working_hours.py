"""Working hours are learned from shifts: what a few odd ones say does not count."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.working_hours import UNKNOWN_YET, ShiftTimes, WorkingHours, learned

MONDAY = date(2026, 6, 15)
DENVER = ZoneInfo("America/Denver")


def all_times(shifts: Iterable[tuple[date, str, str | None]]) -> ShiftTimes:
    times = ShiftTimes()
    times.note_all(shifts)
    return times


def crew(*, first: str = "07:00", last: str = "15:30", weeks: int = 5, people: int = 5) -> ShiftTimes:
    """People who work Monday to Friday."""
    return all_times(
        (day, f"{day}T{first}:00", f"{day}T{last}:00")
        for week in range(weeks)
        for weekday in range(5)
        for _ in range(people)
        for day in [MONDAY - timedelta(weeks=week) + timedelta(days=weekday)]
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=DENVER)


def test_learned_hours_are_those_of_the_shifts_with_some_time_around_them() -> None:
    hours = learned(crew())
    assert hours is not None
    assert hours.spans == dict.fromkeys(range(5), (6 * 60 + 30, 16 * 60 + 30))


@pytest.mark.parametrize(("people", "weeks"), [(1, 5), (2, 2), (0, 0)])
def test_too_few_shifts_tell_nothing(people: int, weeks: int) -> None:
    assert learned(crew(people=people, weeks=weeks)) is None


def test_a_few_odd_shifts_change_nothing() -> None:
    times = crew(people=20)
    usual = learned(times)
    for weekday in range(5):
        day = MONDAY + timedelta(days=weekday)
        times.note(day, f"{day}T01:10:00", f"{day}T01:20:00")
        times.note(day, f"{day}T12:00:00", f"{day + timedelta(days=1)}T11:00:00")
    sunday = MONDAY + timedelta(days=6)
    times.note(sunday, f"{sunday}T09:00:00", f"{sunday}T11:00:00")
    assert learned(times) == usual


def test_a_night_crew_works_behind_midnight() -> None:
    times = all_times(
        (day, f"{day}T22:00:00", f"{day + timedelta(days=1)}T05:30:00")
        for week in range(5)
        for weekday in range(5)
        for _ in range(3)
        for day in [MONDAY - timedelta(weeks=week) + timedelta(days=weekday)]
    )
    hours = learned(times)
    assert hours is not None
    assert hours.includes(at("2026-06-16T03:00:00"))
    assert hours.includes(at("2026-06-20T06:00:00"))
    assert not hours.includes(at("2026-06-15T03:00:00"))
    assert not hours.includes(at("2026-06-16T12:00:00"))


@pytest.mark.parametrize(
    ("local", "working"),
    [
        ("2026-06-15T04:59:00", False),
        ("2026-06-15T05:00:00", True),
        ("2026-06-20T19:59:00", True),
        ("2026-06-20T20:00:00", False),
        ("2026-06-21T12:00:00", False),
    ],
)
def test_before_there_is_evidence_people_work_from_five_to_eight_but_on_sundays(local: str, working: bool) -> None:
    assert UNKNOWN_YET.includes(at(local)) is working


def test_next_start_is_the_next_working_days_first_minute() -> None:
    assert UNKNOWN_YET.next_start(at("2026-06-20T21:00:00")) == at("2026-06-22T05:00:00")
    assert UNKNOWN_YET.next_start(at("2026-06-22T05:00:00")) == at("2026-06-23T05:00:00")
    assert WorkingHours({}).next_start(at("2026-06-22T05:00:00")) is None


@pytest.mark.parametrize("stated", ["", "2026-06-15", "2026-06-15Tab:cd:00", "2026-06-15T99:99:00", "٢٠٢٦-٠٦-١٥T٠٧:٠٠"])
def test_times_of_another_form_are_passed_over(stated: str) -> None:
    times = ShiftTimes()
    times.note(MONDAY, stated, None)
    times.note(MONDAY, "2026-06-15T07:00:00", stated)
    assert (times.starts.total(), times.ends.total()) == (1, 0)


_minutes = st.integers(0, 1439)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(300, 600), st.integers(120, 600), st.integers(0, 2))
def test_nearly_all_starts_and_ends_lie_in_the_hours_whatever_the_odd_ones_are(
    seed: int, first: int, length: int, odd: int
) -> None:
    chance = random.Random(seed)
    times = ShiftTimes()
    moments: list[datetime] = []
    for day in (datetime(2026, 6, 15) - timedelta(weeks=week) for week in range(5)):
        usual = [day + timedelta(minutes=first + chance.randrange(30)) for _ in range(8)]
        ends = [start + timedelta(minutes=length + chance.randrange(30)) for start in usual]
        for start, end in zip(usual, ends, strict=True):
            times.note(start.date(), start.isoformat(), end.isoformat())
        moments += [*usual, *ends]
    for _ in range(odd):
        start = datetime(2026, 6, 15) + timedelta(minutes=chance.randrange(1430))
        times.note(start.date(), start.isoformat(), (start + timedelta(minutes=5)).isoformat())
    hours = learned(times)
    assert hours is not None
    inside = sum(hours.includes(moment.replace(tzinfo=DENVER)) for moment in moments)
    assert inside >= len(moments) * 0.9
    # Odd ones do not stretch the day.
    first_minute, last_minute = hours.spans[0]
    assert last_minute - first_minute <= length + 60 + 90


@given(st.dictionaries(st.integers(0, 6), st.tuples(_minutes, _minutes).filter(lambda span: span[0] < span[1])))
def test_hours_survive_json(spans: dict[int, tuple[int, int]]) -> None:
    assert WorkingHours.from_json(WorkingHours(spans).as_json()) == WorkingHours(spans)


@given(
    st.dictionaries(st.integers(0, 6), st.tuples(_minutes, _minutes).filter(lambda s: s[0] < s[1]), min_size=1),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
)
def test_work_goes_on_at_the_next_start(spans: dict[int, tuple[int, int]], local: datetime) -> None:
    hours = WorkingHours(spans)
    start = hours.next_start(local.replace(tzinfo=DENVER))
    assert start is not None
    assert start > local.replace(tzinfo=DENVER)
    assert hours.includes(start)


def test_shifts_of_long_ago_and_of_the_future_are_not_noted_and_enough_are_enough() -> None:
    times = ShiftTimes(since=MONDAY, until=MONDAY)
    days = [MONDAY - timedelta(days=1), MONDAY, MONDAY + timedelta(days=1)]
    times.note_all((day, f"{day}T07:00:00", None) for day in days)
    assert times.starts.total() == 1
    assert not times.wants(days[:1])
    assert times.wants(days)
    times.note_all((MONDAY, "2026-06-15T07:00:00", None) for _ in range(5_000))
    assert not times.wants(days)
