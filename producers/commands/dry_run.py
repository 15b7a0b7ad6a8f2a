"""Answers to commands that only ask what they would take or do. Reads; changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from control.commands import OpenCommand, open_commands
from control.connections import Connection
from control.database import Transaction
from control.held_deletions import list_held
from control.runs import durations, open_run
from control.source_state import amounts
from core.clock import Clock
from core.settings import Settings
from producers.buildertrend.reads.plan import ALL_ENTITIES, OPEN_JOBS, Scope
from producers.commands.estimate import Extent, Pace, estimate, observed_request_s
from producers.runs.decide import FULL, INITIAL, RECENT, decide
from producers.sync_events import SyncEvent
from schemas.entities import ENTITIES


@dataclass(frozen=True, slots=True)
class DryRuns:
    """Says what commands would take."""

    settings: Settings
    clock: Clock

    def answer(self, tx: Transaction, connection: Connection, command: OpenCommand) -> SyncEvent:
        """The event that ends the command: it completed, and its message says what it would have taken."""
        if command.type == "release-deletions":
            return _said(connection, _would_release(tx, connection, command))
        if command.type in ("sync", "full-sync", "backfill"):
            return self._read(tx, connection, command)
        return _said(connection, _would_settle(tx, connection, command))

    def _read(self, tx: Transaction, connection: Connection, command: OpenCommand) -> SyncEvent:
        plan = decide(connection, [command], now=self.clock.now(), settings=self.settings)
        gap_s = self.settings.buildertrend_min_request_gap_ms / 1000
        found = estimate(_extent(tx, connection, plan.scope), Pace(self._request_s(tx, connection), gap_s))
        message = f"{plan.read.capitalize()} read. {found.sentence}"
        return SyncEvent(connection.company_id, "completed", pages_total=found.pages, message=message)

    def _request_s(self, tx: Transaction, connection: Connection) -> float | None:
        """Seconds a request took in this company's reads so far."""
        whole = _extent(tx, connection, Scope("all", connection.import_from))
        recent = decide(connection, [], now=self.clock.now(), settings=self.settings).scope
        extents = {INITIAL: whole, FULL: whole, RECENT: _extent(tx, connection, recent)}
        return observed_request_s(durations(tx, connection.company_id), extents)


def _extent(tx: Transaction, connection: Connection, scope: Scope) -> Extent:
    found = amounts(tx, connection.company_id, from_day=scope.from_day, to_day=scope.to_day)
    jobs = found.worked_jobs if scope.jobs == OPEN_JOBS else found.jobs
    return Extent(scope.entities, found.shifts, found.users, jobs, min(jobs, found.budgeted_jobs))


def _would_release(tx: Transaction, connection: Connection, command: OpenCommand) -> str:
    wanted = set(command.body["entities"]) or ALL_ENTITIES
    held = Counter(one.entity for one in list_held(tx, connection.company_id) if one.released_at is None)
    parts = [f"{held[one.name]:,} {one.name}" for one in ENTITIES if one.name in wanted and held[one.name]]
    return f"It would let these deletions go: {', '.join(parts)}." if parts else "No deletion is held."


def _would_settle(tx: Transaction, connection: Connection, command: OpenCommand) -> str:
    waiting = [one for one in open_commands(tx, connection.company_id) if not one.body["dry_run"]]
    read = open_run(tx, connection.company_id)
    return f"{_WOULD[command.type]} {_would_end(waiting, running=read is not None)}".strip()


_WOULD = {
    "pause": "Reading would be paused.",
    "resume": "Reading would go on.",
    "cancel": "",
    "disconnect": "The company would be disconnected and its password forgotten; the data stays.",
}


def _would_end(waiting: Sequence[OpenCommand], *, running: bool) -> str:
    parts = [f"{len(waiting)} commands wait"] if waiting else ["No command waits"]
    return f"{parts[0]}; {'a read is under way' if running else 'no read is under way'}."


def _said(connection: Connection, message: str) -> SyncEvent:
    return SyncEvent(connection.company_id, "completed", message=message)
