"""For whatever keeps a record from Protiv, `explain` names the cause and the one next step."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.faults import FAULTS
from tests import factories
from tests.e2e.fix_operators import Tenant, TenantMaker
from tests.fix_demo import eventually

ROADBLOCK = {"path_contains": "/api", "times": None, "retry_after": 3600}
# How the source brings each fault about: the sandbox's switches, or another password.
CAUSES: dict[str, dict[str, Any]] = {
    "wrong-credentials": {},
    "mfa-required": {"sign_in": "mfa"},
    "blocked-by-buildertrend": {"sign_in": "blocked"},
    "no-permission": {"time_clock_endpoint": "no-permission"},
    "rate-limited": {"fail_next": [ROADBLOCK | {"status": 429}]},
    "source-unavailable": {"fail_next": [ROADBLOCK | {"status": 503}]},
    "source-changed": {
        "fields": [{"entity": "time-entries", "field": "regularTime", "change": "rename", "name": "minutes"}]
    },
    "session-expired": {"fresh_session": "refused"},
}


# What no switch of the source brings about at a first sync: its tests are among those of the runs.
ELSEWHERE = {"internal-error", "service-outage", "source-incomplete"}


def test_faults_of_the_source_are_all_brought_about() -> None:
    assert set(FAULTS) == CAUSES.keys() | ELSEWHERE


@pytest.mark.parametrize("fault", CAUSES)
def test_explain_names_each_fault_of_the_source_and_what_to_do(new_tenant: TenantMaker, fault: str) -> None:
    tenant = new_tenant()
    if CAUSES[fault]:
        tenant.sandbox.set_switches(**CAUSES[fault])
    code, last = tenant.connect(**({} if CAUSES[fault] else {"password": "another"}))
    assert (code, last["type"], last["fault"]) == (1, "failed", fault)
    found = tenant.explain("time-entries", "1")
    assert found["conclusion"]["code"] == fault
    assert found["conclusion"]["cause"].startswith("It has not been read.")
    assert found["conclusion"]["next_step"]["sentence"]
    assert found["steps"][0] == {"name": "connection", "state": "stopped", "sentence": last["message"]}


def shift(shift_id: int, **changes: Any) -> dict[str, Any]:
    """A raw shift of parents that `parents` wrote."""
    known: dict[str, Any] = {"jobId": 7001, "userID": 7002, "costCodes": [{"costCodeTitle": "70 Framing"}]}
    return factories.shift_row(shift_id, **{"builderCost": {"value": "336"}, **known, **changes})


SPLIT = [
    {"id": 7003, "costCodeTitle": "70 Framing", "totalMinutes": "160.002"},
    {"id": 7999, "costCodeTitle": "79 Never read", "totalMinutes": "319.998"},
]


@pytest.fixture(scope="module")
def parents(tenant: Tenant) -> Tenant:
    """The tenant with a job, a worker, one cost code of its title, and two of another."""
    tenant.raw("jobs", "7001", {"jobId": 7001, "jobName": "Barn", "status": 1})
    tenant.raw("users", "7002", {"userId": 7002, "firstName": "Ana", "lastName": "Diaz"})
    for code_id, title in ((7003, "70 Framing"), (7004, "71 Roof"), (7005, "71 Roof")):
        tenant.raw("cost-codes", str(code_id), {"id": code_id, "code": title[:2], "title": title})
    return tenant


@pytest.mark.parametrize(
    ("status", "changes", "step"),
    [
        ("linked", {}, "sync"),
        ("split", {"costCodes": SPLIT}, "sync"),
        ("general", {"jobId": 0}, "Nothing."),
        ("uncoded", {"costCodes": []}, "Give the shift a cost code"),
        (
            "several-codes",
            {"costCodes": [{"costCodeTitle": "70 Framing"}, {"costCodeTitle": "71 Roof"}]},
            "enter the time",
        ),
        ("ambiguous-code", {"costCodes": [{"costCodeTitle": "71 Roof"}]}, "different titles"),
        ("waiting-for-job", {"jobId": 7999}, "jobs 7999"),
        ("waiting-for-user", {"userID": 7998}, "users 7998"),
        ("waiting-for-cost-code", {"costCodes": [{"costCodeTitle": "99 Unheard of"}]}, "cost-codes"),
    ],
)
def test_explain_names_each_link_status_and_what_settles_it(
    parents: Tenant, status: str, changes: dict[str, Any], step: str
) -> None:
    shift_id = str(80_000 + sum(map(ord, status)))
    parents.raw("time-entries", shift_id, shift(int(shift_id), **changes))
    wanted = "in-protiv" if status in ("linked", "split") else status
    eventually(lambda: parents.code("time-entries", shift_id) == wanted, what=f"a shift that is {status}")
    found = parents.explain("time-entries", shift_id)
    assert found["in_protiv"]
    next_step = found["conclusion"]["next_step"]
    assert step in next_step["sentence"] + next_step["command"]


def test_explain_names_a_dead_letter_of_streams(tenant: Tenant) -> None:
    tenant.raw("time-entries", "81001", {}, value=b"no avro")
    eventually(lambda: tenant.code("time-entries", "81001") == "dead-letter-streams", what="the dead letter")
    conclusion = tenant.explain("time-entries", "81001")["conclusion"]
    assert "Streams refused it (undecodable)" in conclusion["cause"]
    assert conclusion["next_step"]["command"] == (f"protiv-buildertrend replay-dead-letters {tenant.company_id} --wait")


def test_explain_names_a_dead_letter_of_the_sink_and_a_replay_that_fails_again(tenant: Tenant) -> None:
    # A live shift without a start is one that Postgres refuses.
    tenant.canonical("time-entries", "81002", {"time_entry_id": "81002", "job_id": "7001", "link_status": "linked"})
    eventually(lambda: tenant.code("time-entries", "81002") == "dead-letter-sink", what="the dead letter")
    counted = tenant.ask("replay-dead-letters", "--entity=time-entries", "--dry-run")
    assert "dead letters would be put through" in counted["message"]
    replayed = tenant.ask("replay-dead-letters", "--entity=time-entries")
    assert "put through" in replayed["message"]
    eventually(lambda: tenant.code("time-entries", "81002") == "dead-letter-sink", what="the new dead letter")


def test_explain_names_a_command_that_could_not_be_read(new_tenant: TenantMaker) -> None:
    tenant = new_tenant()
    assert tenant.connect()[0] == 0
    assert tenant.code("time-entries", "99") == "never-shown"
    tenant.undecodable_command()
    eventually(lambda: tenant.code("time-entries", "99") == "dead-letter-poller", what="the dead letter")
    assert "could not be understood" in tenant.explain("time-entries", "99")["conclusion"]["cause"]


def test_explain_of_an_id_and_a_company_never_seen(tenant: Tenant) -> None:
    found = tenant.explain("budgets", "1:2")
    assert found["conclusion"]["code"] == "never-shown"
    assert not found["in_protiv"]
    stranger = Tenant(tenant.demo, tenant.sandbox, tenant.settings, tenant.registry, "never-heard-of")
    assert stranger.code("jobs", "1") == "not-connected"


def test_held_deletion_is_explained_released_and_then_deleted(new_tenant: TenantMaker) -> None:
    tenant = new_tenant(shifts=60)
    assert tenant.connect()[0] == 0
    shift_id = str(tenant.sandbox.listed("shifts", limit=1)[0]["id"])
    tenant.sandbox.set_switches(missing_rows=[{"entity": "time-entries", "which": "all"}])
    held = tenant.ask("full-sync")
    assert "shows no time entries at all" in held["message"]
    assert "release-deletions" in held["message"]
    found = tenant.explain("time-entries", shift_id)
    assert found["conclusion"]["code"] == "deletion-held"
    assert "59 others" in found["conclusion"]["cause"]
    assert found["conclusion"]["next_step"]["command"].startswith("protiv-buildertrend release-deletions")
    assert "60 time-entries" in tenant.ask("release-deletions", "--dry-run")["message"]
    released = tenant.ask("release-deletions")
    # With the shifts go the cost codes that only they named.
    assert released["counts"]["deleted"] >= 60
    eventually(lambda: tenant.code("time-entries", shift_id) == "deleted", what="the deletion")
    assert tenant.ask("release-deletions")["message"] == "No deletion is held."
