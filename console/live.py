"""One reading shared by everybody who looks: however many pages are open, the database is read once at a time, and
what was read last stays to be shown while it does not answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from console.overview import Overview, OverviewSource, Wanted
from console.telemetry import OUTAGE, READ_SECONDS
from core.clock import Clock
from core.errors import IntegrationError
from core.log import get_logger

T = TypeVar("T")

_LOG = get_logger(__name__)
_VIEWS_KEPT = 16
_SLOW = "The database takes long to answer."


@dataclass(frozen=True, slots=True)
class Pace:
    """How often is read: a value serves for `fresh_s`, or `share` times as long as reading it took if that is longer.

    `patience_s` is how long a request waits for a read before it is told that the database is slow.
    """

    fresh_s: float = 1.0
    share: float = 4.0
    patience_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Shown(Generic[T]):
    """The newest value there is (None before the first), and what is wrong with reading now (None if nothing is)."""

    value: T | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class _Reading(Generic[T]):
    value: T | None
    problem: str | None
    ended_at: float
    seconds: float


class Shared(Generic[T]):
    """Calls `read` in a thread of its own, at most one at a time. `get` is for one event loop only."""

    def __init__(self, read: Callable[[], T], clock: Clock, pace: Pace) -> None:
        self._read = read
        self._clock = clock
        self._pace = pace
        self._shown: Shown[T] = Shown(None, _SLOW)
        self._serves_until = clock.monotonic()
        self._reading: Future[_Reading[T]] | None = None

    async def get(self) -> Shown[T]:
        """The value, read now unless a fresh one is there. An error that is nobody's outage is raised."""
        self._take()
        if self._reading is None and self._clock.monotonic() >= self._serves_until:
            self._reading = self._begin()
        reading = self._reading
        if reading is not None:
            await asyncio.wait({asyncio.wrap_future(reading)}, timeout=self._pace.patience_s)
            self._take()
            if not reading.done():
                return Shown(self._shown.value, _SLOW)
        return self._shown

    def _begin(self) -> Future[_Reading[T]]:
        future: Future[_Reading[T]] = Future()
        future.set_running_or_notify_cancel()
        # A daemon: a database that hangs must not keep the process from ending.
        threading.Thread(target=self._run, args=(future,), name="overview", daemon=True).start()
        return future

    def _run(self, future: Future[_Reading[T]]) -> None:
        began = self._clock.monotonic()
        try:
            value, problem = self._outcome()
        except BaseException as exc:  # noqa: BLE001 - handed on to whoever waits for it
            future.set_exception(exc)
        else:
            ended = self._clock.monotonic()
            future.set_result(_Reading(value, problem, ended, ended - began))

    def _outcome(self) -> tuple[T | None, str | None]:
        try:
            return self._read(), None
        except IntegrationError as exc:
            return None, str(exc)

    def _take(self) -> None:
        """Make a finished reading what is shown."""
        if self._reading is None or not self._reading.done():
            return
        future, self._reading = self._reading, None
        reading = future.result()
        self._note(reading)
        value = self._shown.value if reading.problem else reading.value
        self._shown = Shown(value, reading.problem)
        self._serves_until = reading.ended_at + max(self._pace.fresh_s, self._pace.share * reading.seconds)

    def _note(self, reading: _Reading[T]) -> None:
        READ_SECONDS.observe(reading.seconds)
        OUTAGE.set(reading.problem is not None)
        if reading.problem and reading.problem != self._shown.problem:
            _LOG.warning("overview_cannot_be_read", reason=reading.problem)


class LiveOverview:
    """The overview for every view that somebody has open, and whether the source answers at all."""

    def __init__(self, source: OverviewSource, clock: Clock, pace: Pace | None = None) -> None:
        self._source = source
        self._clock = clock
        self._pace = pace or Pace()
        self._views: OrderedDict[Wanted, Shared[Overview]] = OrderedDict()
        self._answers = Shared(source.ping, clock, self._pace)

    async def get(self, wanted: Wanted) -> Shown[Overview]:
        """The view, new or at most as old as the pace says, or the last one with what is wrong now."""
        view = self._views.get(wanted) or Shared(lambda: self._source.read(wanted), self._clock, self._pace)
        self._views[wanted] = view
        self._views.move_to_end(wanted)
        while len(self._views) > _VIEWS_KEPT:
            self._views.popitem(last=False)
        return await view.get()

    async def problem(self) -> str | None:
        """What is wrong with the source; None if it answers."""
        return (await self._answers.get()).problem
