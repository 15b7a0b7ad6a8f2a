"""Decides what a run reads: pure, from the connection, its open commands and the time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from control.commands import OpenCommand
from control.connections import Connection
from core.settings import Settings
from producers.buildertrend.plan import ALL_ENTITIES, ALL_JOBS, OPEN_JOBS, Scope

_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is to read and for whom: `read` is initial, full or recent."""

    read: str
    scope: Scope
    commands: Sequence[OpenCommand]

    @property
    def command_id(self) -> str | None:
        """The command that the run's progress is told to; the others hear of its end."""
        return self.commands[0].command_id if self.commands else None

    @property
    def is_for_all(self) -> bool:
        """True when no entity is left out."""
        return set(self.scope.entities) == ALL_ENTITIES

    @property
    def is_whole(self) -> bool:
        """True when everything of the account is read, so that the schedule counts it as a full read."""
        return self.read != "recent" and self.is_for_all


def decide(connection: Connection, commands: Sequence[OpenCommand], *, now: datetime, settings: Settings) -> Order:
    """Which read is due: initial until one was complete, full when asked for or due, else recent.

    The oldest command says which entities; every other one that asks for no more than that joins the run.
    """
    asked = _entities(commands[0]) if commands else ALL_ENTITIES
    joined = [command for command in commands if _entities(command) <= asked]
    if connection.initial_done_at is None:
        return Order("initial", Scope(ALL_JOBS, connection.import_from, asked), joined)
    if _full_is_due(connection, now, settings) or any(command.type == "full-sync" for command in joined):
        return Order("full", Scope(ALL_JOBS, connection.import_from, asked), joined)
    edge = window_edge(now, connection.time_zone, settings.recent_window_days)
    from_day = max(edge, connection.import_from) if connection.import_from else edge
    return Order("recent", Scope(OPEN_JOBS, from_day, asked), joined)


def window_edge(now: datetime, time_zone: str, window_days: int) -> date:
    """The first local day of the recent window."""
    return now.astimezone(ZoneInfo(time_zone)).date() - timedelta(days=window_days)


def next_due(now: datetime, interval_s: float, jitter: random.Random) -> datetime:
    """When to read again: the interval, give or take a tenth, so that companies do not march in step."""
    return now + timedelta(seconds=interval_s * jitter.uniform(1 - _JITTER, 1 + _JITTER))


def _full_is_due(connection: Connection, now: datetime, settings: Settings) -> bool:
    interval = timedelta(seconds=settings.full_sync_interval_s)
    return connection.last_full_at is None or now - connection.last_full_at >= interval


def _entities(command: OpenCommand) -> frozenset[str]:
    return frozenset(command.body["entities"]) or ALL_ENTITIES
