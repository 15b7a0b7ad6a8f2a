"""Reads a `shape.json` (docs/shape.md) into switches and sizes: a company that speaks the way of a capture.

A member that is absent is not known: the sandbox's own way stays. What the sandbox does not simulate is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import RefusedError

FORMAT = "protiv-buildertrend-shape/1"
_MOSTLY = 0.5
_MOST_SHIFTS, _MOST_JOBS = 50_000, 2_000
# More than any of the sizes: a shape comes from elsewhere, and ten to the power of what it says has no end.
_MOST_DECADE = 6
_NOT_A_SHAPE = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)
_MODULES = {
    "jobs": "jobs_endpoint",
    "shifts": "time_clock_endpoint",
    "cost codes": "cost_codes_endpoint",
    "budget": "budgets_endpoint",
    "worksheet": "worksheets_endpoint",
    "report": "reports_endpoint",
    "filters": "filters_endpoint",
}
# By kind: the entity, and where its rows stand in an answer.
_ROWS = {
    "shifts": ("time-entries", "data.data[]."),
    "jobs": ("jobs", "data.jobs[]."),
    "budget": ("budgets", "costCategories[].costCodes[]."),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a capture says about how an account speaks: switches by name, and the size of its company where known."""

    switches: dict[str, Any] = field(default_factory=dict)
    size: dict[str, Any] = field(default_factory=dict)


def read_shape(text: str) -> Shape:
    """Raises RefusedError for a text that is no shape of this format."""
    try:
        stated = json.loads(text)
        endpoints = [_Endpoint(one) for one in stated["endpoints"] if one.get("kind")]
        if stated["format"] != FORMAT:
            raise RefusedError(f"The shape has another format than {FORMAT}: write it again with `source check`.")
        shape = Shape()
        for endpoint in endpoints:
            _read_module(endpoint, shape.switches)
            _READERS.get(endpoint.kind, _nothing)(endpoint, shape)
            _read_fields(endpoint, shape.switches)
    except _NOT_A_SHAPE as error:
        raise RefusedError("The file is no shape: write one with `source check … --shape FILE`.") from error
    return shape


class _Endpoint:
    """One endpoint of the shape, with its fields by path."""

    def __init__(self, stated: Mapping[str, Any]) -> None:
        self.kind = str(stated["kind"])
        self.is_enveloped = stated.get("envelope") == "enveloped"
        self.sets_cookies = float(stated.get("sets_cookies", 0))
        self.statuses = {int(status): int(count) for status, count in stated.get("statuses", {}).items()}
        self.faults = dict(stated.get("faults", {}))
        self.paging = dict(stated.get("paging", {}))
        self._fields = {str(one["path"]): one for one in stated.get("fields", ())}

    def share(self, path: str, kind: str) -> float:
        """The share of a type at a place; of the missing, with `missing`."""
        found = self._fields.get(path, {})
        return float(found.get("missing", 0) if kind == "missing" else found.get("types", {}).get(kind, 0))

    def has(self, path: str) -> bool:
        return path in self._fields

    def ends(self, *names: str) -> bool:
        """Whether some place ends with one of the names."""
        return any(path.rpartition(".")[2] in names for path in self._fields)

    def fields_under(self, prefix: str) -> list[str]:
        return [path for path in self._fields if path.startswith(prefix)]

    def is_always_null(self, path: str) -> bool:
        return self.share(path, "null") == 1

    def middle_of(self, path: str, measure: str) -> int | None:
        """A number in the middle of the highest decade of a field's values or lengths."""
        decades = self._fields.get(path, {}).get(measure)
        return None if not decades else 3 * 10 ** min(int(decades[1]), _MOST_DECADE)


def _nothing(_endpoint: _Endpoint, _shape: Shape) -> None:
    """For kinds that say nothing about how the sandbox is to speak."""


def _read_module(endpoint: _Endpoint, switches: dict[str, Any]) -> None:
    """A module that never answered fails in the same way."""
    name = _MODULES.get(endpoint.kind)
    if name is None:
        return
    failed = [status for status in endpoint.statuses if status in (403, 404, 500)]
    if endpoint.statuses and len(failed) == len(endpoint.statuses):
        switches[name] = str(failed[0])
    elif "no-permission" in endpoint.faults and not _has_data(endpoint):
        switches[name] = "no-permission"


def _has_data(endpoint: _Endpoint) -> bool:
    return any(len(endpoint.fields_under(prefix)) > 1 for prefix in ("data.", "costCategories", "rowData"))


def _read_account(endpoint: _Endpoint, shape: Shape) -> None:
    shape.switches["builder_id_in_account"] = endpoint.ends("builderId")
    if endpoint.ends("timeZone", "timeZoneId"):
        shape.switches["stated_time_zone"] = "iana"
    if endpoint.sets_cookies > 0:
        shape.switches["cookie_renewal_calls"] = max(1, round(1 / endpoint.sets_cookies))


def _read_shifts(endpoint: _Endpoint, shape: Shape) -> None:
    paging, switches, row = endpoint.paging, shape.switches, "data.data[]."
    if paging.get("page_number") in ("text", "number"):
        switches["page_number"] = paging["page_number"]
    if paging.get("total_pages") in ("asked", "records"):
        switches["total_pages"] = paging["total_pages"]
    if paging.get("smaller_than_asked", 0) > 0 and paging.get("answered"):
        switches["most_page_size"] = max(paging["answered"])
    if endpoint.share(f"{row}tags[]", "object") > 0:
        switches["tag_form"] = "object"
    minutes = f"{row}costCodes[].totalMinutes"
    if endpoint.share(minutes, "null") == 1 or (endpoint.has(f"{row}costCodes[]") and not endpoint.has(minutes)):
        switches["shift_code_minutes"] = "missing"
    if endpoint.share(f"{row}jobId", "null") >= _MOSTLY:
        shape.size["kind"] = "service"
    _take_size(shape, "shifts", endpoint.middle_of("data.records", "decades"), _MOST_SHIFTS)


def _read_jobs(endpoint: _Endpoint, shape: Shape) -> None:
    shape.switches["jobs_row"] = "null" if endpoint.share("data.jobs[].jobId", "null") > 0 else "0"
    _take_size(shape, "jobs", endpoint.middle_of("data.jobs", "length"), _MOST_JOBS)


def _take_size(shape: Shape, name: str, stated: int | None, most: int) -> None:
    if stated is not None:
        shape.size[name] = min(stated, most)


def _read_cost_codes(endpoint: _Endpoint, shape: Shape) -> None:
    if endpoint.ends("costCodeId"):
        shape.switches["cost_code_fields"] = "costCodeId-displayCode-name"
    shape.switches["cost_code_place"] = "data" if endpoint.has("data.costCodesWithBudget") else "top"
    _read_nothing(endpoint, shape, "empty_codes", ("costCodesWithBudget", "data.costCodesWithBudget"))


def _read_budget(endpoint: _Endpoint, shape: Shape) -> None:
    shape.switches["budget_place"] = "data" if endpoint.has("data.costCategories") else "top"
    _read_nothing(endpoint, shape, "empty_budget", ("costCategories", "data.costCategories"))


def _read_worksheet(endpoint: _Endpoint, shape: Shape) -> None:
    _read_nothing(endpoint, shape, "empty_worksheet", ("data.formatData",))
    if endpoint.share("data", "null") > 0:
        shape.switches["empty_worksheet"] = "no-data"
    _read_nothing(endpoint, shape, "empty_lines", ("data.formatData[].lineItems",))
    if endpoint.has("data.formatData[]") and not endpoint.has("data.formatData[].lineItems"):
        shape.switches["empty_lines"] = "missing"


def _read_nothing(endpoint: _Endpoint, shape: Shape, switch: str, places: Iterable[str]) -> None:
    """How a list says that there is nothing, at the first of the places that the capture has."""
    place = next((one for one in places if endpoint.has(one)), None)
    if place is None:
        return
    forms = {"null": "null", "missing": "missing", "empty-list": "empty"}
    seen = next((form for kind, form in forms.items() if endpoint.share(place, kind) > 0), None)
    if seen is not None:
        shape.switches[switch] = seen


def _read_report(endpoint: _Endpoint, shape: Shape) -> None:
    shape.switches["report_rows"] = "rowData" if endpoint.has("rowData") else "data"


def _read_filters(endpoint: _Endpoint, shape: Shape) -> None:
    shape.switches["users_in_filters"] = endpoint.ends("users", "users[]")
    shape.switches["filters_shape"] = "plain" if endpoint.has("data.options") else "nested"


def _read_users(endpoint: _Endpoint, shape: Shape) -> None:
    shape.switches["internal_users_grid"] = 200 in endpoint.statuses


def _read_bills(endpoint: _Endpoint, shape: Shape) -> None:
    shape.switches["bills_defaults"] = 200 in endpoint.statuses


def _read_fields(endpoint: _Endpoint, switches: dict[str, Any]) -> None:
    """Fields that are null in every row of the capture, beside those that are there."""
    if endpoint.kind not in _ROWS:
        return
    entity, prefix = _ROWS[endpoint.kind]
    nulls = [path.removeprefix(prefix) for path in endpoint.fields_under(prefix) if endpoint.is_always_null(path)]
    rules = [{"entity": entity, "field": name, "change": "null"} for name in nulls if name != "*" and "[]" not in name]
    if rules:
        switches.setdefault("fields", []).extend(rules)


_READERS: dict[str, Callable[[_Endpoint, Shape], None]] = {
    "account": _read_account,
    "shifts": _read_shifts,
    "jobs": _read_jobs,
    "cost codes": _read_cost_codes,
    "budget": _read_budget,
    "worksheet": _read_worksheet,
    "report": _read_report,
    "filters": _read_filters,
    "users": _read_users,
    "bills defaults": _read_bills,
}
