"""Cookies that answers renew: taken over where a browser would send them back, never more than a request carries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.buildertrend.cookies import renewed
from producers.buildertrend.sign_in import Session
from tests.factories import NOW

HOST = "buildertrend.net"
OLD = Session({".AspNet.Auth0": "one", "GAESA": "x"}, "")


def after(*headers: str, session: Session = OLD) -> dict[str, str]:
    return renewed(session, headers, host=HOST, now=NOW).cookies


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        (".AspNet.Auth0=two; Path=/; Secure; HttpOnly", {".AspNet.Auth0": "two", "GAESA": "x"}),
        ("GAESA=y", {".AspNet.Auth0": "one", "GAESA": "y"}),
        ("new=1; Domain=.buildertrend.net; path=/", {".AspNet.Auth0": "one", "GAESA": "x", "new": "1"}),
        ("new=a=b; expires=Wed, 01 Jan 2099 00:00:00 GMT", {".AspNet.Auth0": "one", "GAESA": "x", "new": "a=b"}),
        ("GAESA=; Path=/", {".AspNet.Auth0": "one"}),
        ("GAESA=gone; expires=Thu, 01 Jan 1970 00:00:00 GMT", {".AspNet.Auth0": "one"}),
        ("GAESA=gone; Max-Age=0", {".AspNet.Auth0": "one"}),
        ("GAESA=gone; Max-Age=-5", {".AspNet.Auth0": "one"}),
        ("GAESA=y; Max-Age=60; expires=Thu, 01 Jan 1970 00:00:00 GMT", {".AspNet.Auth0": "one", "GAESA": "y"}),
    ],
)
def test_cookie_that_is_set_or_deleted_is_taken_over(header: str, cookies: dict[str, str]) -> None:
    assert after(header) == cookies


@pytest.mark.parametrize(
    "header",
    [
        "x=1; Domain=evil.test",
        "x=1; Domain=net",
        "x=1; Domain=a.buildertrend.net",
        "x=1; Path=/app/only",
        "=1",
        "x",
        "",
        "x y=1",
        "x=é",
        "x=" + "v" * 9_000,
        "x=" + "v" * 50_000,
        "GAESA=x",
    ],
)
def test_cookie_that_no_request_for_data_would_carry_changes_nothing(header: str) -> None:
    assert renewed(OLD, [header], host=HOST, now=NOW) is OLD


def test_cookies_are_bounded_in_number() -> None:
    assert len(after(*[f"c{n}=1" for n in range(500)])) <= 50


def test_session_is_never_emptied() -> None:
    assert after(".AspNet.Auth0=", "GAESA=; Max-Age=0") == {"GAESA": "x"}


def test_session_with_a_token_takes_and_loses_cookies() -> None:
    session = Session({"GAESA": "x"}, "token")
    assert after("GAESA=", session=session) == {}


@given(st.lists(st.text("ab=;, \x00é.-0123456789MaxAgeexpires", max_size=60), max_size=5))
def test_whatever_is_set_leaves_a_session_that_requests_can_carry(headers: list[str]) -> None:
    found = renewed(OLD, headers, host=HOST, now=NOW)
    assert Session.from_json(found.to_json()) == found
    assert found.cookies
