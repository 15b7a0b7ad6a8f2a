"""A simulated Buildertrend inside the test process: an httpx transport that reaches it, and companies by request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from zlib import crc32

import httpx
import pytest
from starlette.testclient import TestClient

from sandbox.app import create_app
from sandbox.client import SandboxControl

SOURCE_URL = "http://testserver"
ANCHOR_DATE = "2026-06-17"


class InProcessSource(httpx.BaseTransport):
    """Carries requests to the application without a socket; `requests` are those it carried."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._client.request(
            request.method,
            str(request.url),
            content=request.read(),
            headers=dict(request.headers),
            follow_redirects=False,
        )
        # The test client would send what this answer sets with everybody's next request.
        self._client.cookies.clear()
        return httpx.Response(answer.status_code, headers=list(answer.headers.multi_items()), content=answer.content)


@pytest.fixture(scope="session")
def sandbox_client() -> Iterator[TestClient]:
    with TestClient(create_app(None, names=["testserver"])) as client:
        yield client


CompanyMaker = Callable[..., SandboxControl]


@pytest.fixture
def new_company(sandbox_client: TestClient, request: pytest.FixtureRequest) -> CompanyMaker:
    """Makes companies with 12 jobs and 450 shifts, unless something else is asked for, without latency."""
    seeds = count(own_seed(request))

    def make(**wanted: Any) -> SandboxControl:
        asked = {"seed": next(seeds), "jobs": 12, "shifts": 450, "anchor_date": ANCHOR_DATE, **wanted}
        control = SandboxControl(SOURCE_URL, sender=sandbox_client).create_company(**asked)
        control.set_switches(latency_ms=0)
        control.reset_counters()
        return control

    return make


@pytest.fixture
def sandbox_company(new_company: CompanyMaker) -> SandboxControl:
    """A company of its own with 12 jobs and 450 shifts, without latency."""
    return new_company()


def own_seed(request: pytest.FixtureRequest) -> int:
    """A seed that is the test's own: it meets the same company whatever ran before it."""
    return crc32(request.node.nodeid.encode()) >> 2
