"""Settles a leased connection's open commands: what takes effect at once is stored and answered in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from control import connection_state
from control.commands import OpenCommand, commands_of_run, find_command, open_commands
from control.connection_state import Due
from control.connections import Connection, Lease, get_connection, hold_epoch
from control.database import Transaction
from control.entity_reads import wants_whole_read
from control.held_deletions import list_held
from control.runs import OpenRun, RunEnd, RunId, finish_run, open_run
from control.source_state import oldest_day
from control.suspicions import open_suspicions
from core.log import get_logger
from producers.commands.estimate import Estimates
from producers.commands.settlement import ConnectionSummary, Settlement
from producers.commands.types import settle, strategy_of
from producers.runs.decide import Earlier
from producers.runs.outcome import Recorder, total
from producers.sync_events import SyncEvent
from schemas.commands import date_problem
from schemas.entities import TIME_ENTRIES
from schemas.faults import STOPPING

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """What remains to be done: commands that wait for a read, replays, and the open run, if there is one.

    `due`: what the schedule wants. `earlier`: what earlier reads left to do.
    """

    connection: Connection
    reading: Sequence[OpenCommand]
    replays: Sequence[OpenCommand]
    left: OpenRun | None
    in_run: frozenset[str]
    due: Due
    earlier: Earlier

    @property
    def wants_read(self) -> bool:
        readable = self.connection.state in ("connecting", "connected")
        return readable and (self.due.read or bool(self.reading) or self.left is not None)

    @property
    def wants_glance(self) -> bool:
        """Never in place of a read, which shows more, and not before everything was read once."""
        return self.due.glance and not self.wants_read and self.connection.initial_done_at is not None


@dataclass(frozen=True, slots=True)
class Settler:
    """Stores what settling decides."""

    recorder: Recorder

    def settle(self, lease: Lease) -> Settled | None:
        """Settle the open commands under the lease's epoch; None if the connection is gone.

        FencedError if another poller has the lease.
        """
        with self.recorder.database.transaction() as tx:
            hold_epoch(tx, lease)
            connection = get_connection(tx, lease.company_id)
            if connection is None:
                return None
            left = open_run(tx, lease.company_id)
            in_run = _in_run(tx, left, lease.company_id)
            doable = self._without_impossible(tx, lease.company_id, open_commands(tx, lease.company_id))
            commands = self._without_dry_runs(tx, connection, doable)
            found = settle(
                summary_of(connection),
                commands,
                in_run=in_run,
                has_run=left is not None,
                look_up=lambda command_id: _outcome_of(tx, lease.company_id, command_id),
            )
            ended = left if left is not None and _run_is_over(found) else None
            self._apply(tx, connection, found, ended)
            reading = self._without_needless_reads(tx, lease.company_id, found.reading)
            due = connection_state.due_now(tx, lease.company_id)
            now = get_connection(tx, lease.company_id) or connection
            earlier = _earlier(tx, now)
        return Settled(now, reading, found.replays, None if ended else left, in_run, due, earlier)

    def _without_impossible(
        self, tx: Transaction, company_id: str, commands: Sequence[OpenCommand]
    ) -> list[OpenCommand]:
        """Answer commands with impossible dates, which a version without that check may have stored; the others."""
        problems = {one.command_id: date_problem(one.body) for one in commands}
        for command_id, problem in problems.items():
            if problem is not None:
                self.recorder.answer(tx, [command_id], SyncEvent(company_id, "rejected", message=problem))
        return [one for one in commands if problems[one.command_id] is None]

    def _without_dry_runs(
        self, tx: Transaction, connection: Connection, commands: Sequence[OpenCommand]
    ) -> list[OpenCommand]:
        """Answer dry runs; the others."""
        estimates = Estimates(tx, connection, self.recorder.settings, self.recorder.clock)
        others = []
        for command in commands:
            event = strategy_of(command).estimate(estimates) if command.body["dry_run"] else None
            if event is None:
                others.append(command)
            else:
                self.recorder.answer(tx, [command.command_id], event)
        return others

    def _without_needless_reads(
        self, tx: Transaction, company_id: str, commands: Sequence[OpenCommand]
    ) -> list[OpenCommand]:
        """Answer commands for which nothing needs to be read after all; the others."""
        looking_wrong = {one.entity for one in open_suspicions(tx, company_id)}
        held = {one.entity for one in list_held(tx, company_id)} | looking_wrong
        others = []
        for command in commands:
            message = strategy_of(command).done_without_read(held)
            if message is None:
                others.append(command)
            else:
                event = SyncEvent(company_id, "completed", message=message)
                self.recorder.answer(tx, [command.command_id], event)
        return others

    def _apply(self, tx: Transaction, connection: Connection, found: Settlement, ended: OpenRun | None) -> None:
        company_id = connection.company_id
        before, after = summary_of(connection), found.connection
        if found.disconnects:
            connection_state.disconnect(tx, company_id)
        elif after.state == "paused" and after != before:
            connection_state.pause(tx, company_id, by=after.paused_by, reason=after.paused_reason)
        elif found.resumes:
            connection_state.resume(tx, company_id, state=after.state)
        if ended is not None:
            self._end_run(tx, connection, found, ended)
        for one in found.answers:
            event = SyncEvent(company_id, one.outcome, message=one.message, fault=one.fault)
            self.recorder.answer(tx, [one.command.command_id], event)
            log.info("command_settled", command_id=one.command.command_id, type=one.command.type, outcome=one.outcome)

    def _end_run(self, tx: Transaction, connection: Connection, found: Settlement, left: OpenRun) -> None:
        run_id = RunId(left.run_id, connection.company_id, left.run_seq)
        cancelled = found.ends_run or connection.fault is None
        state = "cancelled" if cancelled else "failed"
        message = "Cancelled." if found.ends_run else found.connection.why_not
        fault = None if cancelled else connection.fault
        finish_run(tx, run_id, RunEnd(state, fault, message, left.counts))
        if found.connection.readable:
            # Otherwise the scheduled read, which is due, would at once begin again what somebody has just cancelled.
            interval = timedelta(seconds=self.recorder.settings.poll_interval_s)
            connection_state.put_off(tx, connection.company_id, next_due_at=self.recorder.clock.now() + interval)
        counts = total(left.counts)
        event = SyncEvent(connection.company_id, state, run_id=left.run_id, counts=counts, message=message, fault=fault)
        ids = [command.command_id for command in commands_of_run(tx, connection.company_id, left.run_id)]
        self.recorder.answer(tx, [one for one in ids if one not in _reading_ids(found)], event)


def _earlier(tx: Transaction, connection: Connection) -> Earlier:
    company_id = connection.company_id
    # Only where there is an import-from date can a shift be before it.
    oldest = None if connection.import_from is None else oldest_day(tx, company_id, TIME_ENTRIES.name)
    return Earlier(wants_whole_read(tx, company_id), oldest)


def summary_of(connection: Connection) -> ConnectionSummary:
    return ConnectionSummary(
        state=connection.state,
        message=connection.message,
        fault=connection.fault,
        known=connection.builder_id is not None,
        stopped_by_fault=connection.fault in STOPPING,
        paused_by=connection.paused_by,
        paused_reason=connection.paused_reason,
    )


def _run_is_over(found: Settlement) -> bool:
    """A paused connection keeps its run for later; one that is no longer read has none."""
    return found.ends_run or found.connection.state in ("disconnected", "needs-attention")


def _reading_ids(found: Settlement) -> set[str]:
    return {one.command_id for one in found.reading}


def _in_run(tx: Transaction, left: OpenRun | None, company_id: str) -> frozenset[str]:
    if left is None:
        return frozenset()
    return frozenset(one.command_id for one in commands_of_run(tx, company_id, left.run_id))


def _outcome_of(tx: Transaction, company_id: str, command_id: str) -> str | None:
    found = find_command(tx, company_id, command_id)
    return None if found is None else found.outcome or "open"
