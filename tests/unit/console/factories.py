"""Builders of what the console reads, as plain data."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from console.reading.company import Checkpoint, HeldGroup, Link, RefusedFacts, Run, Shifts, Snapshot, Waiting
from console.reading.records import Labor
from control.console_users import ConsoleUser
from reports.company_status import CompanyFacts, ConnectionFacts, EntityFacts, RunningRead
from schemas.entities import ENTITIES

NOW = datetime(2026, 6, 17, 18, 0, tzinfo=UTC)
DAY = date(2026, 6, 17)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def link(**changes: Any) -> Link:
    """A connected company that was read twelve minutes ago."""
    values: dict[str, Any] = {
        "company_id": "acme",
        "username": "ana@builder.example",
        "time_zone": "America/Denver",
        "import_from": None,
        "state": "connected",
        "fault": None,
        "message": None,
        "hint": None,
        "builder_id": "1",
        "builder_name": "Acme Homes",
        "initial_done_at": NOW - minutes(900),
        "last_success_at": NOW - minutes(12),
        "next_due_at": NOW + minutes(108),
        "paused_by": None,
        "paused_reason": None,
        "paused_at": None,
        "pending_builder_id": None,
        "pending_builder_name": None,
        "refused_username": None,
        "refused_fault": None,
        "refused_message": None,
        "refused_at": None,
        "leased": False,
        "heard_at": None,
        "session_at": NOW - minutes(900),
    }
    return Link(**(values | changes))


def run(**changes: Any) -> Run:
    """A run of what is recent that went well."""
    values: dict[str, Any] = {
        "run_id": "5b0f9a9e-7d1c-4c9c-8a11-000000000001",
        "read": "recent",
        "state": "completed",
        "fault": None,
        "message": None,
        "counts": {"time-entries": {"read": 1250, "created": 12, "updated": 3, "deleted": 1, "unchanged": 1234}},
        "position": 16,
        "attempts": 1,
        "started_at": NOW - minutes(2),
        "attempted_at": NOW - minutes(2),
        "finished_at": NOW - minutes(1),
        "command_id": None,
        "command_type": None,
        "requested_by": None,
    }
    return Run(**(values | changes))


def facts(**changes: Any) -> CompanyFacts:
    connection = ConnectionFacts(
        "acme", "Acme Homes", "America/Denver", "connected", None, None, None, None, None, None, NOW, NOW, leased=True
    )
    whole = EntityFacts(complete_through=NOW - minutes(12), published=60, stored=60)
    entities = {entity.name: whole for entity in ENTITIES}
    values: dict[str, Any] = {"connection": connection, "entities": entities, "running": None}
    return CompanyFacts(**(values | changes))


def snapshot(connection: Link | None = None, **changes: Any) -> Snapshot:
    values: dict[str, Any] = {
        "company_id": "acme",
        "read_at": NOW,
        "link": connection or link(),
        "facts": facts(),
        "runs": (run(),),
        "refused": RefusedFacts(),
        "stored_at": NOW - minutes(10),
    }
    return Snapshot(**(values | changes))


def going(*checkpoints: Checkpoint, read: str = "initial", **changes: Any) -> Snapshot:
    """A snapshot in the middle of a run that began two minutes ago."""
    goes_on = run(read=read, state="running", finished_at=None, **changes)
    reading = RunningRead(goes_on.run_id, read, None, goes_on.started_at, {}, goes_on.counts, {})
    held = link(leased=True, heard_at=NOW - timedelta(seconds=3))
    return snapshot(held, facts=facts(running=reading), runs=(goes_on,), checkpoints=checkpoints)


def checkpoint(entity: str = "time-entries", **changes: Any) -> Checkpoint:
    values: dict[str, Any] = {"state": "reading", "began_at": NOW - minutes(1), "pages_done": 10, "pages_total": 40}
    return Checkpoint(entity, **(values | changes))


def waiting(**changes: Any) -> Waiting:
    values: dict[str, Any] = {"link_status": "waiting-for-job", "subject": "Tighe Garage", "shifts": 3, "minutes": 750}
    return Waiting(**({"stored_at": NOW - minutes(60)} | values | changes), first_day=DAY, last_day=DAY)


def held(**changes: Any) -> HeldGroup:
    values: dict[str, Any] = {"entity": "time-entries", "records": 30, "since": NOW, "released": False, "minutes": 600}
    return HeldGroup(**(values | changes))


def shifts(**changes: Any) -> Shifts:
    values: dict[str, Any] = {"first_day": date(2026, 3, 3), "last_day": DAY, "shifts": 4210, "minutes": 60 * 33_000}
    return Shifts(**(values | changes))


def labor(budgeted: str | None, worked: str, title: str = "01.02 Carpentry") -> Labor:
    budget = None if budgeted is None else Decimal(budgeted)
    return Labor(title, budget, Decimal(worked), None, Decimal(0), 3, 0, Decimal(0))


def user(role: str = "admin", company_id: str | None = "acme") -> ConsoleUser:
    return ConsoleUser("u1", "dana@acme.example", "Dana", role, company_id, has_password=True, is_disabled=False)
