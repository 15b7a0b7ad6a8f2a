"""Builders of what the console shows, and a source that tests hold in their hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.testclient import TestClient

from console.app import console_app
from console.live import LiveOverview, Pace
from console.overview import Company, Overview, Wanted, listing
from console.pages import Pages
from control.connections import Connection
from control.runs import RunSummary
from tests.fakes import FakeClock

NOW = datetime(2026, 6, 17, 18, 0, tzinfo=UTC)
COUNTS = {"jobs": 60, "users": 24, "cost-codes": 112, "budgets": 640, "time-entries": 5000}
ADDRESS = "http://127.0.0.1:8080"


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def make_connection(**changes: Any) -> Connection:
    values = {
        "company_id": "acme",
        "username": "secret-user@example.com",
        "time_zone": "America/Denver",
        "import_from": None,
        "state": "connected",
        "fault": None,
        "message": None,
        "builder_id": "1",
        "builder_name": "Acme Homes",
        "initial_done_at": NOW - minutes(900),
        "last_full_at": NOW - minutes(900),
        "last_success_at": NOW - minutes(12),
        "next_due_at": NOW + minutes(108),
    }
    return Connection(**(values | changes))


def make_run(**changes: Any) -> RunSummary:
    values = {
        "run_id": "5b0f9a9e-7d1c-4c9c-8a11-000000000001",
        "read": "recent",
        "state": "completed",
        "fault": None,
        "message": None,
        "counts": {"time-entries": {"read": 1250, "created": 12, "updated": 3, "deleted": 1, "unchanged": 1234}},
        "started_at": NOW - minutes(2),
        "finished_at": NOW - minutes(1),
    }
    return RunSummary(**(values | changes))


def make_company(**changes: Any) -> Company:
    """A company; keywords of its own are taken as such, the others are of its connection."""
    own = {name: changes.pop(name) for name in ("leased", "runs", "published", "stored") if name in changes}
    values: dict[str, Any] = {"leased": False, "runs": (make_run(),), "published": COUNTS, "stored": COUNTS}
    return Company(make_connection(**changes), **(values | own))


@dataclass(slots=True)
class FakeSource:
    """An OverviewSource of given companies; `before_read` may raise or block in a read's place."""

    companies: list[Company] = field(default_factory=list)
    before_read: Callable[[], None] = lambda: None
    reads: int = 0

    def read(self, wanted: Wanted) -> Overview:
        self.reads += 1
        self.before_read()
        found = listing([one.connection for one in self.companies], wanted)
        of = {one.connection: one for one in self.companies}
        return Overview(NOW, found, tuple(of[connection] for connection in found.connections))

    def ping(self) -> None:
        self.before_read()


def browser(source: FakeSource, clock: FakeClock | None = None, pace: Pace | None = None) -> TestClient:
    """A client of the whole application over the source."""
    clock = clock or FakeClock(NOW)
    app = console_app(LiveOverview(source, clock, pace), Pages(clock), address="127.0.0.1")
    # As a browser sees it: a mistake of ours is an answer, too.
    return TestClient(app, ADDRESS, raise_server_exceptions=False)
