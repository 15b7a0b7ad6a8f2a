"""Builders of what tests need: whole and valid by default, so that a test states only what it is about."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from control.commands import OpenCommand
from control.connections import Connection
from core.settings import Settings, load_settings
from producers.source import Page, SourceRecord
from schemas.codec import to_micros

NOW = datetime(2026, 6, 17, 18, 0, tzinfo=UTC)


def settings(**overrides: Any) -> Settings:
    """Settings of the defaults, without the environment's `.env`."""
    return load_settings(**{"_env_file": None, **overrides})


def company_id() -> str:
    """An id that no other test has."""
    return f"company-{uuid.uuid4().hex[:12]}"


def connection(**changes: Any) -> Connection:
    """A connected company whose initial and last full read were an hour ago."""
    whole = Connection(
        company_id="c1",
        username="ana",
        time_zone="America/Denver",
        import_from=None,
        state="connected",
        fault=None,
        message=None,
        builder_id="69084",
        builder_name="Tighe Builders",
        initial_done_at=datetime(2026, 6, 17, 17, 0, tzinfo=UTC),
        last_full_at=datetime(2026, 6, 17, 17, 0, tzinfo=UTC),
        last_success_at=datetime(2026, 6, 17, 17, 0, tzinfo=UTC),
        next_due_at=NOW,
    )
    return replace(whole, **changes)


def command_body(**changes: Any) -> dict[str, Any]:
    """The record of a `sync` command for all entities."""
    return {
        "command_id": str(uuid.uuid4()),
        "type": "sync",
        "company_id": "c1",
        "entities": [],
        "from_date": None,
        "to_date": None,
        "dry_run": False,
        "requested_by": "a test",
        "requested_at": to_micros(NOW),
        "reason": None,
        "target_id": None,
        **changes,
    }


def open_command(**changes: Any) -> OpenCommand:
    body = command_body(**changes)
    return OpenCommand(body["command_id"], body["type"], body)


def source_record(entity_id: str = "1", /, **fields: Any) -> SourceRecord:
    """A record whose `after` has the given fields and no extras."""
    return SourceRecord(entity_id, {"extras": {}, **fields})


def shift_row(shift_id: int = 9001, **changes: Any) -> dict[str, Any]:
    """A row of the time clock's grid, as parsed from JSON with Decimals left out."""
    return {
        "id": shift_id,
        "jobId": 123,
        "userID": 77,
        "jobName": "Tighe Garage",
        "name": "Ana Diaz",
        "timeIn": {"timeStamp": "2026-05-20T09:19:00"},
        "timeOut": {"timeStamp": "2026-05-20T17:49:00"},
        "breakTime": {"breakTime": 30},
        "regularTime": 480,
        "overTime": 0,
        "doubleOverTime": 0,
        "personalTimeOff": 0,
        "builderCost": {"value": 336},
        "rate": "$42.00",
        "approvalStatus": {"isApproved": True},
        "costCodes": [{"id": 5500001, "costCodeTitle": "01.02 General Carpentry", "totalMinutes": 480}],
        "notes": "",
        "tags": [],
        **changes,
    }


def shift_on(day: date | str, shift_id: int, **changes: Any) -> dict[str, Any]:
    """A shift that starts at nine on a local day."""
    return shift_row(shift_id, timeIn={"timeStamp": f"{day}T09:00:00"}, **changes)


def records_of(pages: Iterable[Page]) -> list[SourceRecord]:
    """Every row of some pages, read."""
    return [row.read() for page in pages for row in page.rows]
