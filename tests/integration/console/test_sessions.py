"""Signing in under attack: sessions and their cookies, pauses after wrong passwords, and where a sign-in leads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from control.console_sessions import ADDRESS_LIMIT, SIGN_IN_LIMIT, TooManyTriesError, claim
from tests.integration.console.fix_console import PASSWORD, Site, post, running_site, sign_in, token_of


def test_signing_in_makes_a_new_session_and_ends_the_one_before(site: Site) -> None:
    browser, email = site.browser(), site.user("operator")
    browser.cookies.set("protiv_session", "fixed-by-somebody-else", domain="127.0.0.1")
    sign_in(browser, email)
    first = browser.cookies["protiv_session"]
    assert first != "fixed-by-somebody-else"
    assert browser.get("/companies").status_code == 200
    kept = site.run("SELECT count(*) FROM integration.console_sessions WHERE token_hash = %s", first.encode())
    assert kept == [(0,)], "the database keeps a hash"
    other = site.browser()
    other.cookies.set("protiv_session", first, domain="127.0.0.1")
    post(other, "/sign-out")
    assert browser.get("/companies").status_code == 303, "signed out is over everywhere"


def test_signing_in_over_a_session_ends_it(site: Site) -> None:
    browser, other = site.signed_in("viewer"), site.browser()
    before = browser.cookies["protiv_session"]
    post(browser, "/sign-in", email=site.user("operator"), password=PASSWORD)
    assert browser.get("/audit").status_code == 200, "an operator by now"
    other.cookies.set("protiv_session", before, domain="127.0.0.1")
    assert other.get("/companies").status_code == 303, "who had the session before has nothing"


def test_session_cookie_is_for_this_site_and_no_script(site: Site) -> None:
    answer = sign_in(site.browser(), site.user("operator"))
    (cookie,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith("protiv_session=")]
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}


def test_cookies_are_secure_where_browsers_come_by_https(site: Site) -> None:
    settings = site.settings.model_copy(update={"console_public_url": "https://console.protiv.example"})
    with running_site(settings) as public:
        answer = public.browser().get("https://console.protiv.example/sign-in")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert answer.headers["set-cookie"].startswith("__Host-")
    assert answer.headers["strict-transport-security"]


@pytest.mark.parametrize(
    "change",
    [
        "seen_at = now() - interval '8 hours 1 minute'",
        "began_at = now() - interval '24 hours 1 minute'",
    ],
)
def test_session_ends_by_itself(site: Site, change: str) -> None:
    browser = site.browser()
    email = site.user("operator")
    sign_in(browser, email)
    assert browser.get("/companies").status_code == 200
    site.run(
        f"UPDATE integration.console_sessions SET {change} WHERE user_id ="
        " (SELECT user_id FROM integration.console_users WHERE email = %s)",
        email,
    )
    assert browser.get("/companies").headers["location"] == "/sign-in?next=/companies"


def test_sign_in_page_asked_for_twice_at_once_after_a_session_ended_has_a_form_that_is_taken(site: Site) -> None:
    """An open page asks again by itself while the browser loads it anew: the cookie of the last answer is kept."""
    page, script, email = site.signed_in("viewer"), site.browser(), site.user("operator")
    script.cookies.set("protiv_session", page.cookies["protiv_session"], domain="127.0.0.1")
    site.run("UPDATE integration.console_sessions SET seen_at = now() - interval '9 hours'")
    shown = token_of(page.get("/sign-in"))
    script.get("/sign-in")
    page.cookies.set("protiv_visitor", script.cookies["protiv_visitor"], domain="127.0.0.1")
    answer = page.post("/sign-in", data={"form_token": shown, "email": email, "password": PASSWORD})
    assert answer.status_code == 303


def test_sign_in_form_is_taken_after_another_tab_of_the_browser_signed_in(site: Site) -> None:
    browser, email = site.browser(), site.user("operator")
    shown = token_of(browser.get("/sign-in"))
    sign_in(browser, site.user("viewer"))
    answer = browser.post("/sign-in", data={"form_token": shown, "email": email, "password": PASSWORD})
    assert answer.status_code == 303
    assert browser.get("/audit").status_code == 200, "an operator by now"


def test_sign_in_of_one_email_from_one_address_is_followed_by_growing_pauses(site: Site) -> None:
    email = site.user("operator")
    site.run("DELETE FROM integration.console_tries")
    for _ in range(SIGN_IN_LIMIT.free):
        assert sign_in(site.browser(), email, "wrong wrong wrong").status_code == 422
    refused = sign_in(site.browser(), email)
    assert refused.status_code == 429
    assert "Try again in" in refused.text
    pauses = []
    for _ in range(3):
        site.run("UPDATE integration.console_tries SET free_at = now() - interval '1 second'")
        assert sign_in(site.browser(), email, "wrong wrong wrong").status_code == 422
        ((pause,),) = site.run(
            "SELECT extract(epoch FROM free_at - tried_at)::int FROM integration.console_tries WHERE subject LIKE %s",
            f"e-mail {email}%",
        )
        pauses.append(pause)
    assert pauses == [4, 8, 16]
    site.run("UPDATE integration.console_tries SET free_at = now() - interval '1 second'")
    assert sign_in(site.browser(), email).status_code == 303


def test_stranger_who_hammers_keeps_nobody_out_who_is_known_or_elsewhere(site: Site) -> None:
    email = site.user("operator")
    site.run("DELETE FROM integration.console_tries")
    known = site.browser("203.0.113.7")
    assert sign_in(known, email).status_code == 303
    known.cookies.delete("protiv_session")
    for _ in range(ADDRESS_LIMIT.free + 5):
        sign_in(site.browser("203.0.113.7"), email, "wrong wrong wrong")
        sign_in(site.browser("203.0.113.7"), f"{uuid4().hex}@protiv.example", "wrong wrong wrong")
    assert sign_in(site.browser("203.0.113.7"), email).status_code == 429
    assert sign_in(known, email).status_code == 303
    assert sign_in(site.browser("203.0.113.8"), email).status_code == 303


def test_device_is_known_for_its_own_user_alone_and_has_a_limit_of_its_own(site: Site) -> None:
    email, other = site.user("operator"), site.user("operator")
    site.run("DELETE FROM integration.console_tries")
    known = site.browser()
    sign_in(known, email)
    known.cookies.delete("protiv_session")
    for _ in range(SIGN_IN_LIMIT.free):
        assert sign_in(known, email, "wrong wrong wrong").status_code == 422
    assert sign_in(known, email).status_code == 429
    sign_in(known, other, "wrong wrong wrong")
    subjects = {subject for (subject,) in site.run("SELECT subject FROM integration.console_tries")}
    assert f"e-mail {other} from unknown" in subjects


def test_forty_sign_ins_at_once_are_counted_one_by_one(site: Site) -> None:
    subject = f"e-mail {uuid4()} from 203.0.113.7"

    def is_let_through(_number: int) -> bool:
        try:
            with site.services.database.writing() as tx:
                claim(tx, SIGN_IN_LIMIT, subject)
        except TooManyTriesError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        let_through = sum(pool.map(is_let_through, range(40)))
    # On a busy machine the first short pauses may be over meanwhile.
    assert SIGN_IN_LIMIT.free <= let_through <= SIGN_IN_LIMIT.free + 2


def test_own_success_clears_nothing_that_others_did_from_the_address(site: Site) -> None:
    site.run("DELETE FROM integration.console_tries")
    for number in range(5):
        sign_in(site.browser(), f"nobody-{number}@protiv.example", "wrong wrong wrong")
    assert sign_in(site.browser(), site.user("operator")).status_code == 303
    rows = site.run("SELECT tries FROM integration.console_tries WHERE subject = 'address unknown'")
    assert rows == [(5,)]


@pytest.mark.parametrize(
    "email", ["a\0b@protiv.example", "\u212aim@protiv.example", "", "no address", "x" * 300 + "@a"]
)
def test_sign_in_with_what_is_no_email_says_so(site: Site, email: str) -> None:
    answer = sign_in(site.browser(), email)
    assert answer.status_code == 422
    assert "This is not an e-mail address" in answer.text or "nobody can type" in answer.text


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_sign_in_leads_nowhere_else(site: Site, target: str) -> None:
    answer = sign_in(site.browser(), site.user("operator"), next=target)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_sign_ins_that_are_refused_are_in_the_audit_without_what_was_typed_for_nobody(site: Site) -> None:
    site.run("DELETE FROM integration.console_tries")
    company_id = site.company()
    email = site.user("admin", company_id)
    sign_in(site.browser("203.0.113.99"), email, "wrong wrong wrong")
    sign_in(site.browser("203.0.113.98"), "my-password-by-mistake@x.example", "wrong wrong wrong")
    lines = site.run(
        "SELECT who, company_id, detail->>'from' FROM integration.audit WHERE action = 'sign-in-refused'"
        " AND detail->>'from' LIKE '203.0.113.9%%'"
    )
    assert lines == [(email, company_id, "203.0.113.99")]
    assert "Tried to sign in and was refused" in site.signed_in("admin", company_id).get(f"/c/{company_id}/audit").text


def test_sign_in_while_too_many_passwords_are_looked_at_is_refused_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.services.hashing, "_taken", 10_000)
    refused = sign_in(site.browser(), site.user("operator"))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "Too many people sign in right now" in refused.text
