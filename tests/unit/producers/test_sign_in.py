"""Signing in: one attempt for a wrong password, each refusal under its name, and no secret in any text."""

from __future__ import annotations

import json
import random
import threading
from contextlib import suppress
from typing import Any

import httpx
import pytest

from producers.buildertrend.client import HttpClient, Limits
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.sign_in import Hosts, Session, SignInDetails, sign_in
from schemas.faults import BLOCKED, MFA_REQUIRED, RATE_LIMITED, SOURCE_CHANGED, SOURCE_UNAVAILABLE, WRONG_CREDENTIALS
from tests.fakes import FakeClock, MemorySessions, ScriptedSource, json_answer

HOSTS = Hosts("https://app.test", "https://login.test")
PHONE_OK = {
    "success": True,
    "data": {"Token": "t0ken", "mobileCookies": [{"name": ".AspNet.Auth0", "value": "c00kie"}]},
}
WRONG = {"success": False, "message": "invalid username or password"}


def attempt(
    *answers: httpx.Response | Exception,
    username: str = "ana",
    password: str = "pw",
) -> tuple[Session | SourceFaultError, list[httpx.Request]]:
    source = ScriptedSource(answers)
    client = HttpClient(source.client(), FakeClock(), Limits(gap_ms=0), threading.Event(), random.Random(1))
    try:
        signed_in = sign_in(client, SignInDetails(username, password), HOSTS, MemorySessions())
        return signed_in.session, source.requests
    except SourceFaultError as exc:
        return exc, source.requests


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


def test_sign_in_by_phone_app_gives_token_and_cookies() -> None:
    session, requests = attempt(json_answer(PHONE_OK))
    assert session == Session({".AspNet.Auth0": "c00kie"}, "t0ken")
    assert str(requests[0].url) == "https://app.test/api/Login/AjaxLogin"
    assert requests[0].headers["portaltype"] == "1"
    assert "Mozilla" in requests[0].headers["user-agent"]


def test_session_headers_carry_token_and_cookies_and_survive_storage() -> None:
    session = Session({"a": "1", "b": "2"}, "t0ken")
    assert session.headers() == {"Authorization": "Bearer t0ken", "Cookie": "a=1; b=2"}
    assert Session.from_json(session.to_json()) == session
    assert Session({}, "").headers() == {}


def test_session_and_details_never_print_their_secrets() -> None:
    text = repr(Session({"a": "c00kie"}, "t0ken")) + repr(SignInDetails("ana", "hunter2"))
    assert not any(secret in text for secret in ("c00kie", "t0ken", "hunter2", "ana"))


@pytest.mark.parametrize("message", ["invalid username or password", "Account problem", ""])
def test_sign_in_refused_costs_one_attempt(message: str) -> None:
    outcome, requests = attempt(json_answer({"success": False, "message": message}))
    assert isinstance(outcome, SourceFaultError)
    assert outcome.fault is WRONG_CREDENTIALS
    assert len(requests) == 1


def test_sign_in_password_with_spaces_is_tried_as_typed_and_then_trimmed() -> None:
    session, requests = attempt(json_answer(WRONG), json_answer(PHONE_OK), password=" pw ")
    assert isinstance(session, Session)
    assert [body(request)["password"] for request in requests] == [" pw ", "pw"]


def test_sign_in_password_with_spaces_that_is_right_is_tried_once() -> None:
    _, requests = attempt(json_answer(PHONE_OK), password=" pw ")
    assert [body(request)["password"] for request in requests] == [" pw "]


def test_sign_in_wrong_password_with_spaces_costs_two_attempts() -> None:
    outcome, requests = attempt(json_answer(WRONG), json_answer(WRONG), password="pw ")
    assert isinstance(outcome, SourceFaultError)
    assert outcome.fault is WRONG_CREDENTIALS
    assert len(requests) == 2


def test_sign_in_password_of_spaces_alone_is_not_tried_as_an_empty_one() -> None:
    _, requests = attempt(json_answer(WRONG), password="  ")
    assert len(requests) == 1


def test_sign_in_username_is_trimmed() -> None:
    _, requests = attempt(json_answer(PHONE_OK), username="  ana \t")
    assert body(requests[0])["username"] == "ana"


REFUSALS = [
    (json_answer({"success": False, "message": "Multi-factor authentication is required"}), MFA_REQUIRED),
    (json_answer({"success": False, "message": "Enter the verification code"}), MFA_REQUIRED),
    (json_answer({"success": False, "message": "Please complete the captcha (bot)"}), BLOCKED),
    (httpx.Response(302, headers={"Location": "/app/error"}), BLOCKED),
    (httpx.Response(302, headers={"Location": "https://app.test/app/Error?x=1"}), BLOCKED),
    (httpx.Response(302, headers={"Location": "/maintenance"}), SOURCE_UNAVAILABLE),
    (httpx.Response(307), SOURCE_UNAVAILABLE),
    (httpx.Response(200, content=b"[" * 5000 + b"]" * 5000), SOURCE_CHANGED),
    (json_answer({"message": "Forbidden"}, 403), SOURCE_UNAVAILABLE),
    (json_answer({"success": True, "data": {"Token": "tok\u20acn"}}), SOURCE_CHANGED),
    (json_answer({"success": True, "data": {"Token": "two words"}}), SOURCE_CHANGED),
    (json_answer({"success": True, "data": {"Token": "x" * 9000}}), SOURCE_CHANGED),
    (json_answer({"success": True, "data": {"Token": {"a": 1}}}), SOURCE_CHANGED),
    (
        json_answer({"success": True, "data": {"mobileCookies": [{"name": "a", "value": "x\r\nSet: y"}]}}),
        SOURCE_CHANGED,
    ),
    (json_answer({"success": True, "data": {"mobileCookies": [{"name": "a;b", "value": "x"}]}}), SOURCE_CHANGED),
    (
        json_answer({"success": True, "data": {"mobileCookies": [{"name": f"a{n}", "value": "x"} for n in range(99)]}}),
        SOURCE_CHANGED,
    ),
    (httpx.Response(200, text="<html>maintenance</html>"), SOURCE_UNAVAILABLE),
    (httpx.Response(400, text="<html>bad</html>"), SOURCE_UNAVAILABLE),
    (json_answer({"message": "An error has occurred."}, 500), SOURCE_UNAVAILABLE),
    (json_answer({"success": False, "message": "try later"}, 502), SOURCE_UNAVAILABLE),
    (httpx.ReadTimeout("slow"), SOURCE_UNAVAILABLE),
    (json_answer(["no", "object"]), SOURCE_CHANGED),
    (json_answer({"success": True, "data": {}}), SOURCE_CHANGED),
    (json_answer({"success": True, "data": None}), SOURCE_CHANGED),
    (json_answer({"success": True, "data": {"Token": "t", "mobileCookies": [{"key": "x"}]}}), SOURCE_CHANGED),
    (json_answer({"success": True, "data": {"mobileCookies": "x=1"}}), SOURCE_CHANGED),
]


@pytest.mark.parametrize(("given", "fault"), REFUSALS)
def test_sign_in_refusal_has_its_fault_after_one_attempt(given: httpx.Response | Exception, fault: object) -> None:
    outcome, requests = attempt(given)
    assert isinstance(outcome, SourceFaultError)
    assert outcome.fault is fault
    assert len(requests) == 1


def test_sign_in_rate_limited_is_not_taken_for_a_refusal() -> None:
    outcome, _ = attempt(*[json_answer({}, 429)] * 5)
    assert isinstance(outcome, SourceFaultError)
    assert outcome.fault is RATE_LIMITED


@pytest.mark.parametrize("status", [404, 405, 410])
def test_sign_in_where_the_phone_way_is_missing_uses_the_password_grant(status: int) -> None:
    session, requests = attempt(httpx.Response(status), json_answer({"access_token": "t0ken"}), username="ana b")
    assert session == Session({}, "t0ken")
    assert str(requests[1].url) == "https://login.test/oauth/token"
    assert b"username=ana+b" in requests[1].content
    assert b"grant_type=password" in requests[1].content


GRANT_REFUSALS = [
    ({"error": "invalid_grant", "error_description": "Wrong email or password."}, WRONG_CREDENTIALS),
    ({"error": "access_denied", "error_description": ""}, BLOCKED),
    ({"error": "mfa_required", "error_description": "Multifactor authentication required"}, MFA_REQUIRED),
]


@pytest.mark.parametrize(("given", "fault"), GRANT_REFUSALS)
def test_sign_in_password_grant_refusal_has_its_fault(given: dict[str, str], fault: object) -> None:
    outcome, requests = attempt(httpx.Response(404), json_answer(given, 403))
    assert isinstance(outcome, SourceFaultError)
    assert outcome.fault is fault
    assert len(requests) == 2


def test_sign_in_where_no_way_exists_is_source_changed() -> None:
    outcome, _ = attempt(httpx.Response(404), httpx.Response(404))
    assert isinstance(outcome, SourceFaultError)
    assert outcome.fault is SOURCE_CHANGED


def test_sign_in_fault_never_holds_what_was_typed() -> None:
    given = json_answer({"success": False, "message": "no such user ana hunter2"})
    outcome, _ = attempt(given, username="ana", password="hunter2")
    assert "hunter2" not in str(outcome) + repr(outcome)
    assert "ana" not in str(outcome)


def journal_of(*answers: httpx.Response | Exception, password: str = "pw") -> list[str]:
    """The calls of one sign-in to its journal, whatever the outcome."""
    sessions = MemorySessions()
    client = HttpClient(ScriptedSource(answers).client(), FakeClock(), Limits(gap_ms=0), threading.Event())
    with suppress(SourceFaultError, ZeroDivisionError):
        sign_in(client, SignInDetails("ana", password), HOSTS, sessions)
    return sessions.journal


def test_sign_in_refused_is_in_the_journal_before_the_run_hears_of_it() -> None:
    """The refusal survives whatever happens to the run: after a crash the password must not be tried again."""
    assert journal_of(json_answer(WRONG)) == ["begun", "answered", "wrong-credentials"]
    assert journal_of(httpx.Response(302, headers={"Location": "/app/error"}))[-1] == "blocked-by-buildertrend"
    assert journal_of(json_answer({"success": False, "message": "mfa"}))[-1] == "mfa-required"


@pytest.mark.parametrize(
    "given",
    [
        httpx.Response(200, content=b"[" * 5000 + b"]" * 5000),
        httpx.Response(200, text="<html>maintenance</html>"),
        httpx.Response(302, headers={"Location": "/maintenance"}),
        json_answer({"success": True, "data": {"Token": "tok\u20acn"}}),
        json_answer({}, 502),
        httpx.ReadTimeout("slow"),
        ZeroDivisionError(),
    ],
)
def test_sign_in_whose_answer_is_not_understood_counts(given: httpx.Response | Exception) -> None:
    assert journal_of(given) == ["begun", "unanswered"]


def test_sign_in_behind_one_in_doubt_types_no_password_while_the_page_before_it_leads_elsewhere() -> None:
    away = httpx.Response(302, headers={"Location": "https://maintenance.test/"})
    for front, typed in ((away, 0), (json_answer({}, 503), 0), (httpx.Response(404), 1), (LANDING, 1)):
        source = ScriptedSource([front] * 5 if typed == 0 else [front, json_answer(PHONE_OK)])
        client = HttpClient(source.client(), FakeClock(), Limits(gap_ms=0), threading.Event(), random.Random(1))
        with suppress(SourceFaultError):
            sign_in(client, SignInDetails("ana", "pw"), HOSTS, MemorySessions(unanswered=True))
        assert sum(request.method == "POST" for request in source.requests) == typed
        assert source.requests[0].url.path == "/app/Landing"


LANDING = httpx.Response(302, headers={"Location": "https://login.test/authorize?client=1"})


def test_session_that_no_header_can_carry_is_none() -> None:
    for broken in ({"cookies": {}, "token": "tok\u20acn"}, {"cookies": {"a": "b\n"}, "token": ""}):
        with pytest.raises(ValueError, match="header"):
            Session.from_json(json.dumps(broken).encode())
