"""One suite on the simulated source in this process and on a server of its own: all that the adapter reads."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.testclient import TestClient

from core.clock import SystemClock
from producers.buildertrend.account import Account
from producers.buildertrend.client import HttpClient, Limits
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.reads.plan import ALL_JOBS, NoMemory, Scope, planned_reads
from producers.buildertrend.sign_in import Hosts, SignInDetails
from sandbox.client import SandboxControl, Sender
from schemas.faults import BLOCKED, MFA_REQUIRED, WRONG_CREDENTIALS
from tests.fakes import MemorySessions
from tests.fix_source import SOURCE_URL, InProcessSource, own_seed


@dataclass(frozen=True, slots=True)
class Site:
    """Where the source is, a client that reaches it, and its control."""

    url: str
    http: httpx.Client
    control: SandboxControl
    sessions: MemorySessions = field(default_factory=MemorySessions)

    def account(self, **typed: str) -> Account:
        profile = self.control.company
        details = SignInDetails(**({name: profile[name] for name in ("username", "password")} | typed))
        client = HttpClient(self.http, SystemClock(), Limits(gap_ms=0, first_backoff_s=0.01), threading.Event())
        return Account(client, hosts=Hosts(self.url, self.url), details=lambda: details, sessions=self.sessions)


@pytest.fixture(scope="module", params=["in-process", "server"])
def reached(request: pytest.FixtureRequest) -> Iterator[tuple[str, httpx.Client, Sender]]:
    if request.param == "in-process":
        source: TestClient = request.getfixturevalue("sandbox_client")
        with httpx.Client(transport=InProcessSource(source)) as http:
            yield SOURCE_URL, http, source
        return
    command = [sys.executable, "-m", "sandbox", "--seed", "1", "--jobs", "2", "--shifts", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, httpx.Client(timeout=20) as http:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"], http, http
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture
def site(reached: tuple[str, httpx.Client, Sender], request: pytest.FixtureRequest) -> Site:
    url, http, sender = reached
    control = SandboxControl(url, sender=sender).create_company(
        seed=own_seed(request), jobs=8, shifts=250, anchor_date="2026-06-17"
    )
    control.set_switches(latency_ms=0)
    return Site(url, http, control)


def ids(account: Account) -> dict[str, set[str]]:
    """Ids of every record that a whole read shows, by entity."""
    found: dict[str, set[str]] = {}
    for read in planned_reads(account, Scope(ALL_JOBS, None), NoMemory()):
        shown = {row.entity_id for page in read.pages() for row in page.rows}
        found[read.entity.name] = found.get(read.entity.name, set()) | shown
    return found


def test_whole_read_shows_every_record_of_the_source(site: Site) -> None:
    found = ids(site.account())
    control = site.control
    assert found["jobs"] == {str(job["id"]) for job in control.listed("jobs", limit=1000)}
    assert found["users"] == {str(user["id"]) for user in control.listed("users", limit=1000)}
    assert found["time-entries"] == {str(shift["id"]) for shift in control.listed("shifts", limit=1000)}
    lines = control.listed("budget-lines", limit=1000)
    assert found["budgets"] == {f"{line['job_id']}:{line['cost_code_id']}" for line in lines}
    listed = {str(code["id"]) for code in control.listed("cost-codes", limit=1000)}
    # "Buildertrend Flat Rate" stands in no list: shifts alone name it (C2, T7).
    assert listed <= found["cost-codes"]
    assert len(found["cost-codes"] - listed) <= 1


def test_identity_is_the_companys(site: Site) -> None:
    profile = site.control.company
    identity = site.account().identity()
    assert (identity.builder_id, identity.builder_name) == (str(profile["builder_id"]), profile["name"])


def test_kept_session_needs_no_sign_in(site: Site) -> None:
    site.account().identity()
    site.account(password="not asked for").identity()
    assert site.control.counters()["sign_ins"] == {"successful": 1, "failed": 0}


@pytest.mark.parametrize("signal", ["relogin", "401", "302", "html"])
def test_session_that_ends_on_the_way_loses_no_record(site: Site, signal: str) -> None:
    whole = ids(site.account())
    site.control.set_switches(session_end_signal=signal, session_calls=5)
    site.control.end_sessions()
    assert ids(site.account()) == whole


@pytest.mark.parametrize(
    ("switches", "password", "fault", "attempts"),
    [
        ({}, "wrong", WRONG_CREDENTIALS, 1),
        ({}, " wrong", WRONG_CREDENTIALS, 2),
        ({"sign_in": "mfa"}, None, MFA_REQUIRED, 1),
        ({"sign_in": "blocked"}, None, BLOCKED, 1),
    ],
)
def test_sign_in_that_is_refused_costs_exactly_its_attempts(
    site: Site, switches: dict[str, str], password: str | None, fault: object, attempts: int
) -> None:
    site.control.set_switches(**switches)
    typed = {} if password is None else {"password": password}
    with pytest.raises(SourceFaultError) as caught:
        site.account(**typed).identity()
    assert caught.value.fault is fault
    assert site.control.counters()["sign_ins"] == {"successful": 0, "failed": attempts}
