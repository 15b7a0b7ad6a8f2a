"""Signing in at both endpoints, and every sign that a session is over."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.contract.sandbox.wire import BROWSER, Site

INFO = "/api/AccountInfo/GlobalInfo"


def test_token_with_right_password_opens_a_session(site: Site) -> None:
    answer = site.ask_token()
    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"
    site.token = answer.json()["access_token"]
    company = site.control.company
    info = site.data("GET", INFO)
    assert (info["builderId"], info["builderName"]) == (company["builder_id"], company["name"])


def test_token_with_wrong_password_is_invalid_grant(site: Site) -> None:
    answer = site.ask_token(password="nope")
    assert answer.status_code == 403
    assert answer.json() == {"error": "invalid_grant", "error_description": "Wrong email or password."}


def test_token_with_spaces_around_the_username_is_refused(site: Site) -> None:
    assert site.ask_token(username=f" {site.control.company['username']} ").status_code == 403


def test_token_with_username_in_capitals_is_accepted(site: Site) -> None:
    assert site.ask_token(username=site.control.company["username"].upper()).status_code == 200


@pytest.mark.parametrize("missing", ["username", "password", "client_id", "grant_type"])
def test_token_with_a_field_missing_is_invalid_request(site: Site, missing: str) -> None:
    answer = site.ask_token(**{missing: ""})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_token_not_form_encoded_is_invalid_request(site: Site) -> None:
    assert site.send("POST", "/oauth/token", json={"grant_type": "password"}).json()["error"] == "invalid_request"


def test_token_of_another_grant_is_refused(site: Site) -> None:
    assert site.ask_token(grant_type="client_credentials").json()["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    ("switch", "error", "word"), [("mfa", "mfa_required", "Multi"), ("blocked", "access_denied", "bot")]
)
def test_token_with_the_sign_in_switched_names_the_reason(site: Site, switch: str, error: str, word: str) -> None:
    site.control.set_switches(sign_in=switch)
    answer = site.ask_token()
    assert (answer.status_code, answer.json()["error"]) == (403, error)
    assert word in answer.json()["error_description"]


def test_mfa_is_not_asked_for_after_a_wrong_password(site: Site) -> None:
    site.control.set_switches(sign_in="mfa")
    assert site.ask_token(password="nope").json()["error"] == "invalid_grant"


def test_mfa_once_is_asked_for_on_the_first_sign_in_alone(site: Site) -> None:
    site.control.set_switches(sign_in="mfa-once")
    assert site.ask_token(password="nope").json()["error"] == "invalid_grant"
    assert site.ask_token().json()["error"] == "mfa_required"
    assert site.ask_token().status_code == 200
    assert site.control.switches()["sign_in"] == "ok"


def lock(site: Site) -> dict[str, object]:
    return dict(site.control.counters()["lock"])


def test_account_locks_after_wrong_passwords_and_refuses_the_right_one_until_unlocked(site: Site) -> None:
    site.control.set_switches(lock_after=3)
    assert [site.ask_token(password="nope").json()["error"] for _ in range(3)] == ["invalid_grant"] * 3
    answer = site.ask_token()
    assert (answer.status_code, answer.json()["error"]) == (429, "too_many_attempts")
    assert "blocked after multiple consecutive login attempts" in answer.json()["error_description"]
    assert "blocked after" in site.ajax_login().json()["message"]
    locked = lock(site)
    assert (locked["wrong_in_a_row"], locked["is_locked"]) == (3, True)
    assert datetime.fromisoformat(str(locked["locked_since"])) <= datetime.now(UTC)
    site.control.set_switches(account="open")
    assert site.ask_token().status_code == 200
    assert lock(site) == {"wrong_in_a_row": 0, "is_locked": False, "locked_since": None}


def test_unlocked_account_counts_from_the_start(site: Site) -> None:
    site.control.set_switches(lock_after=2)
    for _ in range(2):
        site.ask_token(password="nope")
    site.control.set_switches(account="open")
    assert site.ask_token(password="nope").json()["error"] == "invalid_grant"
    assert site.ask_token().status_code == 200


def test_right_password_in_between_starts_the_count_anew(site: Site) -> None:
    site.control.set_switches(lock_after=2)
    for password in ("nope", site.control.company["password"], "nope"):
        site.ask_token(password=password)
    assert site.ask_token().status_code == 200


def test_account_may_be_locked_by_hand_and_healed(site: Site) -> None:
    site.control.set_switches(account="locked")
    assert lock(site)["is_locked"] is True
    assert site.ask_token().json()["error"] == "too_many_attempts"
    site.control.heal()
    assert site.ask_token().status_code == 200


def test_ajax_login_gives_a_token_and_the_cookies(site: Site) -> None:
    data = site.ajax_login().json()["data"]
    assert [cookie["name"] for cookie in data["mobileCookies"]] == [".AspNet.Auth0", "ASP.NET_SessionId", "GAESA"]
    site.token = data["Token"]
    assert site.data("GET", INFO)["portalType"] == 1


@pytest.mark.wire_facts("S6")
def test_ajax_login_cookies_alone_carry_the_session(site: Site) -> None:
    cookies = site.ajax_login().json()["data"]["mobileCookies"]
    header = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in cookies)
    assert site.send("GET", INFO, headers={**BROWSER, "cookie": header}).json()["success"]


def test_ajax_login_with_wrong_password_fails_with_http_200(site: Site) -> None:
    answer = site.ajax_login(password="nope")
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert answer.json()["message"] == "invalid username or password"


@pytest.mark.parametrize(("switch", "word"), [("mfa", "Multi-factor"), ("blocked", "bot")])
def test_ajax_login_with_the_sign_in_switched_names_the_reason(site: Site, switch: str, word: str) -> None:
    site.control.set_switches(sign_in=switch)
    assert word in site.ajax_login().json()["message"]


def test_ajax_login_with_a_broken_body_fails_softly(site: Site) -> None:
    assert site.send("POST", "/api/Login/AjaxLogin", content=b"{").json()["success"] is False


def test_sign_ins_are_counted_by_outcome(site: Site) -> None:
    site.ask_token()
    site.ask_token(password="nope")
    site.ajax_login(password="nope")
    assert site.control.counters()["sign_ins"] == {"successful": 1, "failed": 2}


def test_request_without_a_session_asks_to_sign_in_again(site: Site) -> None:
    site.token = "unknown"
    answer = site.call("GET", INFO)
    assert answer.status_code == 200
    assert answer.json()["needsToRelogin"] is True
    assert answer.json()["data"] is None


def test_request_that_does_not_look_like_a_browser_is_sent_to_the_error_page(signed_in: Site) -> None:
    headers = {**BROWSER, "user-agent": "python-httpx/0.28", "authorization": f"Bearer {signed_in.token}"}
    answer = signed_in.send("GET", INFO, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (302, "/app/error")


@pytest.mark.wire_facts("R1")
@pytest.mark.parametrize("portal", [{}, {"portaltype": "2"}])
def test_request_of_no_or_another_portal_type_is_refused(signed_in: Site, portal: dict[str, str]) -> None:
    headers = {"user-agent": BROWSER["user-agent"], "authorization": f"Bearer {signed_in.token}", **portal}
    assert signed_in.send("GET", INFO, headers=headers).json()["success"] is False


@pytest.mark.wire_facts("R1")
def test_body_that_is_not_declared_as_json_is_refused(signed_in: Site) -> None:
    headers = {**BROWSER, "authorization": f"Bearer {signed_in.token}", "content-type": "text/plain"}
    answer = signed_in.send("POST", "/api/TimeClock/Grid?gridType=29", headers=headers, content=b"{}")
    assert answer.json()["success"] is False


@pytest.mark.parametrize("path", [INFO, "/apix/v2/JobCostingBudget/budget-cost-codes?jobId=1"])
def test_session_over_is_signalled_by_relogin_by_default(signed_in: Site, path: str) -> None:
    signed_in.control.end_sessions()
    assert signed_in.call("GET", path).json()["needsToRelogin"] is True


def test_session_over_as_401(signed_in: Site) -> None:
    signed_in.control.set_switches(session_end_signal="401")
    signed_in.control.end_sessions()
    assert signed_in.call("GET", INFO).status_code == 401


def test_session_over_as_redirect(signed_in: Site) -> None:
    signed_in.control.set_switches(session_end_signal="302")
    signed_in.control.end_sessions()
    answer = signed_in.call("GET", INFO)
    assert (answer.status_code, answer.headers["location"]) == (302, "/app/error")


def test_session_over_as_sign_in_page(signed_in: Site) -> None:
    signed_in.control.set_switches(session_end_signal="html")
    signed_in.control.end_sessions()
    answer = signed_in.call("GET", INFO)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert "Sign In" in answer.text


def test_session_ends_after_the_set_number_of_calls_and_a_new_one_works(signed_in: Site) -> None:
    signed_in.control.set_switches(session_calls=2)
    relogins = [signed_in.call("GET", INFO).json()["needsToRelogin"] for _ in range(4)]
    assert relogins == [False, False, True, True]
    assert signed_in.control.counters()["sessions_ended"] == 1
    assert signed_in.sign_in().call("GET", INFO).json()["success"]


def test_changed_password_ends_sessions_and_refuses_the_old_one(signed_in: Site) -> None:
    old = signed_in.control.company["password"]
    signed_in.control.change_company(password="Another-1")
    assert signed_in.call("GET", INFO).json()["needsToRelogin"] is True
    assert signed_in.ask_token(password=old).status_code == 403
    assert signed_in.ask_token().status_code == 200


def test_error_and_sign_in_pages_are_html(site: Site) -> None:
    for path in ("/app/error", "/Login"):
        assert site.send("GET", path).headers["content-type"].startswith("text/html")
