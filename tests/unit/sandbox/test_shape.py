"""A sandbox told by a capture's shape speaks as the captured account did: recorded, checked, read and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.errors import RefusedError
from sandbox.local import URL, LocalSandbox
from sandbox.shape import FORMAT, read_shape
from tests.contract.sandbox.wire import Site, grid_body
from tests.unit.producers.check.fix_recordings import checked, entry

COSTING = "/apix/v2/JobCostingBudget"
SPOKEN: list[dict[str, Any]] = [
    {"tag_form": "object", "total_pages": "records", "cost_code_place": "data", "report_rows": "data"},
    {"empty_budget": "missing", "empty_worksheet": "no-data", "empty_lines": "missing", "budget_place": "data"},
    {"empty_budget": "empty", "empty_worksheet": "empty", "empty_lines": "empty", "users_in_filters": False},
    {"cost_code_fields": "costCodeId-displayCode-name", "shift_code_minutes": "missing", "jobs_row": "null"},
    {"most_page_size": 20, "builder_id_in_account": False, "stated_time_zone": "iana"},
    {"page_number": "number", "filters_shape": "nested", "empty_codes": "empty"},
]


def recorded(**switches: Any) -> list[dict[str, Any]]:
    """What a browser would have recorded of an account with these switches."""
    sandbox = LocalSandbox()
    company = sandbox.company(seed=3, jobs=12, shifts=60, anchor_date="2026-06-17")
    company.insert("jobs", name="Nothing yet")
    company.edit("shifts", company.ids("shifts")[-1], tags=["Rework"])
    company.set_switches(**switches)
    with httpx.Client(transport=sandbox.transport) as client:
        site = Site(URL, client, company.control).sign_in()
        page = 1 if switches.get("page_number") == "number" else "1"
        asked = grid_body(job_ids=site.job_ids(), page=page)
        requests: list[tuple[str, str, Any]] = [
            ("GET", "/api/AccountInfo/GlobalInfo", None),
            ("GET", "/api/Filters/92", None),
            ("GET", "/apix/v3/Reporting/work-in-progress?openJobLimit=500", None),
            ("POST", "/api/jobpicker/GetJobPickerData", {"searchTerm": "", "showGeneral": True}),
            ("POST", "/api/TimeClock/Grid?gridType=29", asked),
        ]
        for job_id in site.job_ids():
            requests += [
                ("POST", COSTING, {"jobId": job_id, "filter": "{}"}),
                ("GET", f"{COSTING}/budget-cost-codes?jobId={job_id}", None),
                ("GET", f"/api/Proposals/{job_id}/Worksheet", None),
            ]
        return [entry(method, path, site.call(method, path, body).json(), body) for method, path, body in requests]


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: next(iter(spoken)))
def test_switches_of_an_account_are_read_back_from_its_shape(tmp_path: Path, spoken: dict[str, Any]) -> None:
    shape = read_shape(json.dumps(checked(tmp_path, *recorded(**spoken)).shape()))
    assert {name: shape.switches.get(name) for name in spoken} == spoken
    LocalSandbox().company(seed=1, jobs=2, shifts=1).set_switches(**shape.switches)


def test_company_is_as_large_as_the_captured_one(tmp_path: Path) -> None:
    shape = read_shape(json.dumps(checked(tmp_path, *recorded()).shape()))
    assert (shape.size["jobs"], shape.size["shifts"]) == (30, 30)


def endpoint(kind: str, **more: Any) -> str:
    one = {"method": "GET", "path": "/x", "kind": kind, "fields": [], **more}
    return json.dumps({"format": FORMAT, "endpoints": [one, {"kind": None, "path": "/other"}]})


@pytest.mark.parametrize(
    ("text", "switches"),
    [
        (endpoint("worksheet", statuses={"500": 5}), {"worksheets_endpoint": "500"}),
        (
            endpoint("worksheet", statuses={"200": 5}, faults={"no-permission": 5}),
            {"worksheets_endpoint": "no-permission"},
        ),
        (endpoint("users", statuses={"200": 1}), {"internal_users_grid": True}),
        (endpoint("users", statuses={"404": 1}), {"internal_users_grid": False}),
        (endpoint("bills defaults", statuses={"200": 1}), {"bills_defaults": True}),
        (endpoint("somebody's new kind"), {}),
    ],
)
def test_module_is_there_or_fails_as_in_the_capture(text: str, switches: dict[str, Any]) -> None:
    assert read_shape(text).switches == switches


def test_cookies_are_renewed_as_often_as_in_the_capture() -> None:
    assert read_shape(endpoint("account", sets_cookies=0.05)).switches["cookie_renewal_calls"] == 20


def test_field_that_is_null_in_every_row_is_null() -> None:
    always = {"path": "data.data[].rate", "types": {"null": 1.0}}
    often = {"path": "data.data[].jobId", "types": {"null": 0.75, "integer": 0.25}}
    shape = read_shape(endpoint("shifts", fields=[always, often]))
    assert shape.switches["fields"] == [{"entity": "time-entries", "field": "rate", "change": "null"}]
    assert shape.size == {"kind": "service"}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"endpoints": 5}', '{"endpoints": [5]}', json.dumps({"format": "else/2", "endpoints": []}),
     endpoint("shifts", fields=5), endpoint("shifts", fields=[{"path": "data.records", "decades": ["x"]}]),
     endpoint("account", sets_cookies=1e-320), pytest.param("[" * 100_000, id="deep")],
)  # fmt: skip
def test_what_is_no_shape_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(RefusedError, match="shape"):
        read_shape(text)


def test_size_of_any_magnitude_is_that_of_the_largest_company() -> None:
    records = {"path": "data.records", "types": {"integer": 1.0}, "decades": [1, 10**9]}
    assert read_shape(endpoint("shifts", fields=[records])).size == {"shifts": 50_000}
