"""Decides what a run reads: pure, from the connection, its open commands and the time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from control.commands import OpenCommand
from control.connections import Connection
from control.runs import NewRun, OpenRun
from core.settings import Settings
from producers.buildertrend.plan import ALL_ENTITIES, ALL_JOBS, OPEN_JOBS, Scope

INITIAL = "initial"
FULL = "full"
RECENT = "recent"
_DUE_SHARE = (0.8, 0.95)
_INITIAL_USABLE_S = 90 * 86_400


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is to read and for whom: `read` is initial, full or recent; `left` is the open run it goes on with."""

    read: str
    scope: Scope
    commands: Sequence[OpenCommand]
    left: OpenRun | None = None

    @property
    def command_id(self) -> str | None:
        """The command that the run's progress is told to; the others hear of its end."""
        return self.commands[0].command_id if self.commands else None

    @property
    def is_for_all(self) -> bool:
        """True when no entity is left out."""
        return set(self.scope.entities) == ALL_ENTITIES

    @property
    def leaves_nothing_out(self) -> bool:
        """True when each entity that is read is read to its end, not only a window of it."""
        return self.read in (INITIAL, FULL)

    @property
    def is_whole(self) -> bool:
        """True when everything of the account is read, so that the schedule counts it as a full read."""
        return self.leaves_nothing_out and self.is_for_all


def decide(
    connection: Connection,
    commands: Sequence[OpenCommand],
    *,
    left: OpenRun | None = None,
    now: datetime,
    settings: Settings,
) -> Order:
    """Which read is due: what was left open; initial until one was complete; full when asked for or due; else recent.

    The oldest command says which entities; every other one that asks for no more than that joins the run.
    """
    if left is not None and _goes_on(left, connection, now, settings):
        scope = Scope.from_json(left.scope)
        return Order(left.read, scope, [one for one in commands if _joins(one, left.read, scope)], left)
    asked = _entities(commands[0]) if commands else ALL_ENTITIES
    joined = [command for command in commands if _entities(command) <= asked]
    if connection.initial_done_at is None:
        return Order(INITIAL, Scope(ALL_JOBS, connection.import_from, asked), joined)
    if _full_is_due(connection, now, settings) or any(command.type == "full-sync" for command in joined):
        return Order(FULL, Scope(ALL_JOBS, connection.import_from, asked), joined)
    edge = window_edge(now, connection.time_zone, settings.recent_window_days)
    from_day = max(edge, connection.import_from) if connection.import_from else edge
    return Order(RECENT, Scope(OPEN_JOBS, from_day, asked), joined)


def new_run(order: Order, connection: Connection, settings: Settings) -> NewRun:
    """The run to begin for an order. Of a long read that failed midway a later one takes over what it had read."""
    usable_s = {INITIAL: _INITIAL_USABLE_S, FULL: settings.full_sync_interval_s}.get(order.read, 0)
    return NewRun(order.read, run_scope(order.scope, connection), order.command_id, usable_s)


def run_scope(scope: Scope, connection: Connection) -> dict[str, Any]:
    """What must be the same for a run to be gone on with: what it reads, and how the connection has it read."""
    first = connection.import_from
    settled = {"time_zone": connection.time_zone, "import_from": None if first is None else first.isoformat()}
    return scope.as_json() | settled


def window_edge(now: datetime, time_zone: str, window_days: int) -> date:
    """The first local day of the recent window."""
    return now.astimezone(ZoneInfo(time_zone)).date() - timedelta(days=window_days)


def next_due(now: datetime, interval_s: float, jitter: random.Random) -> datetime:
    """When to read again: up to a fifth before the interval is over, so that companies do not march in step.

    Never behind it: with the time that a read takes, each company has its turn within the interval.
    """
    return now + timedelta(seconds=interval_s * jitter.uniform(*_DUE_SHARE))


def _goes_on(left: OpenRun, connection: Connection, now: datetime, settings: Settings) -> bool:
    """A run under other terms, or so old that the next one is due, is not gone on with; a first read always is."""
    longest_s = {INITIAL: _INITIAL_USABLE_S, FULL: settings.full_sync_interval_s}.get(
        left.read, settings.poll_interval_s
    )
    same_terms = run_scope(Scope.from_json(left.scope), connection) == left.scope if left.scope else False
    return same_terms and now - left.started_at < timedelta(seconds=longest_s)


def _joins(command: OpenCommand, read: str, scope: Scope) -> bool:
    return _entities(command) <= set(scope.entities) and (command.type == "sync" or read in (INITIAL, FULL))


def _full_is_due(connection: Connection, now: datetime, settings: Settings) -> bool:
    interval = timedelta(seconds=settings.full_sync_interval_s)
    return connection.last_full_at is None or now - connection.last_full_at >= interval


def _entities(command: OpenCommand) -> frozenset[str]:
    return frozenset(command.body["entities"]) or ALL_ENTITIES
