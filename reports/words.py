"""Sentences of an explanation: instants in the company's own time, and what each link status waits for."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reports.evidence import Evidence
from reports.responsible import ToDo
from schemas.entities import COST_CODES, JOBS, USERS
from schemas.faults import ADMIN, NOBODY, OPERATOR

_BY_PARENT = {
    "waiting-for-job": (JOBS, "job"),
    "waiting-for-user": (USERS, "worker"),
    "waiting-for-cost-code": (COST_CODES, "cost code"),
}
_BY_EDIT = {
    "uncoded": (
        "The shift names no cost code, or only the catch-all Buildertrend Flat Rate.",
        "Give the shift a cost code in Buildertrend.",
    ),
    "several-codes": (
        "The shift names several cost codes, and how its minutes are divided among them is not stated.",
        "If the shift has ended, enter the time of each cost code on it in Buildertrend.",
    ),
    "ambiguous-code": (
        "The shift's cost code title names more than one cost code.",
        "Give these cost codes different titles in Buildertrend, or make all but one inactive.",
    ),
}


def instant(at: datetime, found: Evidence) -> str:
    """An instant for people, in the company's time zone where it is known."""
    try:
        zone = ZoneInfo(found.connection.time_zone) if found.connection else UTC
    except (ZoneInfoNotFoundError, ValueError):
        zone = UTC
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def of_links(found: Evidence) -> tuple[str, ToDo]:
    """Why a stored shift is not linked, and the next step. Its hours are in Protiv whatever the status."""
    row = found.row
    assert row is not None
    status = row.link_status or ""
    if status == "general":
        return "It is in Protiv, on the company's General job, which is no job's work.", ToDo(NOBODY, "Nothing.")
    if status in _BY_EDIT:
        cause, sentence = _BY_EDIT[status]
        detail = f" {row.link_detail}" if row.link_detail else ""
        return f"Its hours are in Protiv, not linked: {cause}{detail}", ToDo(ADMIN, sentence)
    return _waiting(found, status)


def _waiting(found: Evidence, status: str) -> tuple[str, ToDo]:
    row = found.row
    assert row is not None
    if status not in _BY_PARENT:
        return f"Its hours are in Protiv, with the link status {status or 'none'}.", ToDo(NOBODY, "Nothing.")
    entity, word = _BY_PARENT[status]
    cause = f"Its hours are in Protiv, and wait for their {word}. {row.link_detail or ''}".strip()
    blocked = found.connection.blocked if found.connection else None
    if blocked is not None:
        return f"{cause} {blocked[0]}", blocked[1]
    parent = found.canonical.refers_to.get(entity.id_field) if found.canonical else None
    if parent is not None:
        command = shlex.join(["protiv-buildertrend", "explain", found.company_id, entity.name, parent])
        return cause, ToDo(OPERATOR, f"See why the {word} is not there.", command)
    command = shlex.join(["protiv-buildertrend", "full-sync", found.company_id, "--entity", entity.name, "--wait"])
    return cause, ToDo(OPERATOR, f"Read every {word}; if there is none, correct the shift in Buildertrend.", command)
