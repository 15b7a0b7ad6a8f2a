"""All endpoints of the wire; one base URL plays the application host and the sign-in host."""

from __future__ import annotations

from starlette.routing import Route

from sandbox.wire import account, app_pages, budgets, filters, jobs, reports, sign_in, time_clock, users, worksheets


def wire_routes() -> list[Route]:
    areas = (sign_in, app_pages, account, filters, jobs, time_clock, users, budgets, worksheets, reports)
    return [route for area in areas for route in area.routes()]
