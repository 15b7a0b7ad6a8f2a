"""The state of a company and its entities, and who has to act."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reports.company_status import STATES, CompanyFacts, CompanyStatus, company_status
from schemas.faults import ADMIN, DEVELOPER, FAULTS, NOBODY, OPERATOR
from tests.unit.reports.factories import EARLIER, NOW, command, facts, running


def status_of(found: CompanyFacts) -> CompanyStatus:
    return company_status(found, now=NOW, poll_interval_s=7200, full_sync_interval_s=86_400)


SHORT = "Buildertrend stated 450 time entries and showed 150."
LONG_AGO = NOW - timedelta(hours=3, seconds=1)
READING = {"jobs": {"state": "complete", "pages_done": 1, "pages_total": 1}}


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (facts(), "on time"),
        (facts(entity={"complete_through": None}), "pending"),
        (facts(entity={"complete_through": LONG_AGO}), "late"),
        (facts(entity={"held": 3}), "held"),
        (facts(entity={"incomplete": SHORT}), "incomplete"),
        (facts(entity={"incomplete": SHORT}, fault="source-incomplete"), "incomplete"),
        (facts(entity={"incomplete": SHORT, "complete_through": None}), "incomplete"),
        (facts(commands=(command(),)), "queued"),
        (facts(leased=True, running=running()), "syncing"),
        (facts(running=running()), "on time"),
        (facts(next_due_at=NOW - timedelta(seconds=121)), "late"),
        (facts(next_due_at=NOW - timedelta(seconds=119)), "on time"),
        (facts(commands=(command(received_at=NOW - timedelta(minutes=3)),)), "late"),
        (facts(state="paused", next_due_at=NOW - timedelta(days=3)), "paused"),
        (facts(state="disconnected"), "disconnected"),
        (facts(state="needs-attention", fault="wrong-credentials"), "needs attention"),
        (facts(fault="rate-limited"), "on time"),
        (facts(fault="rate-limited", entity={"complete_through": LONG_AGO}), "late"),
        (facts(fault="no-permission"), "needs attention"),
        (facts(fault="source-changed"), "needs attention"),
    ],
)
def test_company_status_state(found: CompanyFacts, state: str) -> None:
    assert status_of(found).state == state


def test_entity_status_differs_within_a_run_by_where_it_stands() -> None:
    found = status_of(facts(leased=True, running=running(entities=READING)))
    states = {one.entity: one.state for one in found.entities}
    assert states.pop("jobs") == "on time"
    assert set(states.values()) == {"syncing"}
    assert (found.entities[0].pages_done, found.entities[0].pages_total) == (1, 1)


def test_entity_status_of_a_run_for_others_is_its_own() -> None:
    found = status_of(facts(leased=True, running=running(scope={"entities": ["jobs"]})))
    assert {one.entity: one.state for one in found.entities} == {
        "jobs": "syncing",
        "users": "on time",
        "cost-codes": "on time",
        "budgets": "on time",
        "time-entries": "on time",
    }


def test_entity_status_queued_is_for_the_entities_that_the_command_names() -> None:
    found = status_of(facts(commands=(command(entities=("budgets",)),)))
    assert {one.entity for one in found.entities if one.state == "queued"} == {"budgets"}


def test_command_that_runs_is_not_queued() -> None:
    assert status_of(facts(commands=(command(state="running"),))).state == "on time"


@pytest.mark.parametrize(
    ("changes", "who", "words"),
    [
        ({"state": "needs-attention", "fault": "wrong-credentials"}, ADMIN, "connect c1 --time-zone America/Denver"),
        ({"state": "paused", "paused_by": "ana", "paused_reason": "audit"}, OPERATOR, "resume c1"),
        ({"state": "disconnected"}, ADMIN, "connect c1"),
        ({"fault": "rate-limited"}, NOBODY, ""),
        ({"fault": "source-changed"}, DEVELOPER, ""),
        ({"entity": {"held": 5}}, OPERATOR, "release-deletions c1"),
        ({"entity": {"incomplete": SHORT}, "fault": "source-incomplete"}, OPERATOR, "full-sync c1 --entity jobs"),
        ({"next_due_at": NOW - timedelta(hours=1)}, OPERATOR, "doctor"),
        ({"leased": True, "running": running(), "entity": {"complete_through": LONG_AGO}}, NOBODY, ""),
        ({}, NOBODY, ""),
    ],
)
def test_company_status_names_who_has_to_act(changes: dict[str, Any], who: str, words: str) -> None:
    found = status_of(facts(**changes))
    assert found.to_do.who == who
    assert words in found.to_do.command
    assert bool(found.cause) == bool(changes and found.state not in ("syncing",))


def test_entity_that_was_not_shown_wholly_is_incomplete_and_the_others_are_on_time() -> None:
    whole = facts(fault="source-incomplete")
    short = facts(entity={"incomplete": SHORT}).entities["time-entries"]
    found = status_of(CompanyFacts(whole.connection, dict(whole.entities) | {"time-entries": short}))
    assert {one.entity: one.state for one in found.entities if one.state != "on time"} == {"time-entries": "incomplete"}
    assert found.cause == f"The newest read of time-entries was not complete. {SHORT}"


def test_paused_status_tells_by_whom_and_why() -> None:
    found = status_of(facts(state="paused", paused_by="cli:ana", paused_reason="audit"))
    assert found.cause == "Reading is paused by cli:ana: audit."


def test_complete_through_is_that_of_the_entity_that_is_behind() -> None:
    whole = facts()
    entities = dict(whole.entities) | {"jobs": facts(entity={"complete_through": LONG_AGO}).entities["jobs"]}
    found = status_of(CompanyFacts(whole.connection, entities))
    assert found.complete_through == LONG_AGO
    assert status_of(facts()).complete_through == EARLIER
    assert status_of(facts(entity={"complete_through": None})).complete_through is None


def test_every_fault_of_the_design_has_its_rule() -> None:
    assert set(FAULTS) == {
        "wrong-credentials",
        "mfa-required",
        "blocked-by-buildertrend",
        "no-permission",
        "rate-limited",
        "source-unavailable",
        "source-incomplete",
        "source-changed",
        "session-expired",
        "internal-error",
        "service-outage",
    }


def test_states_are_ordered_from_what_matters_most() -> None:
    assert STATES.index("needs attention") < STATES.index("held") < STATES.index("on time")


def test_held_records_of_a_read_that_looks_wrong_say_why_it_does() -> None:
    found = status_of(facts(entity={"held": 3, "incomplete": "Buildertrend shows no jobs at all."}))
    assert found.cause.endswith("Buildertrend shows no jobs at all.")
    assert "release-deletions" in found.to_do.command
