"""The internal users' grid [C]: nobody saw it (U2), so that it is there only where a switch says so."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from sandbox.faults.paging import page_through_faults
from sandbox.model import User
from sandbox.people import listed_users
from sandbox.wire.call import Call, WireStatusError, enveloped
from sandbox.wire.gate import wire_route
from sandbox.wire.grid import read_grid_query
from sandbox.wire.values import rate_text


def routes() -> list[Route]:
    return [wire_route("/api/InternalUsers/Grid", _grid, method="POST")]


def _grid(call: Call) -> Response:
    if not call.company.switches.internal_users_grid:
        raise WireStatusError(404)
    query = read_grid_query(call.body)
    ordered = listed_users(call.company)
    if query.descending:
        ordered.reverse()
    users, facts = page_through_faults(call.company, "users", ordered, query)
    return enveloped({"data": [_row(user) for user in users], **facts})


def _row(user: User) -> dict[str, object]:
    return {
        "userId": user.id,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "email": user.email,
        "phone": user.phone,
        "role": user.role,
        "isActive": user.is_active,
        "defaultLaborCost": rate_text(user.labor_cost_cents) if user.labor_cost_cents else None,
        "lastLogin": None,
        "isPaymentsUser": False,
    }
