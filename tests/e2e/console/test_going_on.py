"""A sync while it goes on and what somebody does to a connection, in real browsers and through restarts."""

from __future__ import annotations

import re
import signal
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from cli.connect import Entered, store
from sandbox.client import SandboxControl
from tests.e2e.console.conftest import Visiting
from tests.e2e.console.fix_browser import Visitor
from tests.e2e.console.fix_world import PASSWORD, World, eventually

ENDED = re.compile("done|refused|failed|stopped")


def connected(world: World, company_id: str, source: SandboxControl) -> None:
    """Connect without a browser; the schedule begins at once."""
    profile = source.company
    store(world.settings, Entered(company_id, profile["username"], profile["password"], profile["time_zone"]))
    world.run("UPDATE integration.connections SET next_due_at = now() WHERE company_id = %s", company_id)


def is_done(world: World, company_id: str) -> bool:
    done = world.rows(
        "SELECT 1 FROM integration.connections WHERE company_id = %s AND initial_done_at IS NOT NULL", company_id
    )
    return bool(done)


def at_buildertrend(visiting: Visiting, world: World, company_id: str, **options: object) -> Visitor:
    visitor = visiting(**options)
    visitor.sign_in(world.add_user("admin", company_id))
    visitor.open(f"/c/{company_id}/buildertrend")
    return visitor


def slow_source(world: World, *, shifts: int = 1500) -> SandboxControl:
    source = world.new_source(shifts=shifts, jobs=6)
    source.set_switches(latency_ms=1200)
    return source


def reading(page: Page) -> None:
    expect(page.locator("#reading-time-entries.reading, #reading-time-entries.done")).to_be_visible(timeout=30_000)


def test_two_browsers_and_a_late_one_see_the_same_run(visiting: Visiting, world: World, company_id: str) -> None:
    source = slow_source(world)
    one = at_buildertrend(visiting, world, company_id, suffix="-one")
    two = at_buildertrend(visiting, world, company_id, suffix="-two")
    late = visiting(suffix="-late", java_script_enabled=False)
    late.sign_in(world.add_user("viewer", company_id))
    connected(world, company_id, source)
    for visitor in (one, two):
        visitor.page.reload()
        reading(visitor.page)
    # One that comes later is right before anything was told to it.
    late.open(f"/c/{company_id}/buildertrend")
    assert late.page.locator("#progress").count() == 1
    assert "First sync" in late.page.locator("#progress").inner_text()
    one.accessible()
    one.picture("progress")
    source.set_switches(latency_ms=500)
    for visitor in (one, two):
        expect(visitor.page.locator("#reading-time-entries")).to_contain_text("1,500 read", timeout=60_000)
    source.set_switches(latency_ms=0)
    for visitor in (one, two):
        expect(visitor.page.locator("#live")).to_have_attribute("data-state", "connected", timeout=60_000)
        expect(visitor.page.locator("#tile-time-entries .figure")).to_have_text("1,500", timeout=60_000)
    assert one.page.locator("#runs").inner_text() == two.page.locator("#runs").inner_text()


def test_restart_of_the_console_in_a_run_shows_the_truth(visiting: Visiting, world: World, company_id: str) -> None:
    source = slow_source(world)
    connected(world, company_id, source)
    visitor = at_buildertrend(visiting, world, company_id, expected={503})
    reading(visitor.page)
    world.end("console", signal.SIGKILL)
    expect(visitor.page.locator("#lost")).to_be_visible(timeout=30_000)
    visitor.picture("away")
    world.start("console")
    world.wait_for("console")
    expect(visitor.page.locator("#lost")).to_be_hidden(timeout=30_000)
    expect(visitor.page.locator("#progress")).to_contain_text("First sync")
    source.set_switches(latency_ms=0)
    expect(visitor.page.locator("#live")).to_have_attribute("data-state", "connected", timeout=60_000)
    # Browsers say of a connection that was refused that it was; that is what this test did.
    visitor.troubles[:] = [one for one in visitor.troubles if "ERR_CONNECTION" not in one and "ERR_EMPTY" not in one]


def test_restart_of_the_poller_in_a_run_shows_the_truth(visiting: Visiting, world: World, company_id: str) -> None:
    source = slow_source(world)
    connected(world, company_id, source)
    visitor = at_buildertrend(visiting, world, company_id)
    reading(visitor.page)
    world.end("poller", signal.SIGKILL)
    # As half a minute later, when its lease is over.
    world.run("UPDATE integration.connections SET lease_expires_at = now() WHERE company_id = %s", company_id)
    expect(visitor.page.locator("#notice")).to_contain_text("The sync was interrupted", timeout=30_000)
    visitor.accessible()
    visitor.picture("interrupted")
    world.start("poller")
    source.set_switches(latency_ms=0)
    expect(visitor.page.locator("#live")).to_have_attribute("data-state", "connected", timeout=60_000)
    expect(visitor.page.locator("#tile-time-entries .figure")).to_have_text("1,500", timeout=60_000)


def test_sync_now_brings_a_new_shift_while_the_page_is_open(visiting: Visiting, world: World, company_id: str) -> None:
    source = world.new_source(shifts=40)
    connected(world, company_id, source)
    eventually(lambda: is_done(world, company_id), "the first sync")
    visitor = at_buildertrend(visiting, world, company_id)
    page = visitor.page
    expect(page.locator("#tile-time-entries .figure")).to_have_text("40", timeout=60_000)
    shift = source.listed("shifts", limit=1)[0]
    source.add_shift(job_id=shift["job_id"], user_id=shift["user_id"], time_in=shift["time_in"])
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator("#asked")).to_contain_text("Sync now: done", timeout=60_000)
    expect(page.locator("#tile-time-entries .figure")).to_have_text("41", timeout=60_000)
    visitor.picture("done")
    page.get_by_role("link", name="History").first.click()
    page.get_by_label("Kind").select_option("recent")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Recent changes").click()
    expect(page.get_by_text("Asked for by")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Time entries")
    expect(row).to_contain_text("1")
    visitor.picture("run")


def test_held_deletions_are_looked_at_and_released(visiting: Visiting, world: World, company_id: str) -> None:
    source = world.new_source(shifts=90)
    connected(world, company_id, source)
    eventually(lambda: is_done(world, company_id), "the first sync")
    visitor = at_buildertrend(visiting, world, company_id)
    page = visitor.page
    expect(page.locator("#tile-time-entries .figure")).to_have_text("90", timeout=60_000)
    for shift in source.listed("shifts", limit=30):
        source.delete_shift(shift["id"])
    page.get_by_role("button", name="Read everything again").click()
    expect(page.locator("#attention")).to_contain_text("30 time entries are no longer shown", timeout=60_000)
    visitor.accessible()
    visitor.picture("held")
    page.get_by_role("link", name="Review them").click()
    expect(page.locator("tbody tr")).to_have_count(30)
    visitor.accessible()
    visitor.picture("list")
    assert world.rows("SELECT count(*) FROM protiv.current_time_entries WHERE company_id = %s", company_id) == [(90,)]
    page.get_by_role("button", name="Release").click()
    expect(page.locator("#asked")).to_contain_text(ENDED, timeout=60_000)
    visitor.picture("released")
    (asked,) = world.rows(
        "SELECT type, body->>'requested_by' LIKE 'console:admin-%%' FROM integration.commands"
        " WHERE company_id = %s AND type = 'release-deletions'"
        " UNION ALL SELECT action, who LIKE 'admin-%%' FROM integration.audit"
        " WHERE company_id = %s AND action = 'release-deletions' LIMIT 1",
        company_id,
        company_id,
    )
    assert asked == ("release-deletions", True)


@pytest.mark.parametrize("what", ["pause", "disconnect"])
def test_pause_and_disconnect_say_what_became_of_them(
    visiting: Visiting, world: World, company_id: str, what: str
) -> None:
    source = world.new_source(shifts=20)
    connected(world, company_id, source)
    eventually(lambda: is_done(world, company_id), "the first sync")
    visitor = at_buildertrend(visiting, world, company_id)
    page = visitor.page
    page.get_by_role("link", name=what.capitalize()).click()
    visitor.accessible()
    visitor.picture("asks")
    if what == "pause":
        page.get_by_label("Why").fill("New bookkeeper until Friday")
    page.get_by_role("button", name=what.capitalize()).click()
    expect(page.locator("#asked")).to_contain_text(ENDED, timeout=60_000)
    visitor.picture("answered")
    page.get_by_role("link", name="Audit").click()
    expect(page.locator("tbody tr").first).to_contain_text("Paused" if what == "pause" else "Disconnected")
    if what == "pause":
        expect(page.locator("tbody tr").first).to_contain_text("New bookkeeper until Friday")
    visitor.picture("audit")


def test_session_of_the_console_that_ends_leads_to_the_sign_in_and_back(
    visiting: Visiting, world: World, company_id: str
) -> None:
    visitor = at_buildertrend(visiting, world, company_id, expected={401})
    old = timedelta(hours=9)
    world.run("UPDATE integration.console_sessions SET seen_at = now() - %s", old)
    visitor.page.reload()
    expect(visitor.page).to_have_url(re.compile(r"/sign-in\?next="))
    email = world.add_user("admin", company_id, PASSWORD)
    visitor.page.get_by_label("E-mail").fill(email)
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Sign in").click()
    expect(visitor.page).to_have_url(f"{world.address}/c/{company_id}/buildertrend")
