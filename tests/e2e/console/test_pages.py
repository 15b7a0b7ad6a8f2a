"""Every page in every state as it looks: light, dark and on a phone, each looked through by axe-core and kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from playwright.sync_api import expect

from core.kafka.config import producer_config
from core.topics import partition_for
from tests.e2e.console.conftest import Visiting
from tests.e2e.console.fix_browser import Visitor
from tests.e2e.console.fix_world import PASSWORD, World, eventually
from tests.e2e.console.pages import PAGES
from tests.e2e.console.test_going_on import connected, is_done

LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 375, "height": 800}, "device_scale_factor": 2},
}
STATE_NAMES = {name: name for name in ("connecting", "paused", "disconnected")}
MISSING = "/c/{company}/buildertrend/runs/nothing"
# What a connection is like in each state.
CALM = "fault = NULL, message = NULL, next_due_at = now() + interval '1 hour'"
STATES = {
    "connecting": "state = 'connecting'",
    "connected": "state = 'connected'",
    "wrong-credentials": "state = 'needs-attention', fault = 'wrong-credentials', message = 'Not accepted.'",
    "source-changed": "state = 'connected', fault = 'source-changed', message = 'Something changed.'",
    "unavailable": "state = 'connected', fault = 'source-unavailable', message = 'It does not answer.'",
    "paused": "state = 'paused', paused_by = 'dana@protiv.example', paused_reason = 'Holidays', paused_at = now()",
    "disconnected": "state = 'disconnected'",
    "late": "state = 'connected', next_due_at = now() - interval '1 hour'",
}


@dataclass(frozen=True)
class Furnished:
    """A company with something on every page. `names` fill the addresses."""

    operator: str
    names: dict[str, str]

    def path(self, pattern: str) -> str:
        return pattern.format(**self.names)


@pytest.fixture(scope="module")
def furnished(world: World) -> Furnished:
    company_id = f"furnished-{uuid4().hex[:6]}"
    source = world.new_source(name="Tighe Builders", shifts=150, jobs=9)
    connected(world, company_id, source)
    stored = "SELECT count(*) FROM protiv.current_time_entries WHERE company_id = %s"
    eventually(lambda: is_done(world, company_id) and world.rows(stored, company_id) == [(150,)], "all is stored")
    newest = "SELECT time_entry_id FROM protiv.time_entries WHERE company_id = %s ORDER BY work_date DESC LIMIT 3"
    world.run(
        "UPDATE protiv.time_entries"
        " SET link_status = 'waiting-for-job', job_name = 'Tighe Garage', total_minutes = 250"
        f" WHERE company_id = %s AND time_entry_id IN ({newest})",
        company_id,
        company_id,
    )
    held = "SELECT company_id, 'time-entries', time_entry_id, gen_random_uuid() FROM protiv.time_entries"
    world.run(
        f"INSERT INTO integration.held_deletions (company_id, entity, entity_id, run_id) {held}"
        " WHERE company_id = %s ORDER BY work_date LIMIT 25",
        company_id,
    )
    _spoil(world, company_id)
    ((run,),) = world.rows("SELECT run_id::text FROM integration.runs WHERE company_id = %s", company_id)
    ((shift, worker),) = world.rows(
        "SELECT time_entry_id, user_name FROM protiv.time_entries WHERE company_id = %s AND link_status = 'linked'"
        " LIMIT 1",
        company_id,
    )
    ((job,),) = world.rows(
        "SELECT job_id FROM protiv.job_labor WHERE company_id = %s AND budgeted_hours > 0 AND actual_hours > 0 LIMIT 1",
        company_id,
    )
    names = {"company": company_id, "run": run, "shift": shift, "worker": worker, "job": job}
    return Furnished(world.add_user("operator", password=PASSWORD), names)


def _spoil(world: World, company_id: str) -> None:
    """A record that can never succeed, for the dead letters."""
    producer = Producer(producer_config(world.settings))
    partition = partition_for(company_id, world.settings.entity_partitions)
    producer.produce("buildertrend.jobs", key=f"{company_id}/77".encode(), value=b"no avro at all", partition=partition)
    assert producer.flush(20) == 0


def looked_at(visitor: Visitor, name: str, look: str) -> None:
    """Kept, accessible, and not wider than the window."""
    visitor.picture(name)
    # The elements are the same in every look: what the dark one can break is contrast, the narrow one its width.
    if look != "phone":
        visitor.accessible(*(("color-contrast",) if look == "dark" else ()))
    too_wide = visitor.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"{name} is {too_wide} px wider than the window"


def shows(visitor: Visitor, path: str, state: str) -> bool:
    """Whether the page is in this state by now: what the database says is kept for a moment."""
    visitor.open(path)
    return visitor.page.locator("#live").get_attribute("data-state") == state


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_looks_and_reads_as_it_should(
    visiting: Visiting, world: World, furnished: Furnished, look: str
) -> None:
    visitor = visiting(expected={404, 422}, **LOOKS[look])
    visitor.open("/sign-in")
    looked_at(visitor, "sign-in", look)
    visitor.page.get_by_label("E-mail").fill(furnished.operator)
    visitor.page.get_by_label("Password").fill("not the password at all")
    visitor.page.get_by_role("button", name="Sign in").click()
    expect(visitor.page.locator("#problem")).to_be_visible()
    looked_at(visitor, "sign-in-refused", look)
    visitor.sign_in_by_form(furnished.operator)
    for name, pattern in PAGES.items():
        visitor.open(furnished.path(pattern))
        looked_at(visitor, name, look)
    visitor.open(furnished.path(MISSING))
    looked_at(visitor, "missing", look)


@pytest.fixture
def untouched(world: World, furnished: Furnished) -> Iterator[str]:
    """The furnished company while no poller runs: one would take up a connection that is late, and set its state."""
    company_id = furnished.names["company"]
    world.end("poller")
    yield company_id
    world.run(f"UPDATE integration.connections SET state = 'connected', {CALM} WHERE company_id = %s", company_id)
    world.start("poller")
    world.wait_for("poller")


@pytest.mark.parametrize("look", LOOKS)
def test_every_state_of_a_connection_looks_as_it_should(
    visiting: Visiting, world: World, furnished: Furnished, untouched: str, look: str
) -> None:
    visitor = visiting(**LOOKS[look])
    visitor.sign_in(furnished.operator)
    for name, state in STATES.items():
        changes = {part.split(" = ")[0]: part for part in (CALM + ", " + state).split(", ")}
        world.run(f"UPDATE integration.connections SET {', '.join(changes.values())} WHERE company_id = %s", untouched)
        for place in ("", "/buildertrend") if look == "light" else ("/buildertrend",):
            shown = STATE_NAMES.get(name, "needs-attention" if "needs" in state else "connected")
            path = f"/c/{untouched}{place}"
            eventually(partial(shows, visitor, path, shown), f"{path} shows {shown}")
            looked_at(visitor, f"{name}{place.replace('/', '-') or '-card'}", look)


def test_attention_says_hours_and_leads_to_the_shifts(visiting: Visiting, furnished: Furnished) -> None:
    visitor = visiting()
    visitor.sign_in(furnished.operator)
    visitor.open(furnished.path(PAGES["buildertrend"]))
    line = visitor.page.locator("#attention li").filter(has_text="Tighe Garage")
    expect(line).to_contain_text("12.5 h")
    expect(line).to_contain_text("on 3 shifts wait for job Tighe Garage.")
    line.get_by_role("link").click()
    expect(visitor.page.locator("tbody tr")).to_have_count(3)
    visitor.page.locator("tbody a").first.click()
    expect(visitor.page.locator(".answer")).to_be_visible()


def test_why_of_a_dead_letter_names_the_stage_and_operators_replay_it(
    visiting: Visiting, world: World, furnished: Furnished
) -> None:
    visitor = visiting()
    visitor.sign_in(furnished.operator)
    company = furnished.names["company"]
    visitor.open(f"/dead-letters?company={company}")
    eventually(lambda: visitor.page.reload() and visitor.page.locator("tbody tr").count(), "the dead letter is there")
    expect(visitor.page.locator("tbody tr").first).to_contain_text(company)
    visitor.picture("letters")
    visitor.open(f"/c/{company}/buildertrend/find/jobs/77")
    expect(visitor.page.locator(".answer")).to_contain_text("refused it")
    visitor.picture("why")
    visitor.open(f"/dead-letters?company={company}")
    visitor.page.get_by_role("button", name="Replay").first.click()
    expect(visitor.page.locator("tbody tr").first).to_contain_text("Replayed dead letters")


def test_budget_against_work_is_drawn_and_told(visiting: Visiting, furnished: Furnished) -> None:
    visitor = visiting()
    visitor.sign_in(furnished.operator)
    visitor.open(furnished.path(PAGES["job"]))
    chart = visitor.page.get_by_role("img").first
    expect(chart).to_have_attribute("aria-label", re.compile(r"h worked of .* budgeted"))
    assert chart.evaluate("svg => svg.querySelector('.chart-worked').getBoundingClientRect().width") > 10
