"""A request to an endpoint, and the protocol of the faults that are applied to it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.responses import Response

from sandbox.company import Company
from sandbox.connection import Connection
from sandbox.rules import Entity

Inner = Callable[[], Awaitable[Response]]

_ENTITIES: tuple[tuple[re.Pattern[str], Entity], ...] = (
    (re.compile(r"/api/(jobpicker/.*|jobsites/\d+|Jobsites/Grid)"), "jobs"),
    (re.compile(r"/api/TimeClock/Grid"), "time-entries"),
    (re.compile(r"/api/InternalUsers/Grid"), "users"),
    (re.compile(r"/apix/v2/JobCostingBudget"), "budgets"),
    (re.compile(r"/apix/v2/JobCostingBudget/budget-cost-codes"), "cost-codes"),
    (re.compile(r"/api/Proposals/\d+/Worksheet"), "worksheets"),
    (re.compile(r"/apix/v3/Reporting/.*"), "reports"),
    (re.compile(r"/api/(Filters|GridViews)/\d+"), "filters"),
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to an endpoint of a company; `target` is its path with the query."""

    company: Company
    target: str
    connection: Connection

    @property
    def entity(self) -> Entity | None:
        """The entity that the endpoint is about; None for sign-in, account and filters."""
        path = self.target.partition("?")[0]
        return next((entity for pattern, entity in _ENTITIES if pattern.fullmatch(path)), None)


class Fault(Protocol):
    """One way in which the source misbehaves, if the company's switches say so."""

    async def __call__(self, visit: Visit, inner: Inner) -> Response: ...
