"""Who signs in: addresses as limits count them, known devices, e-mails, and passwords that are guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from console.cookies import Cookies
from console.guard import address_block
from control.console_users import is_email, normal_email
from control.passwords import password_problem
from tests.factories import settings

SECRET = "a-secret-for-tests-only-0123456789"


@pytest.mark.parametrize(
    ("host", "block"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_address_counts_as_the_block_that_one_network_is_given(host: str, block: str) -> None:
    assert address_block(host) == block


def carrying(response: Response) -> Request:
    """The next request of a browser that got this answer."""
    cookie = response.headers["set-cookie"].partition(";")[0]
    return Request({"type": "http", "headers": [(b"cookie", cookie.encode())], "method": "POST", "path": "/"})


def nothing() -> Request:
    return Request({"type": "http", "headers": [], "method": "POST", "path": "/"})


def test_device_is_known_to_who_signed_in_with_it_and_to_nobody_else() -> None:
    cookies = Cookies(settings(console_secret=SECRET), is_https=False)
    first = Response()
    cookies.set_device(nothing(), first, "dana@a.example")
    second = Response()
    cookies.set_device(carrying(first), second, "olive@a.example")
    browser = carrying(second)
    dana, olive = cookies.device(browser, "dana@a.example"), cookies.device(browser, "olive@a.example")
    assert len({dana, olive, ""}) == 3
    assert cookies.device(browser, "ana@a.example") == ""
    assert Cookies(settings(console_secret=SECRET + "x"), is_https=False).device(browser, "dana@a.example") == ""


@given(st.text(st.characters(codec="latin-1"), max_size=300))
def test_device_cookie_of_anybodys_making_is_nobodys(cookie: str) -> None:
    cookies = Cookies(settings(console_secret=SECRET), is_https=False)
    raw = [(b"cookie", b"protiv_device=" + cookie.encode("latin-1"))]
    made = Request({"type": "http", "headers": raw, "method": "POST", "path": "/"})
    assert cookies.device(made, "dana@a.example") == ""


def test_email_turns_into_no_other_persons() -> None:
    assert normal_email(" Dana@A.example ") == "dana@a.example"
    assert normal_email("\u212aim@a.example") != "kim@a.example"
    for text in (
        "\u212aim@a.example",
        "jos\u00e9@a.example",
        "a\0b@a.example",
        "a b@a.example",
        "@a",
        "a@",
        "a@b@c",
        "",
    ):
        assert not is_email(normal_email(text)), text
    assert is_email("dana.o'neil+1@a.example")


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "P@ssw0rd2026!",
        " " * 12,
        "aaaaaaaaaaaa",
        "ab" * 6,
        "123456789012",
        "qwertyuiop12",
        "letmeinletmein",
        "Summer2026!!Summer",
        "Buildertrend2026",
        "i-love-protiv-77",
        "dana.reyes-77x1q",
        "x9-Reyes-q71bzz",
        "short",
        "x" * 1001,
        "correct\0 horse battery",
    ],
)
def test_password_that_is_guessed_early_is_refused_with_what_to_do(password: str) -> None:
    told = password_problem(password, known=("dana.reyes@acme.example", "Dana Reyes", "acme"))
    assert told.startswith("The password")


@pytest.mark.parametrize(
    "password", ["correct horse battery", "another long password", "a3f1-22bc-9d0e-77aa", "tr0ub4dor&3xyz"]
)
def test_password_of_words_or_signs_that_do_not_belong_together_is_taken(password: str) -> None:
    assert password_problem(password, known=("dana.reyes@acme.example", "Dana Reyes")) == ""


@given(st.text(max_size=200))
def test_password_of_any_text_is_judged_at_once(password: str) -> None:
    password_problem(password, known=("dana@acme.example",))
