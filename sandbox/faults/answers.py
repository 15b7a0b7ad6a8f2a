"""Faults that answer in place of the endpoint: slowness, statuses, modules that are missing or forbidden."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.faults.visit import Inner, Visit
from sandbox.rules import Entity, FailNext
from sandbox.switches import Endpoint, Switches
from sandbox.wire.call import refused

_TITLES = {
    404: "404 - File or directory not found.",
    403: "403 - Forbidden: Access is denied.",
    503: "Service Unavailable",
}
_ENDPOINTS: dict[Entity, str] = {
    "jobs": "jobs_endpoint",
    "time-entries": "time_clock_endpoint",
    "users": "users_endpoint",
    "budgets": "budgets_endpoint",
    "cost-codes": "cost_codes_endpoint",
    "worksheets": "worksheets_endpoint",
    "reports": "reports_endpoint",
    "filters": "filters_endpoint",
}


class Latency:
    """Every answer takes at least `latency_ms`."""

    async def __call__(self, visit: Visit, inner: Inner) -> Response:
        if visit.company.switches.latency_ms:
            await visit.connection.sleep(visit.company.switches.latency_ms / 1000)
        return await inner()


class Bursts:
    """Too many requests in a short time are refused, all of them, until a pause has passed (R7)."""

    async def __call__(self, visit: Visit, inner: Inner) -> Response:
        rule, state, now = visit.company.switches.burst, visit.company.burst, visit.connection.now()
        if rule is None:
            return await inner()
        if state.refused_until is not None and now < state.refused_until:
            return _too_many(rule.status)
        state.recent.append(now)
        while (now - state.recent[0]).total_seconds() > rule.seconds:
            state.recent.popleft()
        if len(state.recent) <= rule.requests:
            return await inner()
        state.recent.clear()
        state.refused_until = now + timedelta(seconds=rule.pause_s)
        return _too_many(rule.status)


class FailNextRequests:
    """The next requests to a path fail with a status, with a Retry-After if the rule has one."""

    async def __call__(self, visit: Visit, inner: Inner) -> Response:
        for rule in visit.company.switches.fail_next:
            if rule.matches(visit.target):
                rule.use()
                return _failure(rule, visit)
        return await inner()


class MissingEndpoints:
    """A module that the account does not use, or that the user has no permission for."""

    async def __call__(self, visit: Visit, inner: Inner) -> Response:
        match _endpoint(visit.company.switches, visit.entity):
            case "ok":
                return await inner()
            case "no-permission":
                return refused("You do not have permission to view this page.")
            case status:
                return _error_page(int(status))


def _endpoint(switches: Switches, entity: Entity | None) -> Endpoint:
    found: Endpoint = "ok" if entity is None else getattr(switches, _ENDPOINTS[entity])
    return found


def _failure(rule: FailNext, visit: Visit) -> Response:
    headers = {}
    if rule.retry_after is not None:
        until = visit.connection.now() + timedelta(seconds=rule.retry_after)
        as_date = rule.retry_after_form == "date"
        headers["Retry-After"] = format_datetime(until, usegmt=True) if as_date else str(rule.retry_after)
    return _too_many(429, headers) if rule.status == 429 else _error_page(rule.status, headers)


def _too_many(status: int, headers: dict[str, str] | None = None) -> Response:
    """JSON for 429; a 403 is the page of somebody without permission."""
    if status == 429:
        return JSONResponse({"message": "Too many requests."}, status, headers=headers)
    return _error_page(status, headers)


def _error_page(status: int, headers: dict[str, str] | None = None) -> Response:
    title = _TITLES.get(status, "Server Error")
    return HTMLResponse(f"<html><head><title>{title}</title></head><body>{title}</body></html>", status, headers)
