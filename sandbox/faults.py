"""Faults of the source, one class each, wrapped around an answer like onion skins.

To add a fault: write a class with `__call__(visit, inner)` that answers itself or awaits `inner()` and may change
what it gave, and list it in `FAULTS` (the first is the outermost).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.company import Company
from sandbox.connection import Connection

Inner = Callable[[], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request on its way to an endpoint of a company."""

    company: Company
    path: str
    connection: Connection


class Fault(Protocol):
    """One way in which the source misbehaves; it reads from the company's switches whether to."""

    async def __call__(self, visit: Visit, inner: Inner) -> Response: ...


class Latency:
    """Every answer takes at least `latency_ms`."""

    async def __call__(self, visit: Visit, inner: Inner) -> Response:
        if visit.company.switches.latency_ms:
            await visit.connection.sleep(visit.company.switches.latency_ms / 1000)
        return await inner()


class FailNextRequests:
    """The next requests to a path fail with a status, 429 with its Retry-After."""

    async def __call__(self, visit: Visit, inner: Inner) -> Response:
        for rule in visit.company.switches.fail_next:
            if rule.times > 0 and rule.path_contains.lower() in visit.path.lower():
                rule.times -= 1
                return _failure(rule.status, rule.retry_after)
        return await inner()


FAULTS: tuple[Fault, ...] = (Latency(), FailNextRequests())


async def answer_through_faults(visit: Visit, inner: Inner) -> Response:
    """The answer of `inner`, with every fault of the visited company that is switched on."""
    for fault in reversed(FAULTS):
        inner = partial(fault, visit, inner)
    return await inner()


def _failure(status: int, retry_after: int | None) -> Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if status == 429:
        return JSONResponse({"message": "Too many requests."}, status, headers=headers)
    title = "Service Unavailable" if status == 503 else "Server Error"
    return HTMLResponse(f"<html><head><title>{title}</title></head><body>{title}</body></html>", status, headers)
