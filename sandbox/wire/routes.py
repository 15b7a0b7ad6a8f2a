"""All endpoints of the wire; one base URL plays the application host and the sign-in host."""

from __future__ import annotations

from starlette.routing import Route

from sandbox.wire import account, budgets, jobs, sign_in, time_clock, users, worksheets


def wire_routes() -> list[Route]:
    areas = (sign_in, account, jobs, time_clock, users, budgets, worksheets)
    return [route for area in areas for route in area.routes()]
