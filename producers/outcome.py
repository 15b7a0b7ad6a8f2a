"""How a run ended: recorded in the database and said to every command that it answers.

The event goes out before the command is marked done: a crash in between says the same event (the same id) once more.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from control.commands import OpenCommand, finish_commands
from control.connections import Connection, Failure, Lease, hold_epoch, set_failed, set_succeeded
from control.database import Database
from control.runs import Counts, OpenRun, RunEnd, RunId, finish_run
from core.clock import Clock
from core.log import get_logger
from core.settings import Settings
from producers.buildertrend.faults import SourceFaultError
from producers.decide import Order, next_due
from producers.events import EventWriter, SyncEvent
from producers.run import COUNTERS, Run

_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes ends of runs."""

    settings: Settings
    database: Database
    events: EventWriter
    clock: Clock
    jitter: random.Random = field(default_factory=random.Random)

    def succeeded(self, lease: Lease, order: Order, run: Run) -> None:
        """The run read all it was to read; held deletions do not make it a failure."""
        now = self.clock.now()
        message = _held_sentence(run.held) if run.held else None
        with self.database.transaction() as tx:
            hold_epoch(tx, lease)
            end = RunEnd("held" if run.held else "completed", None, message, run.counts)
            finish_run(tx, run.assignment.run, end)
            # A run for some entities does not stand for the scheduled one of all.
            due = next_due(now, self.settings.poll_interval_s, self.jitter) if order.is_for_all else None
            set_succeeded(tx, lease.company_id, at=now, next_due_at=due, full=order.is_whole)
        _LOG.info("run_completed", published=run.published)
        self._answer(order.commands, _end_event("completed", run.assignment.run, run.counts, message=message))

    def failed(self, lease: Lease, order: Order, run_id: RunId, ended: Ended) -> None:
        """The source did not let the run go on."""
        _LOG.warning("run_failed", fault=ended.error.fault.name, detail=ended.error.detail)
        fault = ended.error.fault
        with self.database.transaction() as tx:
            hold_epoch(tx, lease)
            finish_run(tx, run_id, RunEnd("failed", fault.name, ended.error.detail, ended.counts))
            set_failed(tx, lease.company_id, self._failure(ended))
        event = _end_event("failed", run_id, ended.counts, message=fault.for_admin, fault=fault.name)
        self._answer(order.commands, event)

    def refused(
        self, lease: Lease, connection: Connection, commands: Sequence[OpenCommand], left: OpenRun | None
    ) -> None:
        """Commands for a connection that may not be read now: no sign-in is tried for them. An open run ends here."""
        if left is not None:
            with self.database.transaction() as tx:
                hold_epoch(tx, lease)
                end = RunEnd("failed", connection.fault, connection.message, left.counts)
                finish_run(tx, RunId(left.run_id, lease.company_id, left.run_seq), end)
        self._answer(
            commands,
            SyncEvent(
                company_id=connection.company_id,
                type="failed",
                message=connection.message or f"The connection is {connection.state}.",
                fault=connection.fault,
            ),
        )

    def _failure(self, ended: Ended) -> Failure:
        fault = ended.error.fault
        wait_s = ended.error.retry_after_s or fault.retry_after_s or self.settings.poll_interval_s
        known = "connected" if ended.connection.builder_id else "connecting"
        return Failure(
            state="needs-attention" if fault.stops_sign_in else known,
            fault=fault.name,
            message=fault.for_admin,
            # What the source asked for is never cut short; our own pauses are no longer than the usual interval.
            next_due_at=self._later(min(wait_s, self.settings.poll_interval_s), ended.error.retry_after_s or 0.0),
        )

    def _later(self, seconds: float, at_least_s: float) -> datetime:
        now = self.clock.now()
        return max(next_due(now, seconds, self.jitter), now + timedelta(seconds=at_least_s))

    def _answer(self, commands: Sequence[OpenCommand], event: SyncEvent) -> None:
        for command in commands:
            self.events.write(_for_command(event, command))
        if not commands:
            self.events.write(event)
        with self.database.transaction() as tx:
            finish_commands(tx, [command.command_id for command in commands])


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that was cut short: why, and what it had done by then."""

    connection: Connection
    error: SourceFaultError
    counts: Counts


def total(counts: Counts) -> dict[str, int]:
    """Counts of the whole run."""
    sums = dict.fromkeys(COUNTERS, 0)
    for entity in counts.values():
        for name in sums:
            sums[name] += entity[name]
    return sums


def _end_event(kind: str, run_id: RunId, counts: Counts, *, message: str | None, fault: str | None = None) -> SyncEvent:
    return SyncEvent(
        company_id=run_id.company_id,
        type=kind,
        run_id=run_id.run_id,
        counts=total(counts),
        message=message,
        fault=fault,
    )


def _for_command(event: SyncEvent, command: OpenCommand) -> SyncEvent:
    return replace(event, command_id=command.command_id)


def _held_sentence(held: dict[str, int]) -> str:
    parts = ", ".join(f"{count} {entity}" for entity, count in sorted(held.items()))
    return f"Everything was read, but deletions are held: {parts} are no longer shown by Buildertrend."
