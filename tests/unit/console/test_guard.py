"""The guard in front of the pages: metrics by route alone, and by which names it answers."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from console.guard import TEMPLATE, Guard, PublicAddress
from tests.factories import settings


async def answer(request: Request) -> Response:
    request.scope[TEMPLATE] = "/c/{company_id}/jobs/{job_id}"
    return PlainTextResponse("yes")


def browser(host: str = "127.0.0.1:8080") -> TestClient:
    names = ("/c/{company_id}/jobs/{job_id}", "/metrics", "/health", "/ready")
    app = Guard(Starlette(routes=[Route(name, answer) for name in names]), PublicAddress(settings()))
    return TestClient(app, f"http://{host}")


def labels() -> set[str]:
    lines = generate_latest().decode().splitlines()
    return {line for line in lines if line.startswith("protiv_console_requests_total")}


def test_requests_are_counted_by_route_whatever_is_asked_for() -> None:
    visitor = browser()
    visitor.get("/c/x/jobs/1")
    before = len(labels())
    for number in range(200):
        assert visitor.get(f"/c/{'x' * number}y/jobs/{'letters' * number}z").status_code == 200
        visitor.get(f"/nothing-{number}")
    assert len(labels()) <= before + 1
    assert "lettersletters" not in generate_latest().decode()


@pytest.mark.parametrize("path", ["/metrics", "/health", "/ready"])
def test_probes_are_answered_at_an_address_and_at_no_foreign_name(path: str) -> None:
    assert browser("10.1.2.3:8080").get(path).status_code == 200
    assert browser("evil.example").get(path).status_code == 421


def test_pages_are_answered_at_no_address_that_is_not_the_consoles() -> None:
    assert browser("10.1.2.3:8080").get("/c/x/jobs/1").status_code == 421
