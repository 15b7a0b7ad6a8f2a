"""The page: rendered for the chosen company, escaped, without foreign assets, and closed to other machines."""

from __future__ import annotations

import re

import pytest
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


RULES: dict[str, list[dict[str, object]]] = {
    "fail_next": [{"path_contains": "<b>", "status": 429, "times": None, "retry_after": 9, "retry_after_form": "date"}],
    "spoil_next": [{"path_contains": "/api", "how": "reset", "times": 2}],
    "fields": [{"entity": "jobs", "field": "status", "change": "rename", "name": "state", "share": 0.5}],
    "missing_rows": [{"entity": "jobs", "which": "half"}],
    "paging": [
        {"entity": "users", "fault": "shifted", "by": 3},
        {"entity": "users", "fault": "page-ignored"},
    ],
    "on_request": [{"path_contains": "Grid", "request": 2, "edits": [{"op": "delete", "place": 0}]}],
}
WORDS = [
    "every &lt;b&gt;: 429, Retry-After 9 s as date",
    "next 2 × /api: reset",
    "jobs status: rename to state, 50% of the rows",
    "jobs: half missing",
    "users: shifted by 3",
    "users: page-ignored",
    "1 edit before request 2 to Grid",
]


def test_page_says_in_words_which_faults_are_on_and_offers_to_heal_them(site: Site) -> None:
    assert ">Healthy<" in page(site)
    site.control.set_switches(sign_in="mfa", **RULES)
    html = page(site)
    assert [words for words in WORDS if f"<code>{words}</code>" not in html] == []
    assert "Heal all 7" in html
    opened = re.findall(r'<details id="faults-([a-z-]+)" open', html)
    assert opened == ["sign-in", "answers", "rows", "fields", "script"]
    site.control.heal()
    assert ">Healthy<" in page(site)


def test_page_takes_a_rule_that_is_used_up_for_healthy(signed_in: Site) -> None:
    signed_in.control.set_switches(
        fail_next=[{"path_contains": "/api", "status": 500}],
        on_request=[{"path_contains": "/api", "edits": [{"op": "delete", "id": 1}]}],
    )
    assert "Heal all 2" in page(signed_in)
    signed_in.call("GET", "/api/Filters/33")
    html = page(signed_in)
    assert ">Healthy<" in html
    assert "done: /api: 500" in html
    assert "1 edit made at /api: There is no shift 1." in html


def test_page_tells_how_the_lock_stands(site: Site) -> None:
    site.control.set_switches(lock_after=2)
    site.ask_token(password="nope")
    assert "1 wrong in a row</p>" in page(site)
    site.ask_token(password="nope")
    assert "2 wrong in a row, locked since 20" in page(site)


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
    with TestClient(create_app(None, names=["testserver"])) as client:
        assert "No company yet" in client.get("/").text


def test_page_and_control_are_closed_to_other_machines() -> None:
    with TestClient(create_app(None, names=["testserver"]), client=("192.0.2.7", 4000)) as client:
        assert client.get("/").status_code == 403
        answer = client.get("/sandbox/api/companies")
        assert (answer.status_code, "machine" in answer.json()["error"]) == (403, True)


def test_control_from_anywhere_opens_them() -> None:
    app = create_app(None, control_from="anywhere", names=["testserver"])
    with TestClient(app, client=("192.0.2.7", 4000)) as client:
        assert client.get("/sandbox/api/companies").json() == {"companies": []}


def test_page_and_control_are_closed_under_a_name_that_somebody_made_resolve_to_this_machine(site: Site) -> None:
    for name in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", ""):
        for path in ("/", "/sandbox/api/companies"):
            assert site.sender.get(f"{site.base_url}{path}", headers={"Host": name}).status_code in (400, 403)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 200),
        ({}, 400),
        ({"Content-Type": "text/plain"}, 400),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "application/json", "Origin": "https://evil.example"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
    ],
)
def test_control_post_without_a_body_makes_something_only_for_the_sandboxs_own_page_or_a_program(
    site: Site, headers: dict[str, str], status: int
) -> None:
    before = len(site.control.companies())
    url = f"{site.base_url}/sandbox/api/companies"
    answer = site.sender.post(url, headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert len(site.control.companies()) == before


def test_control_delete_of_another_sites_page_ends_nothing(site: Site) -> None:
    url = f"{site.base_url}/sandbox/api/companies/{site.control.company['builder_id']}/sessions"
    assert site.sender.delete(url, headers={"Origin": "https://evil.example"}).status_code == 403
    assert site.sender.delete(url, headers={"Origin": site.base_url}).status_code == 200
