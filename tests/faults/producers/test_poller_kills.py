"""The poller is killed, paused and asked to end in the middle of reads: the topics end as if nothing had been."""

from __future__ import annotations

import random
import signal
import subprocess
from typing import Any

import pytest

from schemas.entities import ENTITIES
from tests import factories
from tests.integration.producers.fix_site import Site
from tests.integration.producers.fix_topics import eventually
from tests.soak import rounds

KILLS = rounds(usual=6, soak=50)
GRID = "/api/TimeClock/Grid"


def requests(site: Site) -> dict[str, int]:
    counted: dict[str, int] = site.sandbox.counters()["requests"]
    return counted


def wait_for_requests(site: Site, poller: subprocess.Popen[bytes], number: int) -> None:
    """Until that many requests more were answered, or the first read is done."""
    wanted = sum(requests(site).values()) + number
    eventually(
        lambda: sum(requests(site).values()) >= wanted or site.initial_is_done() or poller.poll() is not None,
        what="requests of the poller",
    )


def afters(site: Site, company_id: str) -> dict[str, dict[str, Any]]:
    """What the topics say in the end, without what differs from run to run."""
    return {
        entity.name: {key: change["after"] for key, change in site.folded(entity.name, company_id).items()}
        for entity in ENTITIES
    }


def read_undisturbed(site: Site) -> tuple[str, dict[str, int]]:
    """Another company of the same account, read in peace: its id and the requests that took."""
    other = factories.company_id()
    site.connect(as_company=other)
    poller = site.start_poller()
    site.send_for(other)
    eventually(lambda: site.initial_is_done(other), what="the undisturbed read")
    poller.terminate()
    assert poller.wait(30) == 0
    counted = requests(site)
    site.sandbox.reset_counters()
    return other, counted


@pytest.mark.timeout(rounds(usual=600, soak=1800))
@pytest.mark.company(jobs=40, shifts=4000)
def test_poller_killed_at_random_moments_ends_as_an_undisturbed_one_and_reads_two_pages_again_at_most(
    site: Site,
) -> None:
    other, in_peace = read_undisturbed(site)
    site.sandbox.set_switches(latency_ms=30)
    site.connect()
    site.send()
    chance = random.Random(20_261_124)
    killed = 0
    for _ in range(KILLS):
        poller = site.start_poller()
        wait_for_requests(site, poller, chance.randint(1, 8))
        if site.initial_is_done():
            poller.terminate()
            break
        poller.kill()
        poller.wait(20)
        killed += 1
        site.expire_leases()
    site.sandbox.set_switches(latency_ms=0)
    site.start_poller()
    eventually(site.initial_is_done, what="the end of the first read")
    assert killed >= min(KILLS, 20)
    assert afters(site, site.company_id) == afters(site, other)
    counted = requests(site)
    assert counted[GRID] <= in_peace[GRID] + 2 * killed
    for path in counted.keys() - {"/api/AccountInfo/GlobalInfo", "/api/Login/AjaxLogin", GRID}:
        assert counted[path] <= in_peace[path] + 2 * killed, path


@pytest.mark.company(jobs=10, shifts=2000)
def test_poller_that_was_paused_and_wakes_behind_its_successor_writes_nothing(site: Site) -> None:
    site.sandbox.set_switches(latency_ms=100)
    site.connect()
    site.send()
    paused = site.start_poller()
    eventually(lambda: len(site.folded("time-entries")) >= 400, what="pages of shifts")
    paused.send_signal(signal.SIGSTOP)
    site.sandbox.set_switches(latency_ms=0)
    site.expire_leases()
    site.start_poller()
    eventually(site.initial_is_done, what="the successor's read")
    before = [record["version"] for entity in ENTITIES for record in site.folded(entity.name).values()]
    paused.send_signal(signal.SIGCONT)
    eventually(lambda: b"connection_taken_over" in site.log.read_bytes(), what="the word of the one that was fenced")
    after = [record["version"] for entity in ENTITIES for record in site.folded(entity.name).values()]
    assert after == before


@pytest.mark.company(jobs=10, shifts=2000)
def test_poller_that_is_asked_to_end_hands_over_at_once(site: Site) -> None:
    """Without a wait for the lease: it is given back."""
    site.sandbox.set_switches(latency_ms=100)
    site.connect()
    command_id = site.send()
    first = site.start_poller()
    eventually(lambda: len(site.folded("time-entries")) >= 400, what="pages of shifts")
    first.terminate()
    assert first.wait(30) == 0
    with site.database.transaction() as tx:
        row = tx.execute("SELECT lease_owner, lease_expires_at < now() FROM integration.connections").fetchone()
    assert row == (None, True)
    pages = requests(site)[GRID]
    site.sandbox.set_switches(latency_ms=0)
    site.start_poller()
    assert site.answer(command_id)["type"] == "completed"
    assert requests(site)[GRID] <= pages + 10 + 1
    assert len({event["run_id"] for event in site.events(command_id) if event["run_id"]}) == 1
