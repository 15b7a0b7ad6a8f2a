"""Connect in a real browser against the sandbox: what an admin sees and does, and what is then in Protiv."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sandbox.client import SandboxControl
from tests.e2e.console.conftest import Visiting
from tests.e2e.console.fix_browser import Visitor
from tests.e2e.console.fix_world import World, eventually

AUTHENTICATE = "Authenticate"


def admin_at(visiting: Visiting, world: World, company_id: str, **options: Any) -> Visitor:
    """An admin of the company, signed in, on its integrations."""
    admin = visiting(**options)
    admin.sign_in(world.add_user("admin", company_id))
    return admin


def open_connect(page: Page) -> None:
    page.get_by_role("link", name="Connect", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def enter(page: Page, username: str, password: str) -> None:
    page.get_by_label("Buildertrend username").fill(username)
    page.get_by_label("Buildertrend password").fill(password)


def connect(admin: Visitor, source: SandboxControl, **changes: str) -> None:
    """Through the dialog, with what the source knows unless it is changed."""
    open_connect(admin.page)
    values = {**source.company, **changes}
    enter(admin.page, values["username"], values["password"])
    admin.page.get_by_role("button", name=AUTHENTICATE).click()


def outcome(page: Page, name: str) -> None:
    expect(page.locator(f"[data-outcome={name}]")).to_be_visible(timeout=30_000)


def test_connect_by_keyboard_alone_until_hours_are_in_protiv(visiting: Visiting, world: World, company_id: str) -> None:
    source = world.new_source(name="Tighe Builders")
    admin = admin_at(visiting, world, company_id)
    page = admin.page
    admin.picture("not-connected")
    link = page.get_by_role("link", name="Connect", exact=True)
    for _ in range(12):
        page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            break
    page.keyboard.press("Enter")
    username = page.get_by_label("Buildertrend username")
    expect(username).to_be_focused()
    admin.picture("dialog")
    admin.accessible()
    page.keyboard.type(source.company["username"])
    page.keyboard.press("Tab")
    page.keyboard.type(source.company["password"])
    assert page.get_by_label("Time zone of the company").input_value() == "America/Denver"
    expect(page.get_by_text("Taken from this device")).to_be_visible()
    page.keyboard.press("Enter")
    outcome(page, "connected")
    expect(page.get_by_role("dialog").get_by_role("heading", name="Connected", exact=True)).to_be_focused()
    admin.accessible()
    admin.picture("connected")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/buildertrend")
    expect(page.locator("#live")).to_have_attribute("data-state", "connected", timeout=60_000)
    shifts = page.locator("#tile-time-entries .figure")
    expect(shifts).to_have_text("120", timeout=60_000)
    expect(page.locator("#tile-time-entries")).to_contain_text("Complete", timeout=30_000)
    admin.accessible()
    admin.picture("first-sync-done")
    stored = world.rows("SELECT count(*) FROM protiv.current_time_entries WHERE company_id = %s", company_id)
    assert stored == [(120,)]


def test_connect_works_without_javascript(visiting: Visiting, world: World, company_id: str) -> None:
    source = world.new_source()
    admin = admin_at(visiting, world, company_id, java_script_enabled=False)
    page = admin.page
    page.get_by_role("link", name="Connect", exact=True).click()
    enter(page, source.company["username"], source.company["password"])
    page.get_by_label("Time zone of the company").select_option("America/Chicago")
    admin.picture("form")
    page.get_by_role("button", name=AUTHENTICATE).click()
    # The page reloads itself until it is done.
    outcome(page, "connected")
    admin.picture("connected")
    page.get_by_role("link", name="See the first sync").click()
    expect(page.locator("#live")).to_have_attribute("data-state", "connected", timeout=60_000)
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator("#asked")).to_contain_text("done", timeout=60_000)
    assert world.rows("SELECT time_zone FROM integration.connections WHERE company_id = %s", company_id) == [
        ("America/Chicago",)
    ]


def test_connect_with_a_wrong_password_says_so_in_place_and_tries_it_once(
    visiting: Visiting, world: World, company_id: str
) -> None:
    source = world.new_source()
    admin = admin_at(visiting, world, company_id)
    page = admin.page
    connect(admin, source, password="not the password")
    outcome(page, "failed")
    field = page.get_by_label("Buildertrend password")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("")
    expect(page.locator("#password-problem")).to_have_text(
        "Buildertrend did not accept this username or password. Check for extra spaces before or after."
    )
    admin.accessible()
    admin.picture("refused")
    assert source.counters()["sign_ins"] == {"successful": 0, "failed": 1}
    enter(page, source.company["username"], source.company["password"])
    page.get_by_role("button", name=AUTHENTICATE).click()
    outcome(page, "connected")


def test_connect_notices_spaces_and_says_what_became_of_them(visiting: Visiting, world: World, company_id: str) -> None:
    source = world.new_source()
    admin = admin_at(visiting, world, company_id)
    page = admin.page
    open_connect(page)
    enter(page, f" {source.company['username']} ", f"{source.company['password']} ")
    expect(page.get_by_text("Spaces around the username are removed.")).to_be_visible()
    expect(page.get_by_text("This password begins or ends with a space.")).to_be_visible()
    admin.picture("noticed")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Buildertrend password")).to_have_attribute("type", "text")
    page.get_by_role("button", name=AUTHENTICATE).click()
    outcome(page, "connected")
    (stored,) = world.rows("SELECT username, hint FROM integration.connections WHERE company_id = %s", company_id)
    assert stored[0] == source.company["username"]
    page.get_by_role("link", name="See the first sync").click()
    expect(page.locator("#hint")).to_contain_text("without the spaces")
    admin.picture("hint")


@pytest.mark.parametrize(
    ("switch", "told", "offers"),
    [
        ("mfa", "Buildertrend asks this user for a second factor.", "Use a Buildertrend user created for this"),
        ("blocked", "Buildertrend blocked the automatic sign-in.", "Contact Protiv support and give this reference:"),
    ],
    ids=["mfa", "blocked"],
)
def test_connect_refused_by_buildertrend_says_what_to_do(
    visiting: Visiting, world: World, company_id: str, switch: str, told: str, offers: str
) -> None:
    source = world.new_source()
    source.set_switches(sign_in=switch)
    admin = admin_at(visiting, world, company_id)
    connect(admin, source)
    outcome(admin.page, "failed")
    panel = admin.page.locator("[data-panel]")
    expect(panel).to_contain_text(told)
    expect(panel).to_contain_text(offers)
    admin.accessible()
    admin.picture("refused")
    admin.page.keyboard.press("Escape")
    expect(admin.page.locator("#live")).to_have_attribute("data-state", "needs-attention")
    admin.picture("card")


def test_connect_while_buildertrend_is_down_goes_on_by_itself(
    visiting: Visiting, world: World, company_id: str
) -> None:
    source = world.new_source()
    source.set_switches(fail_next=[{"path_contains": "GlobalInfo", "status": 503, "times": 50}])
    admin = admin_at(visiting, world, company_id)
    connect(admin, source)
    outcome(admin.page, "trying")
    expect(admin.page.locator("[data-panel]")).to_contain_text("Buildertrend does not answer")
    admin.accessible()
    admin.picture("trying")
    source.set_switches(fail_next=[])
    world.run("UPDATE integration.connections SET next_due_at = now() WHERE company_id = %s", company_id)
    outcome(admin.page, "connected")


def test_session_that_ends_in_the_middle_is_nobodys_business(visiting: Visiting, world: World, company_id: str) -> None:
    source = world.new_source(shifts=500)
    source.set_switches(session_calls=6)
    admin = admin_at(visiting, world, company_id)
    connect(admin, source)
    outcome(admin.page, "connected")
    admin.page.get_by_role("link", name="See the first sync").click()
    expect(admin.page.locator("#tile-time-entries .figure")).to_have_text("500", timeout=60_000)
    assert source.counters()["sign_ins"]["successful"] > 1


def test_connect_with_wrong_fields_says_which_and_stores_nothing(
    visiting: Visiting, world: World, company_id: str
) -> None:
    admin = admin_at(visiting, world, company_id, expected={422}, timezone_id="UTC")
    page = admin.page
    open_connect(page)
    page.locator("form[data-connect]").evaluate("form => { form.noValidate = true; }")
    page.get_by_label("Buildertrend username").fill("ana")
    page.get_by_role("button", name=AUTHENTICATE).click()
    expect(page.locator("#password-problem")).to_contain_text("Enter the Buildertrend password.")
    expect(page.locator("#time_zone-problem")).to_contain_text("Choose the company’s time zone.")
    expect(page.get_by_label("Buildertrend username")).to_have_value("ana")
    admin.picture("fields")
    assert world.rows("SELECT 1 FROM integration.connections WHERE company_id = %s", company_id) == []


def test_reconnect_to_another_account_wants_a_confirmation_that_names_both(
    visiting: Visiting, world: World, company_id: str
) -> None:
    before = world.new_source(name="Tighe Builders", shifts=60)
    after = world.new_source(name="Harbor & Sons <Remodeling>", shifts=40)
    admin = admin_at(visiting, world, company_id)
    page = admin.page
    connect(admin, before)
    outcome(page, "connected")
    page.get_by_role("link", name="See the first sync").click()
    expect(page.locator("#tile-time-entries .figure")).to_have_text("60", timeout=60_000)
    expect(page.locator("#live")).to_have_attribute("data-state", "connected", timeout=30_000)
    page.get_by_role("link", name="Reconnect").click()
    expect(page.get_by_role("dialog")).to_contain_text("Tighe Builders")
    enter(page, after.company["username"], after.company["password"])
    page.get_by_role("button", name=AUTHENTICATE).click()
    outcome(page, "another-account")
    admin.accessible()
    admin.picture("another")
    page.get_by_role("dialog").get_by_role("link", name="Review the change").click()
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("Connected before")
    expect(panel).to_contain_text("Tighe Builders")
    expect(panel).to_contain_text("Harbor & Sons <Remodeling>")
    admin.accessible()
    admin.picture("confirm")
    stored = "SELECT count(*) FROM protiv.current_time_entries WHERE company_id = %s"
    assert world.rows(stored, company_id) == [(60,)]
    page.get_by_role("button", name="Change to Harbor & Sons <Remodeling>").click()
    outcome(page, "connected")
    page.get_by_role("link", name="See the first sync").click()
    expect(page.locator("#tile-time-entries .figure")).to_have_text("100", timeout=60_000)
    # The records of before are held, not gone.
    expect(page.locator("#attention")).to_contain_text("their deletion is held", timeout=60_000)
    admin.picture("after")
    eventually(lambda: world.rows(stored, company_id) == [(100,)], "both accounts' shifts are in Protiv")
    assert confirmed_changes(world, company_id) == [("Tighe Builders", "Harbor & Sons <Remodeling>")]


def confirmed_changes(world: World, company_id: str) -> list[tuple[Any, ...]]:
    """The accounts before and after of each confirmation in the audit."""
    return world.rows(
        "SELECT detail->>'before', detail->>'after' FROM integration.audit"
        " WHERE company_id = %s AND action = 'confirm-account'",
        company_id,
    )
