"""A job's estimate worksheet: nested groups of lines; only lines of unit "HR" state budgeted hours."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.faults.rows import without_missing
from sandbox.model import LINE_COST, WorksheetLine
from sandbox.quirks import Nothing
from sandbox.wire.call import Call, WireRefusedError, enveloped
from sandbox.wire.gate import wire_route
from sandbox.wire.values import money, nothing_as, wrapped


def routes() -> list[Route]:
    return [wire_route("/api/Proposals/{job_id:int}/Worksheet", _worksheet, method="GET")]


def lines_by_job(company: Company) -> dict[int, list[WorksheetLine]]:
    def compute() -> dict[int, list[WorksheetLine]]:
        grouped: dict[int, list[WorksheetLine]] = defaultdict(list)
        for line in sorted(company.worksheet_lines.values(), key=lambda line: line.id):
            grouped[line.job_id].append(line)
        return dict(grouped)

    return company.derived("worksheet-lines-by-job", compute)


def _worksheet(call: Call) -> Response:
    job_id = int(call.path_params["job_id"])
    if job_id not in call.company.jobs:
        raise WireRefusedError("This job does not exist or you do not have access to it.")
    lines = without_missing(
        call.company, "worksheets", lines_by_job(call.company).get(job_id, []), id_of=lambda line: line.id
    )
    root = _group("")
    for line in lines:
        _group_at(root, line.group)["lineItems"].append(_line(call.company, line))
    switches = call.company.switches
    if not lines and switches.empty_worksheet == "no-data":
        return enveloped(None)
    total = sum(line.owner_price_cents for line in lines)
    groups = [_shown_group(group, switches.empty_lines) for group in root["subGroups"]]
    answer = {"jobId": job_id, "formatData": groups, "totalOwnerPrice": wrapped(total)}
    shown = "empty" if switches.empty_worksheet == "no-data" else switches.empty_worksheet
    return enveloped(nothing_as(answer, "formatData", shown))


def _shown_group(group: dict[str, Any], empty_lines: Nothing) -> dict[str, Any]:
    """The group with "no lines" stated as the account does (B4)."""
    below = [_shown_group(one, empty_lines) for one in group["subGroups"]]
    return nothing_as({**group, "subGroups": below}, "lineItems", empty_lines)


def _group(title: str) -> dict[str, Any]:
    return {"title": title, "description": "", "lineItems": [], "subGroups": []}


def _group_at(group: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The group at the path below `group`, made where it is missing."""
    for title in path:
        below = next((one for one in group["subGroups"] if one["title"] == title), None)
        if below is None:
            below = _group(title)
            group["subGroups"].append(below)
        group = below
    return group


def _line(company: Company, line: WorksheetLine) -> dict[str, object]:
    code = None if line.cost_code_id is None else company.cost_codes.get(line.cost_code_id)
    has_cost = line.line_type == LINE_COST
    return {
        "id": line.id,
        "lineItemType": line.line_type,
        "itemTitle": line.item_title,
        "costCodeTitle": None if code is None else code.title,
        "description": line.description,
        "unit": line.unit,
        "quantity": line.quantity_hundredths / 100,
        "unitCost": money(line.unit_cost_cents, salt=line.id) if has_cost else None,
        "builderCost": money(line.builder_cost_cents, salt=line.id) if has_cost else None,
        "markupPercent": line.markup_percent,
        "ownerPrice": money(line.owner_price_cents, salt=line.id + 1),
        "internalNotes": line.internal_notes,
        "markedAs": 0,
    }
