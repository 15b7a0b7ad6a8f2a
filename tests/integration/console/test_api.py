"""The JSON routes keep what their description promises, for every request that it allows and many that it does not."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import ignored_auth

from console.app import SCREENS
from console.routes.api import DOCUMENT
from console.screens import Screen
from tests.integration.console.fix_console import Site
from tests.soak import rounds


@pytest.fixture(scope="module")
def session(site: Site) -> dict[str, str]:
    """Headers of a signed-in operator, of a console that has something to say."""
    for state in ("connected", "needs-attention", "paused"):
        company_id = site.company(state=state, last_success_at="2026-06-17T18:00:00Z")
        site.run(
            "INSERT INTO integration.runs (run_id, company_id, run_seq, first_seq, read, state, counts)"
            " VALUES (gen_random_uuid(), %s, 1, 1, 'recent', 'running', '{\"jobs\": {\"read\": 3}}')",
            company_id,
        )
    cookie = site.signed_in("operator").cookies["protiv_session"]
    return {"Host": "127.0.0.1:8080", "Cookie": f"protiv_session={cookie}"}


@pytest.fixture(scope="module")
def described(site: Site, session: dict[str, str]) -> schemathesis.schemas.BaseSchema:
    return schemathesis.openapi.from_asgi("/api/openapi.json", site.app, headers=session)


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_json_route_answers_as_described(
    described: schemathesis.schemas.BaseSchema, session: dict[str, str], path: str
) -> None:
    @given(case=described[path]["GET"].as_strategy())
    @settings(max_examples=rounds(usual=20, soak=300), deadline=None, suppress_health_check=list(HealthCheck))
    def answers(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers=session, excluded_checks=[ignored_auth])

    answers()


@pytest.mark.parametrize("screen", [one for one in SCREENS if one.path.startswith("/api/")], ids=lambda one: one.path)
def test_json_route_is_described_and_wants_a_session(site: Site, screen: Screen) -> None:
    path = screen.path
    if path == "/api/openapi.json":
        return
    assert path in DOCUMENT["paths"]
    answer = site.browser().get(path.replace("{company_id}", "some"))
    assert (answer.status_code, answer.json()) == (401, {"error": "Sign in first."})


def test_company_of_the_api_says_what_its_page_says(site: Site) -> None:
    company_id = site.company(state="paused", builder_name="Tighe Builders")
    browser = site.signed_in("viewer", company_id)
    told = browser.get(f"/api/companies/{company_id}").json()
    assert (told["company_id"], told["state"], told["account"]) == (company_id, "paused", "Tighe Builders")
    assert set(told["entities"]) == {"jobs", "users", "cost-codes", "budgets", "time-entries"}
    assert "Paused" in browser.get(f"/c/{company_id}").text


def test_company_that_nobody_connected_is_said_to_be_that(site: Site) -> None:
    told = site.signed_in("operator").get("/api/companies/nobody").json()
    assert (told["state"], told["entities"], told["progress"]) == ("not-connected", {}, None)


def test_list_of_companies_counts_and_finds(site: Site) -> None:
    company_id = site.company(builder_name="Findable & Sons")
    told = site.signed_in("operator").get("/api/companies?find=findable").json()
    assert [one["company_id"] for one in told["companies"]] == [company_id]
    assert told["found"] == 1
    assert told["total"] > 1
