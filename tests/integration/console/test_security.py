"""What pages and answers must never contain or accept: foreign code, secrets, oversized and broken input."""

from __future__ import annotations

import re
from urllib.parse import quote

import psycopg
import pytest

from console.app import SCREENS
from control.console_sessions import CONNECT_LIMIT
from tests.integration.console.fix_console import ANSWERED, PASSWORD, Site, path_of, post

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert('x')</script>&amp; {{ 7*7 }}"


def test_connect_is_limited_by_company_before_anything_is_stored(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(site.services.sender), "send", lambda *_, **__: None)
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
    monkeypatch.setattr(type(site.services.sender), "send", lambda *_, **__: None)
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


def test_lines_of_the_audit_are_changed_and_removed_by_nobody(site: Site) -> None:
    site.company()
    for statement in ("UPDATE integration.audit SET who = 'x'", "DELETE FROM integration.audit"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            site.run(statement)
