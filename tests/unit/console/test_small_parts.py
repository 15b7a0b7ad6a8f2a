"""What is entered in Connect, values kept for everybody, names of the console, cookies, and words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from console.cookies import Cookies, comes_from_elsewhere
from console.guard import PublicAddress
from console.reading.records import like
from console.routes.connect import COMMON_ZONES, all_zones, entered
from console.shared_reads import SharedReads
from console.words import absolute, counted, counted_entity, duration, hours, listed, reference, relative, roughly, zone
from core.errors import ConfigurationError
from tests.factories import settings
from tests.fakes import FakeClock

TODAY = date(2026, 6, 17)
FORM = {"username": " ana@b.example ", "password": " p w ", "time_zone": "America/Denver", "import_from": "2026-01-31"}
SECRET = "a-secret-for-tests-only-0123456789"


def test_entered_trims_the_username_and_keeps_the_password() -> None:
    found = entered(FORM, TODAY)
    assert (found.username, found.password, found.day) == ("ana@b.example", " p w ", date(2026, 1, 31))
    assert found.password_has_spaces
    assert found.problems == {}
    assert "p w" not in repr(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("username", "  "),
        ("username", "x" * 501),
        ("username", "a\0b"),
        ("password", ""),
        ("password", "\0"),
        ("time_zone", ""),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("import_from", "tomorrow"),
        ("import_from", "2026-06-18"),
        ("import_from", "1066-10-14"),
    ],
)
def test_entered_names_the_field_that_is_wrong(name: str, value: str) -> None:
    assert set(entered({**FORM, name: value}, TODAY).problems) == {name}


@given(st.dictionaries(st.sampled_from(sorted(FORM)), st.text(max_size=600)))
def test_entered_takes_whatever_a_browser_sends(form: dict[str, str]) -> None:
    found = entered(form, TODAY)
    assert found.problems or (found.username and found.password and found.time_zone in all_zones())


def test_zones_begin_with_the_common_ones_and_repeat_none() -> None:
    zones = all_zones()
    assert tuple(zones[: len(COMMON_ZONES)]) == COMMON_ZONES
    assert len(zones) == len(set(zones))


class Reads:
    """Counts readings; each takes as long as `seconds` says."""

    def __init__(self, clock: FakeClock, seconds: float = 0.0) -> None:
        self.clock, self.seconds, self.count = clock, seconds, 0

    def __call__(self) -> int:
        self.count += 1
        self.clock.move(self.seconds)
        return self.count


def test_kept_serves_one_reading_while_it_is_fresh() -> None:
    clock = FakeClock()
    kept: SharedReads[int] = SharedReads(clock, fresh_s=0.4, share=4.0)
    read = Reads(clock)
    assert [kept.get("a", read), kept.get("a", read)] == [1, 1]
    clock.move(0.5)
    assert kept.get("a", read) == 2
    assert kept.get("b", read) == 3, "another company is another value"
    kept.forget("a")
    assert kept.get("a", read) == 4


def test_kept_spares_a_slow_source_but_never_for_more_than_two_seconds() -> None:
    clock = FakeClock()
    kept: SharedReads[int] = SharedReads(clock)
    read = Reads(clock, seconds=0.3)
    kept.get("a", read)
    clock.move(1.1)
    assert kept.get("a", read) == 1
    clock.move(0.2)
    assert kept.get("a", read) == 2
    read.seconds = 30
    clock.move(2)
    kept.get("a", read)
    clock.move(2.1)
    assert kept.get("a", read) == 4


def test_kept_reads_once_for_all_who_come_at_the_same_time() -> None:
    clock = FakeClock()
    kept: SharedReads[int] = SharedReads(clock)
    began, go_on = threading.Event(), threading.Event()
    count = 0

    def slow() -> int:
        nonlocal count
        count += 1
        began.set()
        assert go_on.wait(10)
        return count

    threads = [threading.Thread(target=kept.get, args=("a", slow)) for _ in range(5)]
    threads[0].start()
    assert began.wait(10)
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert count == 1


def test_kept_error_is_for_who_asked_and_the_next_one_reads() -> None:
    kept: SharedReads[int] = SharedReads(FakeClock())

    def fails() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        kept.get("a", fails)
    assert kept.get("a", lambda: 7) == 7


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_door_of_this_machine_needs_no_public_name(host: str) -> None:
    assert not PublicAddress(settings(console_host=host)).is_https


@pytest.mark.parametrize("host", ["::", "10.1.2.3", "console.example"])
def test_door_for_others_needs_a_public_name_with_https(host: str) -> None:
    with pytest.raises(ConfigurationError, match="set CONSOLE_PUBLIC_URL"):
        PublicAddress(settings(console_host=host))
    with pytest.raises(ConfigurationError, match="must start with https"):
        PublicAddress(settings(console_host=host, console_public_url="http://console.example"))
    door = PublicAddress(settings(console_host=host, console_public_url="https://console.example/"))
    assert door.is_https
    assert "console.example" in door.hosts
    assert not PublicAddress(settings(console_host=host, console_public_url="http://127.0.0.1:8080")).is_https


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "method": "POST", "path": "/"})


@pytest.mark.parametrize(
    ("headers", "is_foreign"),
    [
        ({"host": "c.example"}, False),
        ({"host": "c.example", "origin": "https://c.example"}, False),
        ({"host": "c.example", "sec_fetch_site": "same-origin"}, False),
        ({"host": "c.example", "origin": "https://evil.example"}, True),
        ({"host": "c.example", "origin": "null"}, True),
        ({"host": "c.example", "origin": "https://[broken"}, True),
        ({"host": "c.example", "sec_fetch_site": "cross-site"}, True),
        ({"host": "c.example", "sec_fetch_site": "same-site"}, True),
    ],
)
def test_request_of_another_page_is_known_by_what_the_browser_says(headers: dict[str, str], is_foreign: bool) -> None:
    assert comes_from_elsewhere(request(**headers)) is is_foreign


def test_form_token_fits_its_own_cookie_alone() -> None:
    cookies = Cookies(settings(console_secret=SECRET), is_https=False)
    token = cookies.form_token("one")
    assert cookies.form_token_fits("one", token)
    for cookie, given_token in (
        ("two", token),
        ("one", ""),
        ("one", token[:-1]),
        ("", cookies.form_token("")),
        ("one", "ü"),
    ):
        assert not cookies.form_token_fits(cookie, given_token)
    other = Cookies(settings(console_secret=SECRET + "x"), is_https=False)
    assert not other.form_token_fits("one", token)


def test_cookies_without_a_secret_name_the_setting() -> None:
    with pytest.raises(ConfigurationError, match="CONSOLE_SECRET is not set"):
        Cookies(settings(), is_https=False)


NOW = datetime(2026, 6, 17, 18, 0, tzinfo=UTC)
WORDS: list[tuple[Callable[..., str], tuple[Any, ...], str]] = [
    (absolute, (NOW, zone("America/Denver")), "Jun 17, 2026, 12:00 PM MDT"),
    (absolute, (NOW, zone("no/zone")), "Jun 17, 2026, 6:00 PM UTC"),
    (absolute, (NOW, zone("Asia/Dubai")), "Jun 17, 2026, 10:00 PM UTC+04"),
    (relative, (NOW - timedelta(minutes=5), NOW), "5 min ago"),
    (relative, (NOW + timedelta(minutes=119), NOW), "in 1 h 59 min"),
    (relative, (NOW - timedelta(days=2), NOW), "2 days ago"),
    (relative, (NOW - timedelta(seconds=9), NOW), "less than a minute ago"),
    (duration, (42.9,), "42 s"),
    (duration, (200,), "3 min 20 s"),
    (duration, (3_900,), "1 h 5 min"),
    (duration, (-3,), "0 s"),
    (roughly, (3,), "less than 10 s"),
    (roughly, (31,), "about 40 s"),
    (roughly, (56,), "about 1 min"),
    (roughly, (180,), "about 3 min"),
    (roughly, (7_300,), "about 2 h"),
    (hours, (750,), "12.5 h"),
    (hours, (480,), "8 h"),
    (hours, (72_240,), "1,204 h"),
    (counted, (1, "shift", "shifts"), "1 shift"),
    (counted, (1_200, "shift", "shifts"), "1,200 shifts"),
    (counted_entity, (3, "time-entries"), "3 time entries"),
    (counted_entity, (1, "budgets"), "1 budget line"),
    (listed, (["jobs", "users", "budgets"],), "jobs, users and budgets"),
    (listed, (["jobs"],), "jobs"),
    (listed, ([],), ""),
    (reference, ("3f9a21c0-0000-4000-8000-000000000000",), "3F9A21C0"),
    (like, ("50%_\\",), "%50\\%\\_\\\\%"),
]


@pytest.mark.parametrize(("words", "values", "told"), WORDS)
def test_words_read_as_people_say_them(words: Callable[..., str], values: tuple[Any, ...], told: str) -> None:
    assert words(*values) == told


@pytest.mark.parametrize("name", ["", "..", "/etc/passwd", "a\0b", "x" * 5000, "America"])
def test_zone_of_whatever_a_row_may_hold_is_a_zone(name: str) -> None:
    assert NOW.astimezone(zone(name)).tzname() == "UTC"
