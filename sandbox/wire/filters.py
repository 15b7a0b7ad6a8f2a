"""Filters with their option lists, and grids' columns: where jobs and users are named outside their own lists (G13)."""

from __future__ import annotations

import json

from starlette.responses import Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.faults.rows import without_missing
from sandbox.model import User
from sandbox.people import listed_users
from sandbox.wire.call import Call, WireStatusError, enveloped
from sandbox.wire.columns import COLUMNS
from sandbox.wire.gate import wire_route

_JOBS, _TIME_CLOCK = 33, 92
_JOB_FILTERS = (
    (0, "Standard View", {"1": "", "2": "", "3": "1,3", "7": ""}, True),
    (1, "All Listed Jobs", {"1": "", "2": "", "3": "5,1,7,2", "7": ""}, False),
    (2, "Closed Jobs", {"1": "", "2": "", "3": "0", "7": ""}, False),
)


def routes() -> list[Route]:
    return [
        wire_route("/api/Filters/{number:int}", _filters, method="GET"),
        wire_route("/api/GridViews/{number:int}", _grid_views, method="GET"),
        wire_route("/api/Bills/DefaultInfo", _bills_defaults, method="GET"),
    ]


def _filters(call: Call) -> Response:
    number = int(call.path_params["number"])
    if number not in (_JOBS, _TIME_CLOCK):
        raise WireStatusError(404)
    options = _options(call.company, number)
    match call.company.switches.filters_shape:
        case "plain":
            shaped: dict[str, object] = {"options": options}
        case "nested":
            shaped = {"filterLayout": {"groups": [{"title": "General", "options": None}, {"options": options}]}}
        case _:
            shaped = {"filters": [{"fieldId": 7, "options": {}}, {"fieldId": 3, "value": {"options": options}}]}
    saved = [
        {"id": place, "name": name, "filters": json.dumps(values), "isDefault": is_default}
        for place, name, values, is_default in (_JOB_FILTERS if number == _JOBS else _JOB_FILTERS[:1])
    ]
    return enveloped({"entityType": number, "savedFilters": saved, **shaped})


def _options(company: Company, number: int) -> dict[str, object]:
    jobs = [{"id": job.id, "name": job.name} for job in company.jobs.values() if job.id]
    states = [{"id": value, "name": name} for value, name in ((1, "Open"), (0, "Closed"), (3, "Warranty"))]
    options: dict[str, object] = {"3": states} if number == _JOBS else {"5": jobs}
    if company.switches.users_in_filters:
        options["users"] = [{"id": user.id, "name": user.name} for user in _shown_users(company)]
    return options


def _shown_users(company: Company) -> list[User]:
    return without_missing(company, "users", listed_users(company), id_of=lambda user: user.id)


def _grid_views(_: Call) -> Response:
    columns = [
        {"id": int(number), "name": name, "jsonKey": fields[0], "isSelected": number != "8"}
        for number, (name, fields) in COLUMNS.items()
    ]
    return enveloped({"views": [{"id": -1, "name": "Standard View", "columns": columns}]})


def _bills_defaults(call: Call) -> Response:
    """Who bills may be assigned to; that this is the path nobody recorded [C] (U4)."""
    if not call.company.switches.bills_defaults:
        raise WireStatusError(404)
    options = [
        {
            "id": user.id,
            "name": user.name,
            "extraData": {"userType": 1},
            "emailAddresses": user.email,
            "phone": user.phone,
        }
        for user in listed_users(call.company)
    ]
    sub = {"id": 1, "name": "Ridge Electric (sub)", "extraData": {"userType": 2}, "emailAddresses": "", "phone": ""}
    groups = [{"name": "Internal Users", "options": options}, {"name": "Subs/Vendors", "options": [sub]}]
    return enveloped({"assignedTo": {"options": groups}})
