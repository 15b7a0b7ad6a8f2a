"""Decides what a run reads: pure, from the connection, its open commands and the time."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from control.commands import OpenCommand
from control.connections import Connection
from control.runs import NewRun, OpenRun
from core.settings import Settings
from producers.buildertrend.reads.plan import ALL_ENTITIES, ALL_JOBS, CHANGED_JOBS, OPEN_JOBS, Scope
from schemas.codec import from_days
from schemas.commands import ALONE

INITIAL = "initial"
FULL = "full"
RECENT = "recent"
BACKFILL = "backfill"
_DUE_SHARE = (0.8, 0.95)
_INITIAL_USABLE_S = 90 * 86_400


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """What a run is to read and for whom: `read` is initial, full, recent or backfill.

    `left` is the open run it goes on with; `releases` lets held deletions go before it.
    """

    read: str
    scope: Scope
    commands: Sequence[OpenCommand]
    left: OpenRun | None = None
    releases: OpenCommand | None = None

    @property
    def command_id(self) -> str | None:
        """The command that the run's progress is told to; the others hear of its end."""
        return self.commands[0].command_id if self.commands else None

    @property
    def is_for_all(self) -> bool:
        """True when no entity is left out."""
        return set(self.scope.entities) == ALL_ENTITIES

    @property
    def is_scheduled(self) -> bool:
        """True when it stands for the scheduled read: for all entities, and not only for some days of the past."""
        return self.is_for_all and self.read != BACKFILL

    @property
    def leaves_nothing_out(self) -> bool:
        """True when each entity that is read is read to its end, not only a window of it."""
        return self.read in (INITIAL, FULL)

    @property
    def is_whole(self) -> bool:
        """True when everything of the account is read, so that the schedule counts it as a full read."""
        return self.leaves_nothing_out and self.is_for_all


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier reads left. `wants_whole`: one of everything was incomplete, and it is time to try again.

    `oldest_day`: the first local day of a shift that is known.
    """

    wants_whole: bool = False
    oldest_day: date | None = None


_NOTHING = Earlier()


def decide(
    connection: Connection,
    commands: Sequence[OpenCommand],
    *,
    left: OpenRun | None = None,
    in_run: Collection[str] = (),
    earlier: Earlier = _NOTHING,
    now: datetime,
    settings: Settings,
) -> ReadPlan:
    """Which read is due: what was left open; initial until one was complete; full when asked for or due; else recent.

    The oldest command says which entities; every other one that asks for no more than that joins the run. `in_run`: ids
    of the commands that the open run is for.
    """
    if left is not None and _goes_on(left, connection, now, settings):
        scope = Scope.from_json(left.scope)
        mine = [one for one in commands if one.command_id in in_run or _joins(one, left.read, scope)]
        return ReadPlan(left.read, scope, mine, left)
    if commands and commands[0].type in ALONE:
        return _alone(commands[0], connection, earlier)
    asked = _entities(commands[0]) if commands else ALL_ENTITIES
    joined = [command for command in commands if _entities(command) <= asked and command.type not in ALONE]
    if connection.initial_done_at is None:
        return ReadPlan(INITIAL, _everything(connection, asked, earlier), joined)
    if (
        earlier.wants_whole
        or _full_is_due(connection, now, settings)
        or any(command.type == "full-sync" for command in joined)
    ):
        return ReadPlan(FULL, _everything(connection, asked, earlier), joined)
    edge = window_edge(now, connection.time_zone, settings.recent_window_days)
    from_day = max(edge, connection.import_from) if connection.import_from else edge
    # Who asks for a read is told that all was read: whatever the company-wide report says.
    return ReadPlan(RECENT, Scope(OPEN_JOBS if joined else CHANGED_JOBS, from_day, asked), joined)


def _everything(connection: Connection, entities: Collection[str], earlier: Earlier) -> Scope:
    """All that is taken in, and all that is known: a shift that was moved to before import-from is read on."""
    first, oldest = connection.import_from, earlier.oldest_day
    kept_from = oldest if first is not None and oldest is not None and oldest < first else None
    return Scope(ALL_JOBS, first, entities, kept_from=kept_from)


def _alone(command: OpenCommand, connection: Connection, earlier: Earlier) -> ReadPlan:
    """A read that is one command's own: a backfill's days, or all of the entities whose deletions are let go."""
    if command.type == "backfill":
        first, last = (
            None if days is None else from_days(days) for days in (command.body["from_date"], command.body["to_date"])
        )
        return ReadPlan(BACKFILL, Scope(ALL_JOBS, first, _entities(command), last, names_all=False), [command])
    scope = _everything(connection, _entities(command), earlier)
    return ReadPlan(FULL if connection.initial_done_at else INITIAL, scope, [command], releases=command)


def new_run(plan: ReadPlan, connection: Connection, settings: Settings) -> NewRun:
    """The run to begin for a plan. Of a long read that failed midway a later one takes over what it had read.

    A full read that somebody asks for begins anew: what was read before they asked may have changed since.
    """
    usable_s = {INITIAL: _INITIAL_USABLE_S, FULL: settings.full_sync_interval_s}.get(plan.read, 0)
    if plan.read == FULL and plan.commands:
        usable_s = 0
    return NewRun(plan.read, run_scope(plan.scope, connection), plan.command_id, usable_s)


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
    fits = command.type == "sync" or (command.type == "full-sync" and read in (INITIAL, FULL))
    return fits and read != BACKFILL and _entities(command) <= set(scope.entities)


def _full_is_due(connection: Connection, now: datetime, settings: Settings) -> bool:
    interval = timedelta(seconds=settings.full_sync_interval_s)
    return connection.last_full_at is None or now - connection.last_full_at >= interval


def _entities(command: OpenCommand) -> frozenset[str]:
    return frozenset(command.body["entities"]) or ALL_ENTITIES
