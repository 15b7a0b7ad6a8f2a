"""The sandbox under test, once in-process and once as a server of its own; each test gets a company of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.app import create_app
from sandbox.client import SandboxControl
from sandbox.in_process import InProcessTransport
from tests.contract.sandbox.wire import Site
from tests.fix_source import own_seed


@pytest.fixture(scope="session", params=["in-process", "server"])
def running(request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """Base URL and a client that reaches it."""
    if request.param == "in-process":
        with httpx.Client(transport=InProcessTransport(create_app(None, names=["testserver"]))) as client:
            yield "http://testserver", client
        return
    command = [sys.executable, "-m", "sandbox", "--seed", "1", "--jobs", "2", "--shifts", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, httpx.Client(timeout=20) as client:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"], client
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture
def site(running: tuple[str, Any], request: pytest.FixtureRequest) -> Site:
    """A fresh company of 12 jobs and 150 shifts without latency; nobody is signed in yet."""
    base_url, sender = running
    sender.headers["user-agent"] = "Mozilla/5.0 test"
    control = SandboxControl(base_url, sender=sender).create_company(
        seed=own_seed(request), jobs=12, shifts=150, anchor_date="2026-06-17"
    )
    control.set_switches(latency_ms=0, internal_users_grid=True)
    return Site(base_url, sender, control)


@pytest.fixture
def signed_in(site: Site) -> Site:
    site.control.reset_counters()
    return site.sign_in()
