"""A signed-in account: when the session is over, it signs in once and sends the same request again."""

from __future__ import annotations

import json
import random
import threading
from typing import Any

import httpx
import pytest

from producers.buildertrend.account import Account, AccountIdentity
from producers.buildertrend.answers import ModuleMissingError, parsed_row
from producers.buildertrend.bodies import JobBatch, PageAsk
from producers.buildertrend.client import HttpClient, Limits
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.sign_in import Hosts, Session, SignInDetails
from producers.main import _http_client
from schemas.faults import BLOCKED, SESSION_EXPIRED, SOURCE_CHANGED, SOURCE_UNAVAILABLE, WRONG_CREDENTIALS
from tests.fakes import FakeClock, MemorySessions, ScriptedSource, enveloped_answer, json_answer

SIGNED_IN = {"success": True, "data": {"Token": "new", "mobileCookies": []}}
RELOGIN = {"success": False, "needsToRelogin": True, "data": None}
PAGE = {"data": [{"id": 1}], "totalPages": 3, "records": 401}


class Rig:
    def __init__(self, *answers: httpx.Response | Exception, session: Session | None = None) -> None:
        self.source = ScriptedSource(answers)
        self.sessions = MemorySessions(session)
        self.asked_for_password = 0
        client = HttpClient(self.source.client(), FakeClock(), Limits(gap_ms=0), threading.Event(), random.Random(1))
        self.account = Account(
            client, hosts=Hosts("https://app.test", "https://login.test"), details=self._details, sessions=self.sessions
        )

    def _details(self) -> SignInDetails:
        self.asked_for_password += 1
        return SignInDetails("ana", "pw")

    @property
    def paths(self) -> list[str]:
        return [request.url.path for request in self.source.requests]


LOGIN, GRID = "/api/Login/AjaxLogin", "/api/TimeClock/Grid"
OLD = Session({}, "old")


def test_account_with_a_kept_session_asks_for_no_password() -> None:
    rig = Rig(enveloped_answer(PAGE), session=OLD)
    page = rig.account.shifts(JobBatch(), PageAsk(1))
    assert ([parsed_row(raw) for raw in page.rows], page.records) == ([{"id": 1}], 401)
    assert rig.source.requests[0].headers["authorization"] == "Bearer old"
    assert rig.asked_for_password == 0


def test_account_without_a_session_signs_in_first_and_keeps_the_session() -> None:
    rig = Rig(json_answer(SIGNED_IN), enveloped_answer(PAGE))
    rig.account.shifts(JobBatch(), PageAsk(1))
    assert rig.paths == [LOGIN, GRID]
    assert rig.sessions.session == Session({}, "new")


ENDS = {
    "relogin": json_answer(RELOGIN),
    "401": json_answer({}, 401),
    "302": httpx.Response(302, headers={"Location": "/app/error"}),
    "html": httpx.Response(200, text="<html>Sign in</html>"),
}


@pytest.mark.parametrize("end", ENDS)
def test_account_session_that_ended_is_renewed_once_and_the_request_sent_again(end: str) -> None:
    rig = Rig(ENDS[end], json_answer(SIGNED_IN), enveloped_answer(PAGE), session=OLD)
    assert [parsed_row(raw) for raw in rig.account.shifts(JobBatch(), PageAsk(2)).rows] == [{"id": 1}]
    assert rig.paths == [GRID, LOGIN, GRID]
    first, _, again = rig.source.requests
    assert first.content == again.content
    assert again.headers["authorization"] == "Bearer new"


@pytest.mark.parametrize(
    ("end", "fault"),
    [("relogin", SESSION_EXPIRED), ("401", SESSION_EXPIRED), ("302", BLOCKED), ("html", SESSION_EXPIRED)],
)
def test_account_fresh_session_refused_at_once_is_a_fault_and_no_second_sign_in(end: str, fault: object) -> None:
    rig = Rig(ENDS[end], json_answer(SIGNED_IN), ENDS[end], session=OLD)
    with pytest.raises(SourceFaultError) as caught:
        rig.account.shifts(JobBatch(), PageAsk(1))
    assert caught.value.fault is fault
    assert rig.paths.count(LOGIN) == 1


def test_account_renewal_with_a_wrong_password_stops_after_one_attempt() -> None:
    rig = Rig(json_answer(RELOGIN), json_answer({"success": False, "message": "invalid"}), session=OLD)
    with pytest.raises(SourceFaultError) as caught:
        rig.account.shifts(JobBatch(), PageAsk(1))
    assert caught.value.fault is WRONG_CREDENTIALS
    assert rig.paths.count(LOGIN) == 1


def test_account_identity_is_asked_for_once() -> None:
    rig = Rig(enveloped_answer({"builderId": 69084, "builderName": "Tighe Builders"}), session=OLD)
    assert rig.account.identity() == rig.account.identity() == AccountIdentity("69084", "Tighe Builders")


@pytest.mark.parametrize(
    ("minutes", "seconds"), [(20, 1200), (None, None), ("20", None), (0, None), (-5, None), (True, None), (10**9, None)]
)
def test_account_identity_has_the_stated_timeout_of_a_session(minutes: object, seconds: int | None) -> None:
    data = {"builderId": 69084, "appDefaultInfo": {"sessionTimeoutMinutes": minutes}}
    assert Rig(enveloped_answer(data), session=OLD).account.identity().session_timeout_s == seconds


@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        (json_answer({"rowData": [{"jobID": 1}]}), [{"jobID": 1}]),
        (json_answer({"data": [{"jobId": 1}]}), [{"jobId": 1}]),
        (enveloped_answer({"rowData": [{"jobID": 1}]}), [{"jobID": 1}]),
        (json_answer({"rowData": []}), []),
    ],
)
def test_report_has_its_rows_wherever_they_stand(answer: httpx.Response, rows: list[object]) -> None:
    assert Rig(answer, session=OLD).account.report() == rows


def test_report_that_is_not_there_is_replaced_by_the_other_one_or_by_nothing() -> None:
    first, second = json_answer({}, status=404), json_answer({"rowData": [{"jobID": 1}]})
    assert Rig(first, second, session=OLD).account.report() == [{"jobID": 1}]
    odd = [json_answer({"rowData": {"odd": 1}}), json_answer(None), json_answer({}, status=404)]
    assert Rig(odd[0], odd[1], session=OLD).account.report() is None
    many = json_answer({"rowData": [{"jobID": number} for number in range(200)]})
    assert len(Rig(many, second, session=OLD).account.report() or ()) == 201
    no = json_answer({"success": False, "message": "You do not have access to this feature", "data": None})
    assert Rig(no, odd[2], session=OLD).account.report() is None


@pytest.mark.parametrize("data", [{}, {"builderId": None}, []])
def test_account_identity_without_builder_id_is_source_changed(data: Any) -> None:
    rig = Rig(enveloped_answer(data), enveloped_answer({"data": [], "records": 0}), session=OLD)
    with pytest.raises(SourceFaultError) as caught:
        rig.account.identity()
    assert caught.value.fault is SOURCE_CHANGED


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"data": None, "totalPages": 1},
        {"data": {}, "totalPages": 1},
        [],
    ],
)
def test_account_grid_of_another_form_is_source_changed_and_never_an_empty_page(data: Any) -> None:
    rig = Rig(enveloped_answer(data), session=OLD)
    with pytest.raises(SourceFaultError) as caught:
        rig.account.shifts(JobBatch(), PageAsk(1))
    assert caught.value.fault is SOURCE_CHANGED


@pytest.mark.parametrize("status", [404, 500])
def test_account_module_that_is_not_there_is_told_apart(status: int) -> None:
    rig = Rig(*[httpx.Response(status, text="<html>")] * 2, session=OLD)
    with pytest.raises(ModuleMissingError):
        rig.account.cost_codes(1)


def test_accounts_that_share_a_client_never_send_each_others_cookies() -> None:
    """A pool of connections is shared; what one company's answer sets must not go out with another's request."""
    source = ScriptedSource(
        [
            httpx.Response(200, json={"success": True, "data": PAGE}, headers={"Set-Cookie": "GAESA=of-one; Path=/"}),
            enveloped_answer(PAGE),
        ]
    )
    shared = source.client()
    for token in ("one", "two"):
        client = HttpClient(shared, FakeClock(), Limits(gap_ms=0))
        hosts = Hosts("https://app.test", "https://login.test")
        sessions = MemorySessions(Session({}, token))
        Account(client, hosts=hosts, details=lambda: SignInDetails("", ""), sessions=sessions).shifts(
            JobBatch(), PageAsk()
        )
    assert "cookie" not in source.requests[1].headers
    assert source.requests[1].headers["authorization"] == "Bearer two"


def test_accounts_of_one_user_share_its_session_and_none_of_them_expires() -> None:
    """Each sign-in ends the session before it: without sharing, companies of one user end each other's for ever."""
    alive: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == LOGIN:
            alive[:] = [f"session-{len(sent)}"]
            sent.append(LOGIN)
            return json_answer({"success": True, "data": {"Token": alive[0], "mobileCookies": []}})
        known = request.headers["authorization"] == f"Bearer {alive[0]}"
        return enveloped_answer(PAGE) if known else json_answer(RELOGIN)

    sent: list[str] = []
    kept = MemorySessions()
    hosts = Hosts("https://app.test", "https://login.test")
    accounts = [
        Account(
            HttpClient(httpx.Client(transport=httpx.MockTransport(answer)), FakeClock(), Limits(gap_ms=0)),
            hosts=hosts,
            details=lambda: SignInDetails("ana", "pw"),
            sessions=kept,
        )
        for _ in range(3)
    ]
    for page in range(1, 6):
        for account in accounts:
            account.shifts(JobBatch(), PageAsk(page))
    first_sign_ins = len(sent)
    assert first_sign_ins <= 3
    alive[:] = ["ended by Buildertrend"]
    for account in accounts:
        account.shifts(JobBatch(), PageAsk(9))
    assert len(sent) == first_sign_ins + 1


@pytest.mark.parametrize("total_pages", [0, -1, 2, "3", None, True, 2**70, [], "missing"])
def test_account_grid_states_its_rows_and_nobody_reads_its_number_of_pages(total_pages: Any) -> None:
    """It is computed from what we send (G6)."""
    data = {"data": [{"id": 1}], "records": 401, "totalPages": total_pages}
    if total_pages == "missing":
        del data["totalPages"]
    page = Rig(enveloped_answer(data), session=OLD).account.shifts(JobBatch(), PageAsk())
    assert ([parsed_row(raw) for raw in page.rows], page.records) == ([{"id": 1}], 401)


@pytest.mark.parametrize("records", [None, -1, True, "many", 2**70, 1.5, [], {}])
def test_account_grid_that_states_no_usable_number_of_rows_states_none(records: Any) -> None:
    data = {"data": [{"id": 1}], "records": records, "pageSize": records}
    page = Rig(enveloped_answer(data), session=OLD).account.shifts(JobBatch(), PageAsk())
    assert (page.records, page.page_size) == (None, None)


@pytest.mark.parametrize("builder_id", [True, {"a": 1}, "x" * 65, "a\x00b", "", 1.5, 0])
def test_account_identity_of_another_form_is_source_changed(builder_id: Any) -> None:
    rows = {"data": [{"id": 1, "builderId": builder_id}], "records": 1}
    rig = Rig(enveloped_answer({"builderId": builder_id}), enveloped_answer(rows), session=OLD)
    with pytest.raises(SourceFaultError) as caught:
        rig.account.identity()
    assert caught.value.fault is SOURCE_CHANGED


def test_account_name_is_shown_without_what_cannot_be_stored_or_printed() -> None:
    rig = Rig(enveloped_answer({"builderId": 7, "builderName": "Ti\x00ghe\x1b[2J" + "x" * 500}), session=OLD)
    name = rig.account.identity().builder_name
    assert (name[:8], len(name)) == ("Tighe[2J", 200)


def test_pool_of_all_accounts_keeps_no_cookie_that_an_answer_sets() -> None:
    with _http_client() as client:
        answer = httpx.Response(200, headers=[("Set-Cookie", f"c{n}=x; Path=/") for n in range(50)])
        answer.request = httpx.Request("GET", "https://app.test/")
        client.cookies.extract_cookies(answer)
        assert len(client.cookies.jar) == 0


@pytest.mark.parametrize(
    ("info", "rows"),
    [
        ({"appDefaultInfo": {"builderId": 60001}, "builderName": "x"}, []),
        ({"appDefaultInfo": {"sessionTimeoutMinutes": 240}}, [{"id": 1, "builderId": 60001}]),
        ({"jobs": {"newest": {"builderId": 7}}, "builder": {"builderId": 60001}}, []),
        ({"builders": [{"builderId": 7}]}, [{"id": 1, "builderId": 60001}]),
        ({"builderId": 0}, [{"id": 1}, {"id": 2, "timeIn": {"builderId": 60001}}]),
    ],
)
def test_account_identity_is_taken_from_where_it_stands(info: Any, rows: list[Any]) -> None:
    """Every shift states the builder; that GlobalInfo does is a guess (S10)."""
    rig = Rig(enveloped_answer(info), enveloped_answer({"data": rows, "records": len(rows)}), session=OLD)
    assert rig.account.identity().builder_id == "60001"


IDENTITY = enveloped_answer({"builderId": 7})


@pytest.mark.parametrize(
    "refusal", [httpx.Response(400), json_answer({"success": False, "message": "x", "data": None})]
)
def test_account_job_picker_that_refuses_the_long_request_is_asked_by_the_short_one_from_then_on(
    refusal: httpx.Response,
) -> None:
    jobs = enveloped_answer({"jobs": [{"jobId": 1}]})
    rig = Rig(IDENTITY, refusal, jobs, jobs, session=OLD)
    assert rig.account.picker_jobs() == rig.account.picker_jobs() == [{"jobId": 1}]
    asked = [json.loads(request.content) for request in rig.source.requests[1:]]
    assert [("filters" in body, "searchTerm" in body) for body in asked] == [
        (True, False),
        (False, True),
        (False, True),
    ]


@pytest.mark.parametrize("data", [None, {}, {"jobs": None}, {"jobs": {}}])
def test_account_job_picker_without_jobs_is_source_changed_and_never_an_account_without_jobs(data: Any) -> None:
    rig = Rig(IDENTITY, enveloped_answer(data), session=OLD)
    with pytest.raises(SourceFaultError) as caught:
        rig.account.picker_jobs()
    assert caught.value.fault is SOURCE_CHANGED


NOTHING: list[Any] = [
    {"success": True, "data": None},
    {"success": True},
    {"success": True, "data": {}},
    {"success": True, "data": {"formatData": None, "costCategories": None, "costCodesWithBudget": None}},
    {"totalValues": {"originalBudgetCosts": 0}},
    {"costCategories": None, "costCodesWithBudget": None, "formatData": None},
    {"message": "", "totalValues": {}},
]


@pytest.mark.parametrize("answer", NOTHING)
def test_account_job_without_budget_worksheet_or_codes_has_none(answer: Any) -> None:
    """Lists and `data` itself are null or missing where there is nothing (B4)."""
    rig = Rig(*[json_answer(answer)] * 3, session=OLD)
    assert rig.account.budget_categories(1) == rig.account.worksheet_groups(1) == rig.account.cost_codes(1) == []


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"success": True, "data": []},
        {"success": True, "data": "none"},
        {"costCategories": {}, "costCodesWithBudget": 5, "formatData": "x"},
        {"data": {"costCategories": False, "costCodesWithBudget": 0, "formatData": ""}},
    ],
)
def test_account_list_of_a_wrong_type_is_source_changed_and_never_none(answer: Any) -> None:
    rig = Rig(*[json_answer(answer)] * 3, session=OLD)
    for ask in (rig.account.budget_categories, rig.account.worksheet_groups, rig.account.cost_codes):
        with pytest.raises(SourceFaultError) as caught:
            ask(1)
        assert caught.value.fault is SOURCE_CHANGED


def test_account_message_in_place_of_data_is_no_answer_of_nothing() -> None:
    rig = Rig(json_answer({"Message": "An error has occurred."}), session=OLD)
    with pytest.raises(SourceFaultError) as caught:
        rig.account.budget_categories(1)
    assert caught.value.fault is SOURCE_UNAVAILABLE


def test_account_takes_over_the_cookies_that_an_answer_renews_and_stores_each_value_once() -> None:
    def good(cookie: str) -> httpx.Response:
        answer = enveloped_answer(PAGE)
        answer.headers["Set-Cookie"] = cookie
        return answer

    kept = Session({".AspNet.Auth0": "one"}, "")
    rig = Rig(
        *map(good, ["GAESA=a; Path=/", "GAESA=a; Path=/", ".AspNet.Auth0=two", "x=1; Domain=evil.test"]), session=kept
    )
    for _ in range(4):
        rig.account.shifts(JobBatch(), PageAsk())
    assert [request.headers["cookie"] for request in rig.source.requests] == [
        ".AspNet.Auth0=one",
        ".AspNet.Auth0=one; GAESA=a",
        ".AspNet.Auth0=one; GAESA=a",
        ".AspNet.Auth0=two; GAESA=a",
    ]
    assert rig.sessions.journal == ["renewed", "renewed"]
    assert rig.sessions.session == Session({".AspNet.Auth0": "two", "GAESA": "a"}, "")


def test_account_takes_no_cookie_of_an_answer_that_says_that_the_session_is_over() -> None:
    over = json_answer(RELOGIN)
    over.headers["Set-Cookie"] = ".AspNet.Auth0=; Path=/"
    rig = Rig(over, json_answer(SIGNED_IN), enveloped_answer(PAGE), session=Session({".AspNet.Auth0": "one"}, ""))
    rig.account.shifts(JobBatch(), PageAsk())
    assert "renewed" not in rig.sessions.journal


def test_account_requests_look_like_those_of_the_applications_page() -> None:
    rig = Rig(json_answer(SIGNED_IN), enveloped_answer(PAGE))
    rig.account.shifts(JobBatch(), PageAsk())
    for request in rig.source.requests:
        assert request.headers["origin"] == "https://app.test"
        assert request.headers["referer"].startswith("https://app.test/app/")
        assert "Mozilla" in request.headers["user-agent"]


def test_account_users_come_from_the_first_filter_that_lists_some_which_is_asked_from_then_on() -> None:
    listed = enveloped_answer({"options": {"users": [{"id": 7, "name": "Ana"}]}})
    rig = Rig(enveloped_answer({"options": {}}), listed, listed, session=OLD)
    assert rig.account.listed_users() == rig.account.listed_users() == [{"id": 7, "name": "Ana"}]
    assert rig.paths == ["/api/Filters/33", "/api/Filters/92", "/api/Filters/92"]


def test_account_without_filters_that_list_users_has_none_listed() -> None:
    rig = Rig(*[httpx.Response(404)] * 4, session=OLD)
    assert rig.account.listed_users() == []


def test_account_whose_user_may_not_see_filters_has_none_listed() -> None:
    rig = Rig(json_answer({"success": False, "message": "You do not have access to this feature"}), session=OLD)
    assert rig.account.listed_users() == rig.account.listed_users() == []
