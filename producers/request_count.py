"""Counts the requests of a run by kind; a metric at once, the company's day in the database from time to time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import httpx

from control.connections import Connection
from control.database import Database
from control.requests import add_requests
from core.clock import Clock
from core.errors import IntegrationError
from core.log import get_logger
from producers import metrics
from producers.buildertrend.request_kinds import SIGN_IN, kind_of

log = get_logger(__name__)
# A first read of hours is seen while it lasts.
_STORED_EVERY = 100


@dataclass(slots=True)
class RequestCount:
    """Requests of one run of a company, repeated ones each time; those of a sign-in are the sign-in's, not the read's.

    A database that is away must not stop a read: what cannot be stored then is counted by the metric alone.
    """

    database: Database
    connection: Connection
    read: str
    clock: Clock
    _waiting: Counter[tuple[str, str]] = field(default_factory=Counter)

    def note(self, request: httpx.Request) -> None:
        """A request is about to be sent."""
        kind = kind_of(request)
        read = SIGN_IN if kind == SIGN_IN else self.read
        metrics.REQUESTS.labels(read, kind).inc()
        self._waiting[read, kind] += 1
        if self._waiting.total() >= _STORED_EVERY:
            self.store()

    def store(self) -> None:
        """Add what was counted to the company's local day."""
        counts, self._waiting = self._waiting, Counter()
        if not counts:
            return
        day = self.clock.now().astimezone(ZoneInfo(self.connection.time_zone)).date()
        try:
            with self.database.transaction() as tx:
                add_requests(tx, self.connection.company_id, day, counts)
        except IntegrationError as exc:
            log.warning("requests_not_counted", requests=counts.total(), reason=str(exc))
