"""Who may use which route, and that no other site's page can use one: every route of the table against every role."""

from __future__ import annotations

from itertools import product

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from console.access import Access
from console.app import SCREENS
from console.limits import Timed
from console.screens import Screen
from schemas.command_sender import CommandOrder
from tests.integration.console.fix_console import ANSWERED, ORIGIN, PASSWORD, Site, path_of, token_of

WHO = ("nobody", "viewer", "admin", "all-viewer", "operator", "other-admin")
MAY: dict[Access, set[str]] = {
    Access.ANYBODY: set(WHO),
    Access.SIGNED_IN: set(WHO) - {"nobody"},
    Access.SEES_COMPANY: {"viewer", "admin", "all-viewer", "operator"},
    Access.CHANGES_COMPANY: {"admin", "operator"},
    Access.SEES_ALL: {"all-viewer", "operator"},
    Access.OPERATES: {"operator"},
}
UNSAFE = [screen for screen in SCREENS if screen.is_unsafe]


def browsers(site: Site, company_id: str) -> dict[str, TestClient]:
    return {
        "nobody": site.browser(),
        "viewer": site.signed_in("viewer", company_id),
        "admin": site.signed_in("admin", company_id),
        "all-viewer": site.signed_in("viewer"),
        "operator": site.signed_in("operator"),
        "other-admin": site.signed_in("admin", "another-company"),
    }


def is_let_in(answer: httpx2.Response) -> bool:
    """Whether a handler answered, whatever it then said of what was asked."""
    to_sign_in = answer.status_code == 303 and "/sign-in?next=" in answer.headers["location"]
    hidden = answer.status_code == 404 and "of a company that you do not see" in answer.text
    return not to_sign_in and not hidden and answer.status_code not in (401, 403)


@pytest.fixture(scope="module")
def everybody(site: Site) -> tuple[str, dict[str, TestClient]]:
    company_id = site.company()
    return company_id, browsers(site, company_id)


@pytest.mark.parametrize(("screen", "who"), list(product(ANSWERED, WHO)), ids=lambda one: getattr(one, "path", one))
def test_route_lets_in_whom_its_access_says(
    site: Site,
    everybody: tuple[str, dict[str, TestClient]],
    screen: Screen,
    who: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[CommandOrder] = []
    monkeypatch.setattr(type(site.services.sender), "send", lambda _self, order, **_: sent.append(order))
    company_id, by_name = everybody
    browser, path = by_name[who], path_of(screen, company_id)
    if screen.path == "/sign-out":
        browser = browsers(site, company_id)[who]
    if screen.path == "/sign-in":
        answer = browser.get("/sign-in")
    elif screen.is_unsafe:
        token = token_of(browser.get("/sign-in" if who == "nobody" else "/audit"))
        answer = browser.post(path, data={"form_token": token})
    else:
        answer = browser.get(path)
    assert is_let_in(answer) == (who in MAY[screen.access]), (answer.status_code, answer.text[:500])
    assert answer.status_code != 500
    if who not in MAY[screen.access]:
        assert sent == []


def test_every_route_that_is_served_is_in_the_table(site: Site) -> None:
    """Nothing is reachable that the tests above do not walk."""
    timed = site.app._app
    assert isinstance(timed, Timed)
    starlette = timed._app
    assert isinstance(starlette, Starlette)
    served = {route.path for route in starlette.routes if isinstance(route, Route)}
    assert served == {screen.path for screen in SCREENS} | {"/health", "/ready", "/metrics"}


def test_stream_of_events_is_for_those_who_see_the_company(site: Site) -> None:
    (screen,) = [one for one in SCREENS if one.path.endswith("/events")]
    assert screen.access is Access.SEES_COMPANY
    assert site.browser().get("/c/some/events").status_code == 401
    assert site.signed_in("admin", "another-company").get("/c/some/events").status_code == 404


@pytest.mark.parametrize("screen", UNSAFE, ids=lambda one: one.path)
@pytest.mark.parametrize("attack", ["no token", "made-up token", "another session's token", "another site's page"])
def test_unsafe_route_refuses_what_another_page_sends(
    site: Site, screen: Screen, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[CommandOrder] = []
    monkeypatch.setattr(type(site.services.sender), "send", lambda _self, order, **_: sent.append(order))
    company_id = site.company()
    victim = site.browser() if screen.path == "/sign-in" else site.signed_in("operator")
    own = token_of(victim.get("/sign-in" if screen.path == "/sign-in" else "/audit"))
    attacker = token_of(site.browser().get("/sign-in"))
    tokens = {"no token": "", "made-up token": "A" * len(own), "another session's token": attacker}
    headers = {"Origin": "https://evil.example"} if attack == "another site's page" else {}
    before = site.run("SELECT count(*) FROM integration.audit")
    answer = victim.post(
        path_of(screen, company_id),
        data={"form_token": tokens.get(attack, own), "email": "a@b.c", "password": PASSWORD, "confirmed": "yes"},
        headers=headers,
    )
    assert answer.status_code == 403
    assert sent == []
    assert site.run("SELECT count(*) FROM integration.audit") == before


@pytest.mark.parametrize("site_of_origin", ["cross-site", "same-site"])
def test_unsafe_route_believes_the_browser_about_where_it_comes_from(site: Site, site_of_origin: str) -> None:
    browser = site.signed_in("operator")
    token = token_of(browser.get("/audit"))
    headers = {"Sec-Fetch-Site": site_of_origin}
    assert browser.post("/sign-out", data={"form_token": token}, headers=headers).status_code == 403
    assert browser.post("/sign-out", data={"form_token": token}, headers={"Origin": ORIGIN}).status_code == 303


def test_event_streams_beyond_a_sessions_places_are_refused_with_when_to_ask_again(site: Site) -> None:
    company_id = site.company()
    browser = site.signed_in("viewer", company_id)
    token = site.services.cookies.form_token(browser.cookies["protiv_session"])
    places = [site.services.streams.take(token) for _ in range(6)]
    refused = browser.get(f"/c/{company_id}/events")
    for give_back in places:
        give_back()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
