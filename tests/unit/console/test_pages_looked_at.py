"""No page is forgotten: what the console serves and what the browser tests look at agree."""

from __future__ import annotations

import re

from console.app import SCREENS
from tests.e2e.console.pages import PAGES

# Served with GET, and nothing to look at in a list of pages.
NO_PAGE = {
    "/": "leads on",
    "/sign-in": "looked at before anybody is signed in",
    "/oidc/start": "leads on",
    "/oidc/callback": "leads on",
    "/companies/open": "leads on",
    "/c/{}/buildertrend/connecting": "there while a connection is made; tests/e2e/console/test_connect.py",
    "/c/{}/buildertrend/account": "there for another account; tests/e2e/console/test_connect.py",
}


def pattern(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path.partition("?")[0])


def test_every_page_is_looked_at_or_said_why_not() -> None:
    served = {pattern(each.path) for each in SCREENS if each.method == "GET" and not each.is_json}
    looked_at = {
        pattern(path.replace("time-entries", "{entity}").replace("/jobs/1234567", "/{entity}/{id}"))
        for path in PAGES.values()
    }
    assert served - looked_at == NO_PAGE.keys()
    assert looked_at - served == set()
