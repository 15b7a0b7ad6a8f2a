"""How a run ended: recorded together with the answer to every command that it was for.

Run, connection and answers are one transaction. The answers are published afterwards (see
producers.commands.answer_publisher); the event of a run without a command is published at once. What ends the work on a
connection outside of a run, an unforeseen error or an outage of our own services, is recorded here, too.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from control.commands import OpenCommand, answer_commands, commands_of_run, read_again
from control.connections import (
    Connection,
    Failure,
    IncompleteRun,
    Lease,
    NextReads,
    back_off,
    failures,
    get_connection,
    hold_epoch,
    note_outage,
    previous_credentials_restored,
    set_failed,
    set_incomplete,
    set_succeeded,
    show_outage,
)
from control.database import Database, Transaction
from control.entity_reads import plan_retry
from control.evidence import add_evidence
from control.runs import Counts, RunEnd, RunId, finish_run
from core.clock import Clock
from core.errors import IntegrationError
from core.log import get_logger
from core.settings import Settings
from producers import metrics
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.reads.plan import ALL_ENTITIES
from producers.runs.decide import BACKFILL, ReadPlan, next_due
from producers.runs.glance_schedule import next_glance
from producers.runs.run import COUNTERS, Run
from producers.sync_events import EventWriter, SyncEvent, event_record
from schemas.entities import TIME_ENTRIES
from schemas.faults import SERVICE_OUTAGE, SOURCE_INCOMPLETE, internal_error

log = get_logger(__name__)
# Reads that are tried again are spread out after the pause, as the schedule spreads reads before its interval's end.
_LATER = 1.3
_MOST_DOUBLINGS = 10
_FIRST_CRASH_PAUSE_S = 60.0
# Nobody has to hear of a shorter outage: brokers change places, databases restart.
OUTAGE_SHOWN_AFTER_S = 600.0


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records how runs ended, and writes the events of their end."""

    settings: Settings
    database: Database
    events: EventWriter
    clock: Clock
    jitter: random.Random = field(default_factory=random.Random)

    def ended(self, lease: Lease, plan: ReadPlan, run: Run) -> str:
        """The run reached its end; returns its state: completed, held or incomplete."""
        if run.incomplete:
            self._incomplete(lease, plan, run)
            return "incomplete"
        self._succeeded(lease, plan, run)
        return "held" if run.held else "completed"

    def _incomplete(self, lease: Lease, plan: ReadPlan, run: Run) -> None:
        """The run reached its end, but the source did not show everything: a failure for who asked for that part.

        The schedule continues with recent reads; everything is read again after a pause that doubles with each try.
        """
        now = self.clock.now()
        run_id = run.assignment.run
        message = _incomplete_sentence(run.incomplete)
        event = _end_event("failed", run_id, run.counts, message=message, fault=SOURCE_INCOMPLETE.name)
        longest_s = self.settings.full_sync_interval_s if plan.is_whole else self.settings.poll_interval_s
        with self.database.transaction() as tx:
            hold_epoch(tx, lease)
            end = RunEnd("failed", SOURCE_INCOMPLETE.name, message, run.counts, leaves_pages=False)
            finish_run(tx, run_id, end)
            add_evidence(tx, lease.company_id, run.evidence.counts(), at=now)
            pause_s = plan_retry(tx, run_id, first_s=float(SOURCE_INCOMPLETE.retry_after_s or 0), longest_s=longest_s)
            wait_s = min(pause_s or longest_s, self.settings.poll_interval_s)
            # Not before everything may be read again: else a read of the window alone would take its place.
            due = self._later(wait_s * _LATER, wait_s) if plan.is_scheduled else None
            following = NextReads(due, self._next_glance(tx, lease, plan, now))
            short_run = IncompleteRun(SOURCE_INCOMPLETE.name, message, following, full=plan.is_whole)
            set_incomplete(tx, lease.company_id, short_run, at=now)
            commands = self._commands(tx, plan, run_id)
            short = [one for one in commands if run.incomplete.keys() & (set(one.body["entities"]) or ALL_ENTITIES)]
            failed = self.answer(tx, _ids(short), event)
            # Commands that asked only for what is complete are completed.
            again = read_again(tx, lease.company_id, run_id.run_id)
            answered = self.answer(tx, _ids(commands, without={*again, *_ids(short)}), _completed(plan, run))
        log.warning("run_incomplete", entities=sorted(run.incomplete))
        self._write_if_unasked([*failed, *answered], event)
        self._write_read_again(run_id, again)

    def _succeeded(self, lease: Lease, plan: ReadPlan, run: Run) -> None:
        """The run read all that it was to read; held deletions do not make it a failure."""
        now = self.clock.now()
        run_id = run.assignment.run
        event = _completed(plan, run)
        message = _held_sentence(run.held) if run.held else None
        with self.database.transaction() as tx:
            hold_epoch(tx, lease)
            finish_run(tx, run_id, RunEnd("held" if run.held else "completed", None, message, run.counts))
            add_evidence(tx, lease.company_id, run.evidence.counts(), at=now)
            # A run for some entities does not replace the scheduled one of all.
            due = self._next_due(now, run) if plan.is_scheduled else None
            following = NextReads(due, self._next_glance(tx, lease, plan, now))
            set_succeeded(tx, lease.company_id, following, at=now, full=plan.is_whole)
            again = read_again(tx, lease.company_id, run_id.run_id)
            answered = self.answer(tx, _ids(self._commands(tx, plan, run_id), without=again), event)
        log.info("run_completed", published=run.published)
        self._write_if_unasked(answered, event)
        self._write_read_again(run_id, again)

    def _next_glance(self, tx: Transaction, lease: Lease, plan: ReadPlan, now: datetime) -> datetime | None:
        """A read that showed the newest shifts is as good as a glance."""
        connection = get_connection(tx, lease.company_id)
        was_read = TIME_ENTRIES.name in plan.scope.entities and plan.read != BACKFILL
        if connection is None or not was_read or not (plan.is_whole or connection.initial_done_at):
            return None
        return next_glance(now, connection, self.settings, self.jitter)

    def _next_due(self, now: datetime, run: Run) -> datetime:
        """At once after a run that continued from a checkpoint: changes on pages before it are not found yet."""
        return now if run.resumed else next_due(now, self.settings.poll_interval_s, self.jitter)

    def failed(self, lease: Lease, plan: ReadPlan, run_id: RunId, ended: FailedRun) -> None:
        """A fault of the source ended the run early."""
        fault = ended.error.fault
        log.warning("run_failed", fault=fault.name, detail=ended.error.detail)
        event = _end_event("failed", run_id, ended.counts, message=ended.error.for_admin, fault=fault.name)
        with self.database.transaction() as tx:
            hold_epoch(tx, lease)
            finish_run(tx, run_id, RunEnd("failed", fault.name, ended.error.detail, ended.counts))
            add_evidence(tx, lease.company_id, ended.evidence, at=self.clock.now())
            before = 0 if ended.made_progress else failures(tx, lease.company_id)
            if not (fault.stops_sign_in and previous_credentials_restored(tx, lease.company_id, fault=fault.name)):
                set_failed(tx, lease.company_id, self._failure(ended, before))
            answered = self.answer(tx, _ids(self._commands(tx, plan, run_id)), event)
        self._write_if_unasked(answered, event)

    def _commands(self, tx: Transaction, plan: ReadPlan, run_id: RunId) -> list[OpenCommand]:
        """Those that the run was begun for, and those that joined it meanwhile."""
        joined = commands_of_run(tx, run_id.company_id, run_id.run_id)
        return list({one.command_id: one for one in (*plan.commands, *joined)}.values())

    def crashed(self, lease: Lease, reference: str) -> None:
        """An unforeseen error outside of a run: nobody tries again before a pause that doubles with each time."""
        fault = internal_error(reference)
        metrics.FAULTS.labels(fault.name).inc()
        try:
            with self.database.transaction() as tx:
                doublings = min(failures(tx, lease.company_id), _MOST_DOUBLINGS)
                pause_s = min(_FIRST_CRASH_PAUSE_S * 2.0**doublings, self.settings.poll_interval_s)
                back_off(tx, lease, pause_s=pause_s, fault=fault.name, message=fault.for_admin)
        except IntegrationError as exc:
            # The lease is kept until it expires: that is the pause then.
            log.warning("crash_not_recorded", reason=str(exc))

    def outage(self, lease: Lease) -> None:
        """An outage of our own services: shown as the connection's fault once it has lasted for minutes."""
        try:
            with self.database.transaction() as tx:
                if note_outage(tx, lease) >= OUTAGE_SHOWN_AFTER_S:
                    fault = SERVICE_OUTAGE
                    metrics.FAULTS.labels(fault.name).inc()
                    pause_s = fault.retry_after_s or _FIRST_CRASH_PAUSE_S
                    show_outage(tx, lease, pause_s=pause_s, fault=fault.name, message=fault.for_admin)
        except IntegrationError as exc:
            # It is the database that is away, or refuses.
            log.warning("outage_not_recorded", reason=str(exc))

    def answer(self, tx: Transaction, command_ids: Sequence[str], event: SyncEvent) -> list[str]:
        """Store the event that ends these commands, in the transaction of their effect; the types of those it ended."""
        kinds = answer_commands(tx, command_ids, event_record(event, self.clock.now()))
        for kind in kinds:
            metrics.command_ended(kind, event.type)
        return kinds

    def _write_if_unasked(self, answered: Sequence[str], event: SyncEvent) -> None:
        if not answered:
            self.events.write(event)

    def _write_read_again(self, run_id: RunId, command_ids: Collection[str]) -> None:
        message = "The read under way has ended. It had begun before this was asked: another one follows."
        for command_id in sorted(command_ids):
            self.events.write(
                SyncEvent(run_id.company_id, "progress", command_id=command_id, run_id=run_id.run_id, message=message)
            )

    def _failure(self, ended: FailedRun, before: int) -> Failure:
        """`before`: runs that failed in a row before this one; each makes our own pause twice as long."""
        fault = ended.error.fault
        wait_s = (fault.retry_after_s or self.settings.poll_interval_s) * 2.0 ** min(before, _MOST_DOUBLINGS)
        known = "connected" if ended.connection.builder_id else "connecting"
        return Failure(
            state="needs-attention" if fault.stops_sign_in else known,
            fault=fault.name,
            message=ended.error.for_admin,
            # A pause that the source asks for is never cut short; our own are no longer than the usual interval.
            next_due_at=self._later(
                min(ended.error.retry_after_s or wait_s, self.settings.poll_interval_s),
                ended.error.retry_after_s or 0.0,
            ),
            failures=before + 1,
        )

    def _later(self, seconds: float, at_least_s: float) -> datetime:
        now = self.clock.now()
        return max(next_due(now, seconds, self.jitter), now + timedelta(seconds=at_least_s))


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that a fault ended early. `made_progress`: it read what no run before had read."""

    connection: Connection
    error: SourceFaultError
    counts: Counts
    made_progress: bool = False
    evidence: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def total(counts: Counts) -> dict[str, int]:
    """Counts of the whole run."""
    sums = dict.fromkeys(COUNTERS, 0)
    for entity in counts.values():
        for name in sums:
            sums[name] += entity.get(name, 0)
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


def _ids(commands: Sequence[OpenCommand], *, without: Collection[str] = ()) -> list[str]:
    return [command.command_id for command in commands if command.command_id not in without]


def _completed(plan: ReadPlan, run: Run) -> SyncEvent:
    """What a run read is complete through the beginning of the entity that was begun first."""
    through = None if plan.read == BACKFILL else min(run.through, default=None)
    sentences = [_held_sentence(run.held)] if run.held else []
    if through is not None:
        sentences.append(f"Complete through {through.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC.")
    event = _end_event("completed", run.assignment.run, run.counts, message=" ".join(sentences) or None)
    return replace(event, complete_through=through)


def _incomplete_sentence(incomplete: Mapping[str, str]) -> str:
    parts = " ".join(f"{entity}: {sentence}" for entity, sentence in sorted(incomplete.items()))
    return f"Not everything was read. {parts} What came is published; the rest is tried again."


def _held_sentence(held: dict[str, int]) -> str:
    parts = ", ".join(f"{count} {entity}" for entity, count in sorted(held.items()))
    return f"Everything was read, but deletions are held: {parts} are no longer shown by Buildertrend."
