"""The page: rendered for the chosen company, escaped, without foreign assets, and closed to other machines."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

from sandbox.app import create_app
from tests.contract.sandbox.wire import Site


def page(site: Site, query: str = "") -> str:
    answer = site.send("GET", f"/?company={site.control.company['builder_id']}{query}")
    assert answer.status_code == 200
    return str(answer.text)


def test_page_shows_counts_credentials_and_shifts(site: Site) -> None:
    html, company = page(site), site.control.company
    for text in (company["name"], company["username"], company["password"], "Clocked in", "Add shift"):
        assert text.replace("&", "&amp;") in html
    assert html.count('aria-label="Edit shift ') == 25


def test_page_escapes_what_people_typed(site: Site) -> None:
    job = site.control.add("jobs", name='<script>alert(1)</script>" onload="x')
    assert job["name"] not in page(site)
    assert "&lt;script&gt;alert(1)" in page(site)


def test_page_filter_narrows_and_pages_do_not_overlap(site: Site) -> None:
    ids = [set(re.findall(r'"Edit shift (\d+)"', page(site, f"&page={number}"))) for number in (1, 2)]
    assert ids[0].isdisjoint(ids[1])
    assert "No shifts match" in page(site, "&text=nobody-has-this-name")


def test_page_names_no_other_origin(site: Site) -> None:
    answer = site.send("GET", f"/?company={site.control.company['builder_id']}")
    assert re.findall(r'(?:src|href)="https?://', answer.text) == []
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_page_assets_are_served(site: Site) -> None:
    for name in ("page.css", "page.js", "icon.svg"):
        assert site.send("GET", f"/sandbox/static/{name}").status_code == 200


def test_page_of_an_unknown_company_is_404(site: Site) -> None:
    for wanted in ("1", "x"):
        assert site.send("GET", f"/?company={wanted}").status_code == 404


def test_page_without_a_company_offers_to_create_one() -> None:
    with TestClient(create_app(None)) as client:
        assert "No company yet" in client.get("/").text


def test_page_and_control_are_closed_to_other_machines() -> None:
    with TestClient(create_app(None), client=("192.0.2.7", 4000)) as client:
        assert client.get("/").status_code == 403
        answer = client.get("/sandbox/api/companies")
        assert (answer.status_code, "machine" in answer.json()["error"]) == (403, True)


def test_control_from_anywhere_opens_them() -> None:
    with TestClient(create_app(None, control_from="anywhere"), client=("192.0.2.7", 4000)) as client:
        assert client.get("/sandbox/api/companies").json() == {"companies": []}
