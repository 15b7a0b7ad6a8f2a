"""Changes of a company's records by kind and plain values, as the control API, scripts and tests make them.

Kinds are those of the control API (`shifts`, `jobs`, `users`, `cost-codes`, `budget-lines`), values its fields.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sandbox import edits
from sandbox.company import Company
from sandbox.control_api.boundary import read_body
from sandbox.control_api.resources import RESOURCES, in_record_terms
from sandbox.errors import RefusedError
from sandbox.model import Shift


def insert(company: Company, kind: str, values: object) -> dict[str, Any]:
    """The new record as the control API shows it; raises RefusedError for values that contradict each other."""
    resource = RESOURCES[kind]
    given = in_record_terms(read_body(resource.new_body, values).given())
    return resource.as_json(company, resource.create(company, given))


def edit(company: Company, kind: str, record_id: int, changes: object) -> dict[str, Any]:
    """The changed record; raises NotFoundError or RefusedError."""
    resource = RESOURCES[kind]
    given = in_record_terms(read_body(resource.change_body, changes).given())
    record = edits.find(company, resource.kind, record_id)
    return resource.as_json(company, resource.change(company, record, given))


def delete(company: Company, kind: str, record_id: int) -> None:
    """Delete as Buildertrend does; raises NotFoundError, or RefusedError if it offers no deletion."""
    resource = RESOURCES[kind]
    if resource.delete is None:
        raise RefusedError(f"Buildertrend offers no deletion of {kind}.")
    resource.delete(company, edits.find(company, resource.kind, record_id))


def move(company: Company, shift_id: int, minutes: int) -> dict[str, Any]:
    """Move a shift in time and keep its length; it may then be on another page of a grid."""
    shift = edits.find(company, Shift, shift_id)
    moved = {"time_in": _moved(shift.time_in, minutes), "regular_minutes": shift.regular_minutes}
    if shift.time_out is not None:
        moved["time_out"] = _moved(shift.time_out, minutes)
    return edit(company, "shifts", shift_id, moved)


def shown(company: Company, kind: str, record_id: int) -> dict[str, Any]:
    """The record as the control API shows it; raises NotFoundError."""
    resource = RESOURCES[kind]
    return resource.as_json(company, edits.find(company, resource.kind, record_id))


def _moved(wall_time: str, minutes: int) -> str:
    return (datetime.fromisoformat(wall_time) + timedelta(minutes=minutes)).isoformat()
