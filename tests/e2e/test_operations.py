"""What an operator is told to type and to watch: every command of the runbooks runs, every metric is there, live."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import psycopg
import pytest

from reports.company_status import STATES
from schemas.entities import ENTITIES
from tests.e2e.fix_operators import Tenant, TenantMaker
from tests.fix_demo import COMPANY, Demo, eventually
from tests.unit.producers.check.fix_recordings import everything, written
from tests.unit.project.metrics import MODULES, own_metrics, series_of
from tests.unit.project.test_operations import ALERTS, RUNBOOKS, SHOWN, commands_in

# Asked for a password and a username, which runbooks leave to whoever types.
_SIGN_IN = ["--username=somebody", "--password-stdin"]
# These say by their exit code how they found things.
_MAY_FIND = {"doctor", "reconcile", "source"}
_SEEN: dict[str, int] = {}


@pytest.fixture(scope="module")
def trodden(new_tenant: TenantMaker) -> Tenant:
    """A company that the runbooks' commands are tried on."""
    made = new_tenant()
    assert made.connect()[0] == 0
    return made


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_runbook_commands_run(demo: Demo, trodden: Tenant, page: Path, tmp_path: Path) -> None:
    names = {"COMPANY": trodden.company_id, "ENTITY": "time-entries", "ID": "1", "COMMAND_ID": "0"}
    names |= {"CAPTURE.har": str(written(tmp_path, everything())), "SHAPE.json": str(tmp_path / "shape.json")}
    for words in commands_in(page.read_text()):
        arguments = [names.get(word, word) for word in words[1:]]
        line = shlex.join(arguments)
        if line in _SEEN and arguments[0] not in ("pause", "resume"):
            # Pages share commands; each is run once, save for those that undo one another.
            continue
        if arguments[0] == "connect":
            arguments += _SIGN_IN
        # Commands have the console's role; setup is the owner's.
        owner = {"DATABASE_URL": demo.addresses["database"]} if arguments[0] == "setup" else {}
        done = demo.cli(*arguments, stdin="not-the-password\n", **owner)
        _SEEN[line] = done.returncode
        assert "Traceback" not in done.stderr
        if arguments[0] == "connect":
            assert "Buildertrend did not accept this username or password." in done.stdout
            profile = trodden.sandbox.company
            trodden.connect(username=profile["username"], password=profile["password"])
        else:
            assert done.returncode == 0 or (arguments[0] in _MAY_FIND and done.returncode == 1), (
                done.stdout + done.stderr
            )


def test_doctor_of_the_demo_finds_everything_well(demo: Demo) -> None:
    done = demo.cli("doctor", "--json")
    shown = json.loads(done.stdout)
    assert shown["healthy"], shown
    assert {one["name"] for one in shown["checks"]} == {
        "settings",
        "broker",
        "topics",
        "registry",
        "schemas",
        "services",
        "keys",
        "source",
        "database",
        "migrations",
        "roles",
        "clock",
    }


def exposed(demo: Demo) -> str:
    return "".join(demo.http.get(url).text for url in demo.addresses["metrics"].values())


def test_every_metric_of_dashboard_and_alerts_is_exposed_by_a_running_process(demo: Demo, trodden: Tenant) -> None:
    text = exposed(demo)
    named = {one._name for one in own_metrics()}
    assert {name for name in named if f"# TYPE {name}" not in text} == set()
    told = {
        name
        for _, expression in [*SHOWN, *((r["alert"], r["expr"]) for r in ALERTS)]
        for name, _ in series_of(expression)
    }
    assert {name for name in told if f"# TYPE {name.removesuffix('_bucket')} " not in text} == {"up"}
    # Each process has its own; those of core are of whichever process uses them.
    owners = {module.__name__.partition(".")[0] for module in MODULES} - {"core"}
    assert len(owners) == len(demo.addresses["metrics"])


def test_poller_metrics_tell_what_was_done(demo: Demo, trodden: Tenant) -> None:
    trodden.ask("sync")

    def told() -> bool:
        text = demo.http.get(demo.addresses["metrics"]["poller"]).text
        return all(
            part in text
            for part in (
                'protiv_poller_runs_total{read="initial",state="completed"}',
                'protiv_poller_records_total{entity="time-entries",outcome="read"}',
                'protiv_poller_source_answers_total{status="2xx"}',
                'protiv_poller_commands_total{outcome="completed",type="sync"}',
                'protiv_poller_connections{state="connected"}',
                'protiv_poller_freshness_seconds{entity="jobs"}',
                "protiv_poller_overdue_seconds",
            )
        )

    eventually(told, what="the poller's metrics")


@pytest.mark.parametrize("process", ["poller", "streams", "sink", "console"])
def test_every_process_answers_health_and_readiness(demo: Demo, process: str) -> None:
    base = demo.addresses["metrics"][process].removesuffix("/metrics")
    assert demo.http.get(f"{base}/health").status_code == 200
    assert demo.http.get(f"{base}/ready").status_code == 200


def test_status_json_tells_of_each_entity_who_has_to_act_and_how_far_the_stages_are(demo: Demo) -> None:
    shown = json.loads(demo.cli("status", COMPANY, "--json").stdout)
    (company,) = shown["companies"]
    assert company["state"] in STATES
    assert company["to_do"]["who"]
    assert set(company["entities"]) == {entity.name for entity in ENTITIES}
    for entity in company["entities"].values():
        assert entity["state"] in STATES
        assert entity["complete_through"]
        assert {"published", "stored", "held", "dead_letters"} <= entity.keys()
    assert company["lag"] == {"streams": 0, "sink": 0}
    assert set(shown["lag"]) == {"streams", "sink"}
    assert shown["sink_waits"] is None


def test_status_says_why_the_sink_waits_and_since_when(demo: Demo, trodden: Tenant) -> None:
    shift = trodden.sandbox.listed("shifts", limit=1)[0]
    with psycopg.connect(demo.addresses["database"]) as holder:
        # As a long report or a dump of the table does: it may be read, not written.
        holder.execute("LOCK protiv.time_entries IN SHARE MODE")
        trodden.sandbox.edit_shift(shift["id"], notes="behind a lock")
        demo.cli("sync", trodden.company_id)
        eventually(lambda: "LockNotAvailable" in str(_sink_waits(demo)), what="the reason in status --json")
        assert "The sink has been waiting since" in demo.cli("status").stdout
    eventually(lambda: _sink_waits(demo) is None, what="the end of the wait")


def _sink_waits(demo: Demo) -> str | None:
    told: str | None = json.loads(demo.cli("status", "--json").stdout)["sink_waits"]
    return told


def test_reconcile_finds_what_is_missing_and_repairs_exactly_that(demo: Demo, trodden: Tenant) -> None:
    row = demo.rows(
        "DELETE FROM protiv.time_entries WHERE company_id = %s AND time_entry_id = (SELECT min(time_entry_id)"
        " FROM protiv.current_time_entries WHERE company_id = %s) RETURNING time_entry_id, work_date",
        trodden.company_id,
        trodden.company_id,
    )
    ((entry_id, day),) = row
    done = demo.cli("reconcile", trodden.company_id, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    (missing,) = found["entities"]["time-entries"]["differences"]
    assert (missing["kind"], missing["between"], missing["entity_id"]) == ("missing", ["canonical", "table"], entry_id)
    (wanted,) = found["repairs"]
    assert wanted["from_day"] <= day.isoformat() <= wanted["to_day"]
    repaired = demo.cli("reconcile", trodden.company_id, "--repair", "--wait", "--json")
    assert repaired.returncode == 0, repaired.stderr
    (command,) = json.loads(repaired.stdout)["commands"]
    assert command["type"] == "completed"

    def back() -> bool:
        return demo.cli("reconcile", trodden.company_id).returncode == 0

    eventually(back, what="the row that was read again")
