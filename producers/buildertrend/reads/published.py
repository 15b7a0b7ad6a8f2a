"""What the state of a published record says besides its fingerprint, told from the record in the raw topic."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from schemas.catalogue import BUDGETS, TIME_ENTRIES, Entity


def local_day_of(entity: Entity, after: Mapping[str, Any]) -> date | None:
    """The local day that a shift began; None for other entities, and where it is not stated as one."""
    if entity != TIME_ENTRIES:
        return None
    try:
        return date.fromisoformat(after["timeIn"]["timeStamp"][:10])
    except (KeyError, TypeError, ValueError):
        return None


def parent_of(entity: Entity, after: Mapping[str, Any]) -> str | None:
    """The job of a budget line; None for other entities."""
    return str(after["jobId"]) if entity == BUDGETS and "jobId" in after else None
