"""The internal users grid [C]: no source maps it, and on some accounts it does not exist (404) or fails (500)."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from sandbox.faults.paging import page_through_faults
from sandbox.model import User
from sandbox.wire.call import Call, enveloped
from sandbox.wire.gate import wire_route
from sandbox.wire.grid import read_grid_query
from sandbox.wire.values import rate_text


def routes() -> list[Route]:
    return [wire_route("/api/InternalUsers/Grid", _grid, method="POST")]


def _grid(call: Call) -> Response:
    query = read_grid_query(call.body)
    ordered = sorted(call.company.users.values(), key=lambda user: (user.last_name, user.id), reverse=query.descending)
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
