"""Which state a company is in, and which companies a page holds."""

from __future__ import annotations

import pytest

from console.overview import COMPANIES_A_PAGE, Wanted, listing
from tests.unit.console.factories import NOW, make_company, make_connection, make_run, minutes

RUNNING = make_run(state="running", finished_at=None)


@pytest.mark.parametrize("state", ["connecting", "connected", "needs-attention", "paused", "disconnected"])
def test_company_without_a_running_run_has_its_connections_state(state: str) -> None:
    assert make_company(state=state).state == state


def test_company_with_a_running_run_is_syncing() -> None:
    company = make_company(runs=(RUNNING, make_run()), leased=True)
    assert company.state == "syncing"
    assert company.running == RUNNING


def test_company_whose_poller_is_gone_is_not_syncing() -> None:
    company = make_company(runs=(RUNNING,), leased=False)
    assert (company.state, company.running) == ("connected", None)


def test_company_signing_in_for_the_first_time_is_connecting() -> None:
    assert make_company(state="connecting", runs=(RUNNING,), leased=True).state == "connecting"


@pytest.mark.parametrize("state", ["needs-attention", "paused", "disconnected"])
def test_company_that_is_not_read_has_no_next_sync(state: str) -> None:
    company = make_company(state=state, next_due_at=NOW - minutes(60))
    assert company.next_due_at is None
    assert not company.is_late(NOW)


@pytest.mark.parametrize(("due_min", "leased", "late"), [(-1, False, False), (-3, False, True), (-3, True, False)])
def test_company_is_late_when_due_and_taken_by_no_poller(due_min: int, leased: bool, late: bool) -> None:
    assert make_company(next_due_at=NOW + minutes(due_min), leased=leased).is_late(NOW) is late


def test_listing_puts_those_that_need_attention_first() -> None:
    connections = [
        make_connection(company_id="a"),
        make_connection(company_id="b", fault="rate-limited"),
        make_connection(company_id="c", state="needs-attention", fault="mfa-required"),
    ]
    found = listing(connections, Wanted())
    assert [one.company_id for one in found.connections] == ["c", "b", "a"]
    assert (found.total, found.attention) == (3, 1)


def test_listing_finds_parts_of_ids_and_account_names_in_any_case() -> None:
    connections = [
        make_connection(company_id="x-1", builder_name="Summit Homes"),
        make_connection(company_id="SUMMA", builder_name=None),
        make_connection(company_id="other", builder_name="Other", username="summ@example.com"),
    ]
    found = listing(connections, Wanted("summ"))
    assert {one.company_id for one in found.connections} == {"x-1", "SUMMA"}
    assert (found.found, found.total) == (2, 3)


@pytest.mark.parametrize(("page", "shown", "first"), [(1, 1, "c000"), (2, 2, "c020"), (3, 3, "c040"), (9, 3, "c040")])
def test_listing_beyond_the_last_page_is_the_last(page: int, shown: int, first: str) -> None:
    connections = [make_connection(company_id=f"c{number:03}") for number in range(2 * COMPANIES_A_PAGE + 5)]
    found = listing(connections, Wanted(page=page))
    assert (found.wanted.page, found.connections[0].company_id) == (shown, first)
    assert found.pages == 3


def test_listing_of_nothing_has_one_page() -> None:
    assert listing([], Wanted(page=4)).pages == 1
