"""Modules that are missing, broken or forbidden; every endpoint tells that a session is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.contract.sandbox.wire import Site, grid_body

COSTING = "/apix/v2/JobCostingBudget"
PICKER_BODY = {"filters": "{}", "includeGeneralJob": True}
# Each endpoint of the wire that needs a session, with the switch of its module.
ENDPOINTS: list[tuple[str, str, Any, str | None]] = [
    ("GET", "/api/AccountInfo/GlobalInfo", None, None),
    ("GET", "/api/Filters/33", None, None),
    ("POST", "/api/jobpicker/GetJobPickerData", PICKER_BODY, "jobs_endpoint"),
    ("GET", "/api/jobpicker/GetExistingJobList", None, "jobs_endpoint"),
    ("GET", "/api/jobsites/0", None, "jobs_endpoint"),
    ("POST", "/api/TimeClock/Grid?gridType=29", grid_body(), "time_clock_endpoint"),
    ("POST", "/api/InternalUsers/Grid", grid_body(), "users_endpoint"),
    ("POST", COSTING, {"jobId": 0, "filter": "{}"}, "budgets_endpoint"),
    ("GET", f"{COSTING}/budget-cost-codes?jobId=0", None, "cost_codes_endpoint"),
    ("GET", "/api/Proposals/0/Worksheet", None, "worksheets_endpoint"),
]
MODULES = [endpoint for endpoint in ENDPOINTS if endpoint[3] is not None]


def kind_of_no(answer: Any) -> str:
    """Which sign of an ended session an answer is."""
    if answer.status_code != 200:
        return str(answer.status_code)
    return "html" if "text/html" in answer.headers["content-type"] else f"relogin {answer.json()['needsToRelogin']}"


@pytest.mark.wire_facts("R3")
@pytest.mark.parametrize(("method", "path", "body", "_switch"), ENDPOINTS)
@pytest.mark.parametrize(
    ("signal", "sign"), [("relogin", "relogin True"), ("401", "401"), ("302", "302"), ("html", "html")]
)
def test_every_endpoint_ends_a_session_after_its_calls_in_each_way(
    signed_in: Site, method: str, path: str, body: Any, _switch: str | None, signal: str, sign: str
) -> None:
    signed_in.control.set_switches(session_calls=1, session_end_signal=signal)
    assert signed_in.call(method, path, body).status_code == 200
    assert kind_of_no(signed_in.call(method, path, body)) == sign


@pytest.mark.parametrize("signal", ["relogin", "401"])
def test_fresh_session_may_be_refused_at_once_while_sign_in_works(site: Site, signal: str) -> None:
    site.control.set_switches(fresh_session="refused", session_end_signal=signal)
    for _ in range(2):
        site.sign_in()
        assert kind_of_no(site.call("GET", "/api/Filters/33")) in ("relogin True", "401")
    site.control.heal("fresh_session")
    assert site.sign_in().call("GET", "/api/Filters/33").json()["success"] is True


@pytest.mark.wire_facts("R5")
@pytest.mark.parametrize(("method", "path", "body", "switch"), MODULES)
def test_module_fails_until_it_is_healed_and_no_other_with_it(
    signed_in: Site, method: str, path: str, body: Any, switch: str
) -> None:
    for status in ("404", "500", "403"):
        signed_in.control.set_switches(**{switch: status})
        answers = [signed_in.call(method, path, body) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [int(status)] * 2
        assert answers[0].headers["content-type"].startswith("text/html")
    others = [one for one in ENDPOINTS if one[3] != switch]
    assert {signed_in.call(*other[:3]).status_code for other in others} == {200}
    signed_in.control.heal(switch)
    assert signed_in.call(method, path, body).status_code == 200


@pytest.mark.wire_facts("R4")
@pytest.mark.parametrize(("method", "path", "body", "switch"), MODULES)
def test_module_without_permission_refuses_with_a_sentence(
    signed_in: Site, method: str, path: str, body: Any, switch: str
) -> None:
    signed_in.control.set_switches(**{switch: "no-permission"})
    answer = signed_in.call(method, path, body)
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert "permission" in answer.json()["message"]


def test_missing_module_does_not_hide_that_a_session_is_over(signed_in: Site) -> None:
    signed_in.control.set_switches(users_endpoint="500")
    signed_in.control.end_sessions()
    assert kind_of_no(signed_in.call("POST", "/api/InternalUsers/Grid", grid_body())) == "relogin True"


def test_retry_after_may_be_a_date(signed_in: Site) -> None:
    rule = {"path_contains": "/api", "status": 429, "retry_after": 90, "retry_after_form": "date"}
    signed_in.control.set_switches(fail_next=[rule])
    stated = signed_in.call("GET", "/api/Filters/33").headers["retry-after"]
    assert stated.endswith(" GMT")
    assert timedelta(seconds=0) < parsedate_to_datetime(stated) - datetime.now(UTC) <= timedelta(seconds=90)


def test_failing_path_may_last_until_healed(signed_in: Site) -> None:
    signed_in.control.set_switches(fail_next=[{"path_contains": "Filters", "status": 503, "times": None}])
    assert {signed_in.call("GET", "/api/Filters/33").status_code for _ in range(5)} == {503}
    signed_in.control.heal()
    assert signed_in.call("GET", "/api/Filters/33").status_code == 200


def test_heal_restores_all_but_the_quirks_of_the_account(site: Site) -> None:
    healthy = site.control.switches()
    site.control.set_switches(
        users_endpoint="404",
        session_calls=3,
        grid_sort="random",
        paging=[{"entity": "users", "fault": "page-ignored"}],
        missing_rows=[{"entity": "jobs", "which": "all"}],
        fields=[{"entity": "jobs", "field": "status", "change": "drop"}],
        cost_code_place="data",
    )
    assert site.control.heal() == {**healthy, "cost_code_place": "data"}
    assert site.control.heal("cost_code_place") == healthy
