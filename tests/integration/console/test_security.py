"""Who may do what, and what no browser may be led to: every route of the table against every role, and every attack
that a signed-in page is exposed to.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from urllib.parse import quote
from uuid import uuid4

import httpx2
import psycopg
import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from console.access import Access
from console.app import SCREENS
from console.screens import Screen
from console.sending import Order
from control.console_sessions import ADDRESS_LIMIT, CONNECT_LIMIT, SIGN_IN_LIMIT, TooManyTriesError, claim
from tests.integration.console.fix_console import ORIGIN, PASSWORD, Site, post, running_site, sign_in, token_of

WHO = ("nobody", "viewer", "admin", "all-viewer", "operator", "other-admin")
MAY: dict[Access, set[str]] = {
    Access.ANYBODY: set(WHO),
    Access.SIGNED_IN: set(WHO) - {"nobody"},
    Access.SEES_COMPANY: {"viewer", "admin", "all-viewer", "operator"},
    Access.CHANGES_COMPANY: {"admin", "operator"},
    Access.SEES_ALL: {"all-viewer", "operator"},
    Access.OPERATES: {"operator"},
}
UNSAFE = [screen for screen in SCREENS if screen.is_unsafe]
HOSTILE = "\"><img src=x onerror=alert(1)><script>alert('x')</script>&amp; {{ 7*7 }}"


def path_of(screen: Screen, company_id: str) -> str:
    values = {"company_id": company_id, "run_id": "1", "entity": "jobs", "entity_id": "1", "job_id": "1"}
    return screen.path.format(**values)


def browsers(site: Site, company_id: str) -> dict[str, TestClient]:
    return {
        "nobody": site.browser(),
        "viewer": site.signed_in("viewer", company_id),
        "admin": site.signed_in("admin", company_id),
        "all-viewer": site.signed_in("viewer"),
        "operator": site.signed_in("operator"),
        "other-admin": site.signed_in("admin", "another-company"),
    }


def is_let_in(answer: httpx2.Response) -> bool:
    """Whether a handler answered, whatever it then said of what was asked."""
    to_sign_in = answer.status_code == 303 and "/sign-in?next=" in answer.headers["location"]
    hidden = answer.status_code == 404 and "of a company that you do not see" in answer.text
    return not to_sign_in and not hidden and answer.status_code not in (401, 403)


@pytest.fixture(scope="module")
def everybody(site: Site) -> tuple[str, dict[str, TestClient]]:
    company_id = site.company()
    return company_id, browsers(site, company_id)


# A stream has no end to wait for; who may open one is asked of the table below.
ANSWERED = [screen for screen in SCREENS if not screen.path.endswith("/events")]


@pytest.mark.parametrize(("screen", "who"), list(product(ANSWERED, WHO)), ids=lambda one: getattr(one, "path", one))
def test_route_lets_in_whom_its_access_says(
    site: Site,
    everybody: tuple[str, dict[str, TestClient]],
    screen: Screen,
    who: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[Order] = []
    monkeypatch.setattr(type(site.services.sender), "send", lambda _self, order, _id: sent.append(order))
    company_id, by_name = everybody
    browser, path = by_name[who], path_of(screen, company_id)
    if screen.path == "/sign-out":
        browser = browsers(site, company_id)[who]
    if screen.path == "/sign-in":
        answer = browser.get("/sign-in")
    elif screen.is_unsafe:
        token = token_of(browser.get("/sign-in" if who == "nobody" else "/audit"))
        answer = browser.post(path, data={"form_token": token})
    else:
        answer = browser.get(path)
    assert is_let_in(answer) == (who in MAY[screen.access]), (answer.status_code, answer.text[:500])
    assert answer.status_code != 500
    if who not in MAY[screen.access]:
        assert sent == []


def test_every_route_that_is_served_is_in_the_table(site: Site) -> None:
    """Nothing is reachable that the tests above do not walk."""
    timed = site.app._app
    starlette = timed._app  # type: ignore[attr-defined]
    served = {route.path for route in starlette.routes if isinstance(route, Route)}
    assert served == {screen.path for screen in SCREENS} | {"/health", "/ready", "/metrics"}


def test_stream_of_events_is_for_those_who_see_the_company(site: Site) -> None:
    (screen,) = [one for one in SCREENS if one.path.endswith("/events")]
    assert screen.access is Access.SEES_COMPANY
    assert site.browser().get("/c/some/events").status_code == 401
    assert site.signed_in("admin", "another-company").get("/c/some/events").status_code == 404


@pytest.mark.parametrize("screen", UNSAFE, ids=lambda one: one.path)
@pytest.mark.parametrize("attack", ["no token", "made-up token", "another session's token", "another site's page"])
def test_unsafe_route_refuses_what_another_page_sends(
    site: Site, screen: Screen, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Order] = []
    monkeypatch.setattr(type(site.services.sender), "send", lambda _self, order, _id: sent.append(order))
    company_id = site.company()
    victim = site.browser() if screen.path == "/sign-in" else site.signed_in("operator")
    own = token_of(victim.get("/sign-in" if screen.path == "/sign-in" else "/audit"))
    attacker = token_of(site.browser().get("/sign-in"))
    tokens = {"no token": "", "made-up token": "A" * len(own), "another session's token": attacker}
    headers = {"Origin": "https://evil.example"} if attack == "another site's page" else {}
    before = site.run("SELECT count(*) FROM integration.audit")
    answer = victim.post(
        path_of(screen, company_id),
        data={"form_token": tokens.get(attack, own), "email": "a@b.c", "password": PASSWORD, "confirmed": "yes"},
        headers=headers,
    )
    assert answer.status_code == 403
    assert sent == []
    assert site.run("SELECT count(*) FROM integration.audit") == before


@pytest.mark.parametrize("site_of_origin", ["cross-site", "same-site"])
def test_unsafe_route_believes_the_browser_about_where_it_comes_from(site: Site, site_of_origin: str) -> None:
    browser = site.signed_in("operator")
    token = token_of(browser.get("/audit"))
    headers = {"Sec-Fetch-Site": site_of_origin}
    assert browser.post("/sign-out", data={"form_token": token}, headers=headers).status_code == 403
    assert browser.post("/sign-out", data={"form_token": token}, headers={"Origin": ORIGIN}).status_code == 303


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
            with site.services.reach.writing() as tx:
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
    assert "This is no e-mail address" in answer.text or "nobody can type" in answer.text


def test_connect_is_limited_by_company_before_anything_is_stored(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(site.services.sender), "send", lambda *_: None)
    company_id = site.company(username="before")
    fields = {"username": "ana", "password": "pw", "time_zone": "America/Denver"}
    path = f"/c/{company_id}/buildertrend/connect"
    browser = site.signed_in("admin", company_id)
    for _ in range(CONNECT_LIMIT.free):
        assert post(browser, path, **fields).status_code == 303
    site.run("UPDATE integration.connections SET username = 'kept' WHERE company_id = %s", company_id)
    refused = post(site.signed_in("operator"), path, **fields)
    assert refused.status_code == 429
    assert "Buildertrend locks a user" in refused.text
    stored = "SELECT username FROM integration.connections WHERE company_id = %s"
    assert site.run(stored, company_id) == [("kept",)]


@pytest.mark.parametrize("path", ["/sign-in", "/nothing", "/c/x", "/static/console.js", "/api/companies", "/health"])
def test_every_answer_forbids_foreign_and_inline_code(site: Site, path: str) -> None:
    headers = site.browser().get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


def test_foreign_host_name_is_no_name_of_the_console(site: Site) -> None:
    assert site.browser(Host="evil.example").get("/sign-in").status_code == 421


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_sign_in_leads_nowhere_else(site: Site, target: str) -> None:
    answer = sign_in(site.browser(), site.user("operator"), next=target)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_hostile_names_and_notes_are_text_on_every_page(site: Site) -> None:
    company_id = site.company(
        username=HOSTILE,
        builder_name=HOSTILE,
        builder_id=HOSTILE,
        state="needs-attention",
        fault=HOSTILE,
        message=HOSTILE,
        hint=HOSTILE,
        pending_builder_id=HOSTILE,
        pending_builder_name=HOSTILE,
    )
    add_hostile_rows(site, company_id)
    browser = site.signed_in("operator")
    for screen in SCREENS:
        if screen.is_unsafe or screen.is_json or screen.path in ("/oidc/start", "/oidc/callback", "/sign-in"):
            continue
        for query in ("", f"?find={quote(HOSTILE)}&subject={quote(HOSTILE)}&status=waiting-for-job"):
            html = browser.get(path_of(screen, company_id) + query).text
            assert "<img src=x" not in html, screen.path
            assert "<script>" not in html, screen.path
            assert not re.search(r"\sstyle=|<style|\son[a-z]+=[\"']|javascript:", html), screen.path
    shown = browser.get(f"/c/{company_id}/buildertrend/find?find=alert").text
    assert shown.count("&lt;img src=x onerror=alert(1)&gt;") >= 3
    assert "{{ 7*7 }}" in shown


def add_hostile_rows(site: Site, company_id: str) -> None:
    common = "version, observed_at, source_generation, source_offset, updated_at"
    values = "1, now(), 1, 0, now()"
    site.run(
        f"INSERT INTO protiv.jobs (company_id, job_id, name, number, street, {common})"
        f" VALUES (%s, '1', %s, %s, %s, {values})",
        company_id,
        *[HOSTILE] * 3,
    )
    site.run(
        f"INSERT INTO protiv.time_entries (company_id, time_entry_id, job_id, job_name, user_name, cost_code_title,"
        f" notes, link_detail, link_status, started_at, work_date, total_minutes, {common})"
        f" VALUES (%s, '1', '1', %s, %s, %s, %s, %s, 'waiting-for-job', now(), current_date, 60, {values})",
        company_id,
        *[HOSTILE] * 5,
    )
    site.run(
        "INSERT INTO integration.held_deletions (company_id, entity, entity_id, run_id)"
        " VALUES (%s, 'time-entries', '1', gen_random_uuid()), (%s, 'jobs', %s, gen_random_uuid())",
        company_id,
        company_id,
        HOSTILE,
    )
    site.run(
        "INSERT INTO integration.audit (who, company_id, action, detail)"
        " VALUES (%s, %s, %s, jsonb_build_object('reason', %s::text))",
        HOSTILE,
        company_id,
        HOSTILE,
        HOSTILE,
    )
    site.run(
        "INSERT INTO integration.runs (run_id, company_id, run_seq, first_seq, read, state, fault, message, counts)"
        " VALUES (gen_random_uuid(), %s, 1, 1, 'full', 'failed', %s, %s, '{}')",
        company_id,
        HOSTILE,
        HOSTILE,
    )


def test_no_secret_is_in_any_answer_or_line_of_the_audit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(site.services.sender), "send", lambda *_: None)
    secret = "hunter2-very-secret"
    company_id = site.company()
    browser = site.signed_in("operator")
    path = f"/c/{company_id}/buildertrend/connect"
    answers = [
        post(browser, path, username="ana", password=secret, time_zone="nowhere"),
        post(browser, path, username="ana", password=secret, time_zone="America/Denver"),
    ]
    answers.append(browser.get(answers[-1].headers["location"]))
    shown = [one for one in ANSWERED if not one.is_unsafe and not one.path.startswith("/oidc")]
    answers += [browser.get(path_of(screen, company_id)) for screen in shown]
    text = "".join(f"{answer.headers}{answer.text}" for answer in answers)
    session = browser.cookies["protiv_session"]
    for never in (secret, PASSWORD, "argon2", session, site.settings.console_secret.get_secret_value()):
        assert never not in text
    assert site.run("SELECT count(*) FROM integration.audit WHERE audit::text LIKE '%%hunter2%%'") == [(0,)]
    ((sealed,),) = site.run(
        "SELECT sealed FROM integration.credentials WHERE company_id = %s AND kind = 'password'", company_id
    )
    assert secret.encode() not in bytes(sealed)


@pytest.mark.parametrize("body", [b"x" * 300_000, b"a=" + b"y" * 20_000])
def test_forms_that_are_too_big_are_refused(site: Site, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert site.browser().post("/sign-in", content=body, headers=headers).status_code == 413


def test_broken_forms_and_addresses_are_nobodys_mistake(site: Site) -> None:
    browser = site.signed_in("operator")
    broken = browser.post(
        "/sign-out", content=b"--x\r\nbroken", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert broken.status_code in (400, 403)
    for path in ("/c/%00", "/c/x%00y/buildertrend", "/c/x/jobs/%00", "/c/%F0%28%8C%28/jobs"):
        assert browser.get(path).status_code in (404, 200), path


def test_viewers_read_no_username_of_buildertrend_and_no_address_in_the_audit(site: Site) -> None:
    company_id = site.company()
    site.run(
        "INSERT INTO integration.audit (who, company_id, action, detail) VALUES ('dana@acme.example', %s, 'reconnect',"
        ' \'{"username": "secret-user", "from": "203.0.113.7", "time_zone": "America/Denver"}\')',
        company_id,
    )
    shown = site.signed_in("viewer", company_id).get(f"/c/{company_id}/audit").text
    assert "America/Denver" in shown
    assert "secret-user" not in shown
    assert "203.0.113.7" not in shown
    assert "secret-user" in site.signed_in("admin", company_id).get(f"/c/{company_id}/audit").text


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


def test_lines_of_the_audit_are_changed_and_removed_by_nobody(site: Site) -> None:
    site.company()
    for statement in ("UPDATE integration.audit SET who = 'x'", "DELETE FROM integration.audit"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            site.run(statement)


def test_event_streams_beyond_a_sessions_places_are_refused_with_when_to_ask_again(site: Site) -> None:
    company_id = site.company()
    browser = site.signed_in("viewer", company_id)
    token = site.services.cookies.form_token(browser.cookies["protiv_session"])
    places = [site.services.streams.take(token) for _ in range(6)]
    refused = browser.get(f"/c/{company_id}/events")
    for give_back in places:
        give_back()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")


def test_sign_in_while_too_many_passwords_are_looked_at_is_refused_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.services.hashing, "_taken", 10_000)
    refused = sign_in(site.browser(), site.user("operator"))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "Too many people sign in right now" in refused.text
