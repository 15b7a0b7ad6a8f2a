"""What a session is and when it ends, and what too many or too large requests are answered with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.local import URL, LocalCompany, LocalSandbox
from tests.contract.sandbox.wire import BROWSER, Site, grid_body

INFO = "/api/AccountInfo/GlobalInfo"
GRID = "/api/TimeClock/Grid?gridType=29"
COOKIE = ".AspNet.Auth0"


def with_cookie(site: Site, value: str, **headers: str) -> Any:
    return site.send("GET", INFO, headers={**BROWSER, "cookie": f"{COOKIE}={value}", **headers})


@pytest.fixture
def cookie(site: Site) -> str:
    """The value of a fresh session's cookie."""
    return str(site.ajax_login().json()["data"]["mobileCookies"][0]["value"])


@pytest.mark.wire_facts("S8")
def test_cookie_is_renewed_by_an_ordinary_answer_and_the_old_value_dies_after_its_grace(
    site: Site, cookie: str
) -> None:
    site.control.set_switches(cookie_renewal_calls=2, cookie_grace_calls=1)
    first, second = with_cookie(site, cookie), with_cookie(site, cookie)
    assert COOKIE not in first.headers.get("set-cookie", "")
    renewed = second.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert [with_cookie(site, cookie).json()["needsToRelogin"] for _ in range(2)] == [False, True]
    assert with_cookie(site, renewed).json()["success"] is True


@pytest.mark.wire_facts("S8")
def test_old_cookie_may_work_for_ever(site: Site, cookie: str) -> None:
    site.control.set_switches(cookie_renewal_calls=1, cookie_grace_calls=None)
    assert {with_cookie(site, cookie).json()["needsToRelogin"] for _ in range(6)} == {False}


@pytest.fixture
def ticking() -> Iterator[tuple[LocalCompany, Site, list[datetime]]]:
    """A company whose source's time of day is the first of a list."""
    now = [datetime(2026, 6, 17, 12, tzinfo=UTC)]
    sandbox = LocalSandbox(now=lambda: now[0], pause=lambda _: None)
    company = sandbox.company(seed=3, jobs=4, shifts=20, anchor_date="2026-06-17")
    with httpx.Client(transport=sandbox.transport) as client:
        yield company, Site(URL, client, company.control).sign_in(), now
    sandbox.close()


@pytest.mark.wire_facts("S7", "S9")
def test_session_lasts_days_while_it_is_used_and_ends_by_idling(
    ticking: tuple[LocalCompany, Site, list[datetime]],
) -> None:
    company, site, now = ticking
    company.set_switches(session_timeout="enforced", session_timeout_minutes=60)
    assert site.data("GET", INFO)["appDefaultInfo"]["sessionTimeoutMinutes"] == 60
    for _ in range(100):
        now[0] += timedelta(minutes=59)
        assert site.call("GET", INFO).json()["success"] is True
    now[0] += timedelta(minutes=61)
    assert site.call("GET", INFO).json()["needsToRelogin"] is True
    company.set_switches(session_timeout="stated")
    site.sign_in()
    now[0] += timedelta(days=3)
    assert site.call("GET", INFO).json()["success"] is True


@pytest.mark.wire_facts("R7")
@pytest.mark.parametrize("status", [403, 429])
def test_burst_is_refused_and_passes_after_a_pause(
    ticking: tuple[LocalCompany, Site, list[datetime]], status: int
) -> None:
    company, site, now = ticking
    company.set_switches(burst={"requests": 3, "seconds": 1, "status": status, "pause_s": 5})
    assert [site.call("GET", INFO).status_code for _ in range(5)] == [200, 200, 200, status, status]
    now[0] += timedelta(seconds=4)
    assert site.call("GET", INFO).status_code == status
    now[0] += timedelta(seconds=2)
    for _ in range(6):
        now[0] += timedelta(milliseconds=400)
        assert site.call("GET", INFO).status_code == 200


@pytest.mark.wire_facts("S10")
def test_account_may_not_say_whose_it_is(signed_in: Site) -> None:
    assert signed_in.data("GET", INFO)["builderId"] == signed_in.control.company["builder_id"]
    signed_in.control.set_switches(builder_id_in_account=False)
    assert "builderId" not in signed_in.data("GET", INFO)
    assert signed_in.shifts()["data"][0]["builderId"] == signed_in.control.company["builder_id"]


def test_account_may_state_its_time_zone(signed_in: Site) -> None:
    assert "timeZone" not in signed_in.data("GET", INFO)["appDefaultInfo"]
    for form, stated in (("iana", "America/Denver"), ("windows", "Mountain Standard Time")):
        signed_in.control.set_switches(stated_time_zone=form)
        assert signed_in.data("GET", INFO)["appDefaultInfo"]["timeZone"] == stated


@pytest.mark.wire_facts("S11")
def test_account_moved_to_auth0_refuses_the_right_password_of_the_phone_app(site: Site) -> None:
    assert site.ajax_login().json()["data"]["loginSuccess"] is True
    site.control.set_switches(phone_app="moved-to-auth0", lock_after=1)
    answer = site.ajax_login().json()
    assert (answer["success"], answer["message"]) == (False, "invalid username or password")
    assert site.ask_token().status_code == 200


@pytest.mark.wire_facts("S12")
def test_password_grant_may_always_ask_for_a_captcha(site: Site) -> None:
    assert site.ask_token().status_code == 200
    site.control.set_switches(auth0_grant="captcha")
    answer = site.ask_token()
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    assert "captcha" in answer.json()["error_description"]


@pytest.mark.wire_facts("S13")
def test_edge_refuses_as_strictly_as_it_is_set(signed_in: Site) -> None:
    def status(method: str = "GET", **headers: str) -> int:
        named = {**BROWSER, "authorization": f"Bearer {signed_in.token}", **headers}
        path, body = (INFO, {}) if method == "GET" else (GRID, {"json": grid_body()})
        return int(signed_in.send(method, path, headers=named, **body).status_code)

    assert status() == 200
    assert status(**{"user-agent": "python-httpx/0.28"}) == 302
    signed_in.control.set_switches(edge="referer")
    own = signed_in.base_url
    assert status() == 302
    assert status(referer=f"{own}/app/Landing") == 200
    assert status(referer=f"{own}.evil.example/app") == 302
    assert status("POST", referer=f"{own}/app/TimeClock/Reports") == 302
    assert status("POST", referer=f"{own}/app/TimeClock/Reports", origin=own) == 200
    real = {"referer": "https://buildertrend.net/app/Landing", "origin": "https://buildertrend.net"}
    assert status("POST", **real) == 200
    signed_in.control.set_switches(edge="open")
    assert status(**{"user-agent": "python-httpx/0.28"}) == 200


@pytest.mark.wire_facts("R6", "G9")
def test_query_over_too_much_is_a_sql_timeout_and_a_small_one_works(signed_in: Site) -> None:
    ids = [job["id"] for job in signed_in.control.listed("jobs") if job["id"]]

    def status(size: int, job_ids: list[int]) -> int:
        return int(signed_in.call("POST", GRID, grid_body(size=size, job_ids=job_ids)).status_code)

    signed_in.control.set_switches(sql_timeout_jobs=4)
    assert [status(200, job_ids) for job_ids in (ids[:4], ids[:5], [])] == [200, 500, 500]
    signed_in.control.set_switches(sql_timeout_jobs=None, sql_timeout_rows=500)
    assert [status(size, ids) for size in (200, 500, 2000)] == [200, 200, 500]


@pytest.mark.wire_facts("R2", "B1")
def test_budget_may_be_inside_data(signed_in: Site) -> None:
    job_id = signed_in.control.listed("budget-lines")[0]["job_id"]
    body = {"jobId": job_id, "filter": "{}"}
    bare = signed_in.call("POST", "/apix/v2/JobCostingBudget", body).json()
    assert {"totalValues", "costCategories"} <= bare.keys()
    signed_in.control.set_switches(budget_place="data")
    assert signed_in.data("POST", "/apix/v2/JobCostingBudget", body) == bare


@pytest.mark.wire_facts("G14", "S6")
def test_pages_of_the_application_open_with_the_cookie_alone(site: Site, cookie: str) -> None:
    for path in ("/app/TimeClock/Reports", "/app/Jobs/List"):
        page = site.send("GET", path, headers={"cookie": f"{COOKIE}={cookie}"})
        assert page.status_code == 200
        assert "/api/TimeClock/Grid?gridType=29" in page.text
        assert site.send("GET", path).headers["location"] == "/Login"
