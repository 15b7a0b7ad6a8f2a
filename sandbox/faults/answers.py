"""Faults that answer in place of the endpoint: slowness, statuses, modules that are missing or forbidden."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

from starlette.responses import JSONResponse, Response

from sandbox.faults.visit import Inner, Visit
from sandbox.rules import Entity, FailNext
from sandbox.switches import Endpoint, Switches
from sandbox.wire.call import error_page, refused

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
            return _failed(rule.status)
        state.recent.append(now)
        while (now - state.recent[0]).total_seconds() > rule.seconds:
            state.recent.popleft()
        if len(state.recent) <= rule.requests:
            return await inner()
        state.recent.clear()
        state.refused_until = now + timedelta(seconds=rule.pause_s)
        return _failed(rule.status)


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
                return error_page(int(status))


def _endpoint(switches: Switches, entity: Entity | None) -> Endpoint:
    found: Endpoint = "ok" if entity is None else getattr(switches, _ENDPOINTS[entity])
    return found


def _failure(rule: FailNext, visit: Visit) -> Response:
    headers = {}
    if rule.retry_after is not None:
        until = visit.connection.now() + timedelta(seconds=rule.retry_after)
        as_date = rule.retry_after_form == "date"
        headers["Retry-After"] = format_datetime(until, usegmt=True) if as_date else str(rule.retry_after)
    return _failed(rule.status, headers)


def _failed(status: int, headers: dict[str, str] | None = None) -> Response:
    """JSON for 429, an error page else: a 403 is the one of somebody without permission."""
    if status == 429:
        return JSONResponse({"message": "Too many requests."}, status, headers=headers)
    return error_page(status, headers)
