"""The pages and answers as a browser, a script and a probe get them."""

from __future__ import annotations

import json
import re

import pytest

from console.overview import COMPANIES_A_PAGE
from core.errors import ConfigurationError, FatalError, RetriableError
from tests.fakes import FakeClock
from tests.unit.console.factories import NOW, FakeSource, browser, make_company, make_run, minutes

AWAY = "The database of DATABASE_URL does not answer."
HOSTILE = "\"><img src=x onerror=alert(1)><script>alert('x')</script>&amp; {{ 7*7 }}"
STATES = {
    "connecting": "Connecting",
    "connected": "Connected",
    "needs-attention": "Needs attention",
    "paused": "Paused",
    "disconnected": "Disconnected",
}


class Outage:
    """Raises in a read's place while `error` is set."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def __call__(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(("state", "words"), STATES.items())
def test_page_shows_every_state_as_icon_and_text(state: str, words: str) -> None:
    with browser(FakeSource([make_company(state=state)])) as client:
        html = client.get("/").text
    assert re.search(rf'<p class="state {state}"><svg [^>]*><use [^>]*></use></svg>{words}</p>', html)


def test_page_shows_a_running_sync() -> None:
    running = make_run(state="running", finished_at=None)
    with browser(FakeSource([make_company(runs=(running,), leased=True)])) as client:
        html = client.get("/").text
    assert 'data-state="syncing"' in html
    assert "Recent changes running for 2 min 0 s" in html
    assert "Time entries <b>1,250</b>" in html


def test_page_shows_reason_message_and_command_of_what_needs_attention() -> None:
    company = make_company(state="needs-attention", fault="wrong-credentials", message="Check for extra spaces.")
    with browser(FakeSource([company])) as client:
        html = client.get("/").text
    for text in ("Username or password not accepted", "Check for extra spaces.", "protiv-buildertrend connect acme"):
        assert text in html


def test_page_shows_times_counts_and_history() -> None:
    held = make_run(read="full", state="held", message="300 time-entries are no longer shown.")
    with browser(FakeSource([make_company(runs=(make_run(), held))])) as client:
        html = client.get("/").text
    for text in (
        "<b>12 min ago</b>",
        "Jun 17, 2026, 11:48 AM MDT",
        "<b>In 1 h 48 min</b>",
        'datetime="2026-06-17T19:48:00+00:00"',
        "5,000 in Protiv",
        "12 created, 3 updated, 1 deleted",
        "Deletions held",
        "300 time-entries are no longer shown.",
    ):
        assert text in html


def test_page_without_companies_says_how_to_connect() -> None:
    with browser(FakeSource()) as client:
        html = client.get("/").text
    assert "Connect your first company" in html
    assert "protiv-buildertrend connect COMPANY" in html


def test_page_shows_hostile_names_as_text() -> None:
    company = make_company(
        company_id=HOSTILE,
        builder_name=HOSTILE,
        time_zone=HOSTILE,
        state="needs-attention",
        message=HOSTILE,
        fault=HOSTILE,
        runs=(make_run(state="failed", read=HOSTILE, fault=HOSTILE, message=HOSTILE, counts={HOSTILE: {"read": 1}}),),
    )
    with browser(FakeSource([company])) as client:
        html = client.get("/", params={"find": HOSTILE}).text
    assert "<img src=x" not in html
    assert "<script>" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") > 10
    assert "{{ 7*7 }}" in html
    assert len(re.findall(r"<script\b", html)) == 1


def test_page_never_shows_a_username() -> None:
    with browser(FakeSource([make_company()])) as client:
        assert "secret-user" not in client.get("/").text + client.get("/api/status").text


def test_page_has_landmarks_and_works_without_script_and_inline_style() -> None:
    with browser(FakeSource([make_company()])) as client:
        html = client.get("/").text
    for mark in ("<header", "<main", "<footer", "<h1>", '<html lang="en">', '<noscript><meta http-equiv="refresh"'):
        assert mark in html
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=\"|javascript:", html)


def test_fragment_is_the_content_alone() -> None:
    with browser(FakeSource([make_company()])) as client:
        fragment = client.get("/fragment").text
        page = client.get("/").text
    assert "<html" not in fragment
    assert fragment.strip() in page


def test_page_of_many_companies_has_pages_and_a_search() -> None:
    companies = [make_company(company_id=f"c{number:03}") for number in range(COMPANIES_A_PAGE + 1)]
    with browser(FakeSource(companies)) as client:
        first, second = client.get("/").text, client.get("/?page=2").text
    assert 'role="search"' in first
    assert first.count("<article") == COMPANIES_A_PAGE
    assert 'href="/?page=2"' in first
    assert second.count("<article") == 1
    assert 'data-url="/fragment?page=2"' in second


def test_page_that_finds_nothing_says_so() -> None:
    with browser(FakeSource([make_company()])) as client:
        html = client.get("/?find=zebra").text
    assert "No company found" in html
    assert 'data-url="/fragment?find=zebra"' in html


@pytest.mark.parametrize("page", ["-1", "0", "x", "٣", "9" * 5000, "1e9", ""])
def test_page_with_a_number_that_makes_no_sense_is_a_page(page: str) -> None:
    with browser(FakeSource([make_company()])) as client:
        response = client.get("/", params={"page": page})
    assert response.status_code == 200
    assert "Acme Homes" in response.text


@pytest.mark.parametrize(
    "error", [RetriableError(AWAY), ConfigurationError("Run `protiv-buildertrend setup`."), FatalError("Refused.")]
)
def test_page_before_the_first_read_says_what_is_wrong(error: Exception) -> None:
    with browser(FakeSource(before_read=Outage(error))) as client:
        page, fragment, status, ready = (client.get(path) for path in ("/", "/fragment", "/api/status", "/ready"))
    assert (page.status_code, fragment.status_code, status.status_code, ready.status_code) == (503, 200, 503, 503)
    assert str(error) in page.text
    assert str(error) in fragment.text
    assert "Connect your first company" not in page.text
    assert status.json() == {"problem": str(error), "read_at": None, "companies": []}
    assert ready.json() == {"ready": False, "problem": str(error)}


def test_page_in_an_outage_shows_what_was_last_known_and_recovers_by_itself() -> None:
    outage, clock = Outage(), FakeClock(NOW)
    with browser(FakeSource([make_company()], before_read=outage), clock) as client:
        assert client.get("/").status_code == 200
        outage.error = RetriableError(AWAY)
        clock.move(60)
        broken = client.get("/")
        assert broken.status_code == 503
        assert AWAY in broken.text
        assert "What you see is as of Jun 17, 2026, 6:00 PM UTC." in broken.text
        assert "Acme Homes" in broken.text
        outage.error = None
        clock.move(60)
        mended = client.get("/")
        assert mended.status_code == 200
        assert AWAY not in mended.text
        assert client.get("/ready").json() == {"ready": True, "problem": None}


def test_health_answers_while_the_database_does_not() -> None:
    with browser(FakeSource(before_read=Outage(RetriableError(AWAY)))) as client:
        assert client.get("/health").json() == {"alive": True}


def test_status_is_the_page_as_json() -> None:
    run = make_run(fault="rate-limited", state="failed", message="429")
    company = make_company(runs=(run,), stored=None, next_due_at=NOW - minutes(9))
    with browser(FakeSource([company])) as client:
        status = client.get("/api/status").json()
    assert (status["problem"], status["total"], status["needs_attention"], status["pages"]) == (None, 1, 0, 1)
    (shown,) = status["companies"]
    assert (shown["company_id"], shown["account"], shown["state"], shown["late"]) == (
        "acme",
        "Acme Homes",
        "connected",
        True,
    )
    assert shown["last_success_at"] == "2026-06-17T17:48:00+00:00"
    assert shown["entities"]["time-entries"] == {"published": 5000, "stored": None}
    assert shown["runs"][0]["duration_s"] == 60
    assert shown["runs"][0]["counts"]["time-entries"]["created"] == 12
    assert json.dumps(status)


def test_metrics_count_requests_by_known_path() -> None:
    with browser(FakeSource([make_company()])) as client:
        client.get("/")
        client.get("/made-up-by-somebody")
        text = client.get("/metrics").text
    assert 'protiv_console_requests_total{path="/",status="200"}' in text
    assert 'protiv_console_requests_total{path="other",status="404"}' in text
    assert "made-up" not in text
    assert "protiv_console_outage 0.0" in text


def test_mistake_of_ours_is_a_plain_500_with_headers() -> None:
    with browser(FakeSource(before_read=Outage(ZeroDivisionError("inner secret")))) as client:
        response = client.get("/")
    assert response.status_code == 500
    assert "inner secret" not in response.text
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
