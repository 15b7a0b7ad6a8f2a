"""Faults on demand, and the counters."""

from __future__ import annotations

from tests.contract.sandbox.wire import Site

INFO = "/api/AccountInfo/GlobalInfo"


def test_fail_next_fails_as_often_as_said_and_then_works(signed_in: Site) -> None:
    signed_in.control.set_switches(
        fail_next=[{"path_contains": "globalinfo", "status": 429, "times": 2, "retry_after": 7}]
    )
    answers = [signed_in.call("GET", INFO) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"


def test_fail_next_leaves_other_paths_alone(signed_in: Site) -> None:
    signed_in.control.set_switches(fail_next=[{"path_contains": "TimeClock", "status": 500}])
    assert signed_in.call("GET", INFO).status_code == 200
    answer = signed_in.call("POST", "/api/TimeClock/Grid?gridType=29", {})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (500, "text/html")


def test_fail_next_reaches_the_sign_in_too(site: Site) -> None:
    site.control.set_switches(fail_next=[{"path_contains": "/oauth/token", "status": 503}])
    assert site.ask_token().status_code == 503
    assert site.ask_token().status_code == 200


def test_fail_next_without_retry_after_sends_none(signed_in: Site) -> None:
    signed_in.control.set_switches(fail_next=[{"path_contains": "/api", "status": 429}])
    assert "retry-after" not in signed_in.call("GET", INFO).headers


def test_fault_does_not_use_up_a_call_of_the_session(signed_in: Site) -> None:
    signed_in.control.set_switches(session_calls=1, fail_next=[{"path_contains": INFO, "status": 500}])
    assert signed_in.call("GET", INFO).status_code == 500
    assert signed_in.call("GET", INFO).json()["success"] is True


def test_counters_count_requests_by_path_with_ids_together(signed_in: Site) -> None:
    for job in signed_in.jobs()[:3]:
        signed_in.data("GET", f"/api/Proposals/{job['jobId']}/Worksheet")
    counters = signed_in.control.counters()
    assert counters["requests"]["/api/Proposals/{id}/Worksheet"] == 3
    assert counters["requests"]["/api/jobpicker/GetJobPickerData"] == 1
    assert counters["requests_total"] == 5
    assert counters["most_in_flight"] == 1
    signed_in.control.reset_counters()
    assert signed_in.control.counters()["requests"] == {}


def test_companies_do_not_share_sessions_switches_or_counters(signed_in: Site) -> None:
    seed = signed_in.control.company["seed"]
    other = Site(signed_in.base_url, signed_in.sender, signed_in.control.create_company(seed=seed, jobs=4, shifts=3))
    other.sign_in()
    other.control.set_switches(fail_next=[{"path_contains": "/api", "status": 500, "times": 9}])
    assert signed_in.shifts()["records"] == 150
    assert other.control.counters()["sign_ins"]["successful"] == 1
    assert signed_in.control.counters()["sign_ins"]["successful"] == 1
    other.control.end_sessions()
    assert signed_in.data("GET", INFO)["builderId"] == signed_in.control.company["builder_id"]
