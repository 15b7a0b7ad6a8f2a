"""Faults of rows: changed fields and missing rows. Only a row's id decides whether it is affected."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from starlette.responses import Response

from sandbox.company import Company
from sandbox.faults.visit import Inner, Visit
from sandbox.rules import Entity, FieldRule
from sandbox.wire.call import plain

T = TypeVar("T")

_ROWS = ("jobs", "data", "costCodesWithBudget", "rowData")
_IDS = ("id", "jobId", "jobID", "userId", "costCodeId")


def is_in_share(record_id: int, share: float) -> bool:
    """Always the same for an id; true for about the share of many ids."""
    return record_id * 2_654_435_761 % 2**32 < share * 2**32


def without_missing(company: Company, entity: Entity, rows: Iterable[T], *, id_of: Callable[[T], int]) -> list[T]:
    """The rows without those that are to be missing."""
    which = {rule.which for rule in company.switches.missing_rows if rule.entity == entity}
    if "all" in which:
        return []
    return [row for row in rows if "half" not in which or not is_in_share(id_of(row), 0.5)]


class ChangedFields:
    """Fields of rows that are renamed, dropped, added, null or of another type."""

    async def __call__(self, visit: Visit, inner: Inner) -> Response:
        answer = await inner()
        rules = [rule for rule in visit.company.switches.fields if rule.entity == visit.entity]
        if not rules or answer.status_code != 200:
            return answer
        payload = json.loads(bytes(answer.body))
        for row in _rows(visit.entity, payload):
            for rule in rules:
                if is_in_share(_row_id(row), rule.share):
                    _change(row, rule)
        return plain(payload)


def _rows(entity: Entity | None, payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of an answer, wherever its endpoint puts them; none in a refusal."""
    data: Any = payload.get("data", payload)
    if isinstance(data, list) or data is None:
        return data or []
    match entity:
        case "budgets":
            return [row for category in data.get("costCategories") or [] for row in category["costCodes"]]
        case "worksheets":
            return _worksheet_lines(data.get("formatData") or [])
        case "filters" | None:
            return []
        case _:
            found = next((data[name] for name in _ROWS if name in data), [data] if entity == "jobs" else [])
            return list(found or [])


def _worksheet_lines(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for one in groups for line in [*(one.get("lineItems") or []), *_worksheet_lines(one["subGroups"])]]


def _row_id(row: dict[str, Any]) -> int:
    return next((int(row[name]) for name in _IDS if isinstance(row.get(name), int)), 0)


def _change(row: dict[str, Any], rule: FieldRule) -> None:
    *path, name = rule.field.split(".")
    holder: Any = row
    for step in path:
        holder = holder.get(step) if isinstance(holder, dict) else None
    if not isinstance(holder, dict):
        return
    if rule.change == "add":
        holder[name] = rule.value
    elif name in holder:
        _change_known(holder, name, rule)


def _change_known(holder: dict[str, Any], name: str, rule: FieldRule) -> None:
    match rule.change:
        case "rename":
            # The order of the fields is kept.
            renamed = {(rule.name or key if key == name else key): value for key, value in holder.items()}
            holder.clear()
            holder.update(renamed)
        case "drop":
            del holder[name]
        case "null":
            holder[name] = None
        case _:
            holder[name] = _of_other_type(holder[name])


def _of_other_type(value: Any) -> Any:
    """A number as text, and anything else as an object that holds it."""
    return str(value) if isinstance(value, (int, float)) else {"value": value}
