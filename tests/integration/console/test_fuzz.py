"""Whatever a browser sends, in addresses, queries, cookies and forms: an answer below 500, and soon."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from console.app import SCREENS
from console.screens import Screen
from tests.integration.console.fix_console import Site
from tests.soak import fuzz, rounds

# Above it a request hangs rather than works, also on a machine that does other things beside.
_LONGEST_S = 20.0
_ODD = st.sampled_from(
    ["", "\0", "*", "/", "..", "%", "%00", "\u212a", "\ud7ff", "\u202e", "1e999", "-1", "9" * 400, "\\", "a" * 5000]
)
TEXT = st.one_of(_ODD, st.text(st.characters(codec="utf-8"), max_size=60))
NAMES = st.sampled_from(
    [
        "find",
        "page",
        "before",
        "status",
        "subject",
        "state",
        "read",
        "company",
        "command",
        "next",
        "entity",
        "limit",
        "offset",
        "code",
        "email",
        "password",
        "username",
        "time_zone",
        "import_from",
        "reason",
        "confirmed",
        "builder_id",
    ]
)
FIELDS = st.lists(st.tuples(st.one_of(NAMES, TEXT), TEXT), max_size=6)
OFFERED = [screen for screen in SCREENS if not screen.path.endswith("/events") and screen.path != "/sign-out"]


@pytest.fixture(scope="module")
def visitors(site: Site) -> dict[str, tuple[TestClient, str]]:
    """Browsers of an operator and of nobody, each with a form token that fits."""
    operator = site.signed_in("operator")
    stranger = site.browser()
    stranger.cookies.set("protiv_visitor", "stranger", domain="127.0.0.1")
    cookies = site.services.cookies
    return {
        "operator": (operator, cookies.form_token(operator.cookies["protiv_session"])),
        "stranger": (stranger, cookies.form_token("stranger")),
    }


@pytest.fixture(autouse=True)
def nothing_is_sent(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of this test are nobody's business; what stores and shows them is what is tried."""
    monkeypatch.setattr(type(site.services.sender), "send", lambda *_, **__: None)


def address(screen: Screen, values: dict[str, str], query: list[tuple[str, str]]) -> str:
    path = screen.path
    for name in ("company_id", "run_id", "entity", "entity_id", "job_id"):
        path = path.replace(f"{{{name}}}", quote(values[name] or "x", safe=""))
    return f"{path}?{urlencode(query)}"


VALUES = st.fixed_dictionaries(
    dict.fromkeys(("company_id", "run_id", "entity_id", "job_id"), TEXT)
    | {"entity": st.one_of(st.sampled_from(["jobs", "time-entries", "budgets"]), TEXT)}
)


def test_no_request_is_answered_with_a_mistake_of_ours(site: Site, visitors: dict[str, tuple[TestClient, str]]) -> None:
    company_id = site.company()

    @given(
        screen=st.sampled_from(OFFERED),
        who=st.sampled_from(sorted(visitors)),
        known=st.booleans(),
        values=VALUES,
        query=FIELDS,
        form=FIELDS,
    )
    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    def answered(
        screen: Screen, who: str, known: bool, values: dict[str, str], query: Any, form: list[tuple[str, str]]
    ) -> None:
        browser, token = visitors[who]
        path = address(screen, values | ({"company_id": company_id} if known else {}), query)
        began = time.monotonic()
        if screen.is_unsafe:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = browser.post(path, content=urlencode([*form, ("form_token", token)]), headers=headers)
        else:
            answer = browser.get(path)
        assert answer.status_code < 500, (screen.method, path, answer.text[:500])
        assert time.monotonic() - began < _LONGEST_S

    fuzz(answered)


@given(cookie=st.binary(max_size=300), body=st.binary(max_size=300), kind=TEXT.filter(str.isascii))
@settings(max_examples=rounds(usual=100, soak=5_000), deadline=None, suppress_health_check=list(HealthCheck))
def test_no_raw_body_or_cookie_is_answered_with_a_mistake_of_ours(
    site: Site, cookie: bytes, body: bytes, kind: str
) -> None:
    printable = bytes(byte for byte in cookie if byte >= 32 and byte != 127)
    kinds = "".join(one for one in kind if " " <= one <= "~")
    headers = [(b"cookie", b"protiv_session=" + printable), (b"content-type", kinds.strip().encode())]
    answer = site.browser().post("/sign-in", content=body, headers=headers)
    assert answer.status_code < 500, answer.text[:500]
