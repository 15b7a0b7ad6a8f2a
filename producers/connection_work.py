"""What a poller does with a leased connection: sign in, check whose account it is, run, and hand the lease back."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from control import held_deletions, suspicions
from control.commands import OpenCommand, start_commands
from control.connections import Connection, Lease, hold_epoch, release_lease, set_signed_in
from control.database import Transaction
from control.other_account import ask_confirmation, forget_confirmation, is_accepted
from control.runs import BegunRun, RunId, begin_run, continue_run
from core.errors import ConfigurationError, FatalError, FencedError, IntegrationError, RetriableError
from core.log import get_logger
from producers import metrics
from producers.buildertrend.account import Account, AccountIdentity
from producers.buildertrend.client import ReadStoppedError
from producers.buildertrend.faults import OTHER_ACCOUNT, SourceFaultError
from producers.buildertrend.reads.plan import planned_reads
from producers.commands.apply import Settled, Settler
from producers.glance_work import GlanceWork
from producers.recipe_news import tell_of_recipes
from producers.request_count import RequestCount
from producers.runs.decide import BACKFILL, INITIAL, ReadPlan, decide, new_run
from producers.runs.execute import execute
from producers.runs.ledger import PostgresLedger
from producers.runs.outcome import FailedRun, total
from producers.runs.pipeline import Background, commit_thread
from producers.runs.publisher import FencingPublisher
from producers.runs.run import Assignment, Run, RunServices
from producers.source_memory import SourceMemory
from producers.stated_zone import takes_zone
from producers.sync_events import SyncEvent
from producers.tools import FORESEEN, Tools, log_crash, unforeseen
from schemas.faults import SOURCE_INCOMPLETE, internal_error

log = get_logger(__name__)


def work_on(lease: Lease, tools: Tools, stop: threading.Event) -> None:
    """Do what the connection is due for. Raises nothing: every way to end is recorded, said or left to a successor."""
    with structlog.contextvars.bound_contextvars(company_id=lease.company_id):
        try:
            stopped = False
            try:
                _work(lease, tools, stop)
            except ReadStoppedError:
                stopped = True
                log.info("run_stopped")
                # A pause, a cancel or a disconnect stopped it: that takes effect now, not when a place is free again.
                Settler(tools.recorder).settle(lease)
            with tools.recorder.database.transaction() as tx:
                release_lease(tx, lease, yielded=stopped)
        except FencedError:
            log.warning("connection_taken_over")
        except (RetriableError, FatalError, ConfigurationError) as exc:
            # The lease is kept until it expires: that is the pause before the next attempt. A private key that is
            # missing lasts as an outage does, and is shown as one.
            log.warning("run_interrupted", reason=str(exc))
            tools.recorder.outage(lease)
        except MemoryError:
            # Nothing more can be done here than to leave the connection to its successor.
            log.error("run_out_of_memory")
        except Exception as exc:  # noqa: BLE001 - one connection's trouble must not end the others'
            tools.recorder.crashed(lease, log_crash(exc))


def _work(lease: Lease, tools: Tools, stop: threading.Event) -> None:
    settled = Settler(tools.recorder).settle(lease)
    if settled is None:
        return
    for command in settled.replays:
        _replay(command, lease, tools, stop)
    if settled.wants_glance:
        GlanceWork(lease, settled.connection, tools).execute(stop)
    if settled.wants_read:
        _ConnectionRun(lease, settled.connection, _read_plan(settled, tools), tools).execute(stop)


def _read_plan(settled: Settled, tools: Tools) -> ReadPlan:
    return decide(
        settled.connection,
        settled.reading,
        left=settled.left,
        earlier=settled.earlier,
        in_run=settled.in_run,
        now=tools.recorder.clock.now(),
        settings=tools.recorder.settings,
    )


def _replay(command: OpenCommand, lease: Lease, tools: Tools, stop: threading.Event) -> None:
    """Once an id: a replay that a crash cut short puts through what is left of it (see producers.replay.replay)."""
    try:
        end = tools.replay(command, stop.is_set)
    except (IntegrationError, MemoryError):
        raise
    except Exception as exc:  # noqa: BLE001 - whatever it is, it would be the same at every next try
        fault = internal_error(log_crash(exc))
        event = SyncEvent(lease.company_id, "failed", message=fault.for_admin, fault=fault.name)
    else:
        event = SyncEvent(lease.company_id, end.outcome, message=end.message)
    if stop.is_set():
        raise ReadStoppedError
    with tools.recorder.database.transaction() as tx:
        hold_epoch(tx, lease)
        tools.recorder.answer(tx, [command.command_id], event)


@dataclass(frozen=True, slots=True)
class _ConnectionRun:
    lease: Lease
    connection: Connection
    plan: ReadPlan
    tools: Tools

    def execute(self, stop: threading.Event) -> None:
        begun = self._begin()
        run_id = begun.run
        context = structlog.contextvars.bound_contextvars(run_id=run_id.run_id, read=self.plan.read)
        with context, commit_thread() as background:
            log.info("run_started", commands=len(self.plan.commands), goes_on=self.plan.left is not None)
            run = self._prepare(begun, background)
            began_at = self.tools.recorder.clock.monotonic()
            read_before = total(run.counts)["read"]
            try:
                self._read(run, stop)
            except SourceFaultError as exc:
                further = exc.fault.is_of_source and total(run.counts)["read"] > read_before
                ended = FailedRun(
                    self.connection, exc, run.counts, made_progress=further, evidence=run.evidence.counts()
                )
                self.tools.recorder.failed(self.lease, self.plan, run_id, ended)
                self._count(run, "failed", began_at, fault=exc.fault.name)
            else:
                state = self.tools.recorder.ended(self.lease, self.plan, run)
                fault = SOURCE_INCOMPLETE.name if run.incomplete else None
                self._count(run, state, began_at, fault=fault)

    def _read(self, run: Run, stop: threading.Event) -> None:
        """Raises what a run raises. What nobody foresaw is a fault, too: answered, and tried again ever later."""
        recorder = self.tools.recorder
        requests = RequestCount(recorder.database, self.connection, self.plan.read, recorder.clock)
        try:
            account = self.tools.account(self.lease, self.connection, stop, requests.note)
            run.evidence = account.evidence
            self._check_identity(account)
            execute(run, planned_reads(account, self.plan.scope, self._memory(run)))
        except FORESEEN:
            raise
        except Exception as exc:
            raise unforeseen(exc) from exc
        finally:
            requests.store()

    def _begin(self) -> BegunRun:
        """The run is in the database before anything is read, so that its run_seq is above all that was published."""
        left = self.plan.left
        company_id = self.lease.company_id
        with self.tools.recorder.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            if left is None:
                begun = begin_run(tx, company_id, new_run(self.plan, self.connection, self.tools.recorder.settings))
            else:
                begun = BegunRun(continue_run(tx, company_id, left.run_id), left.counts)
            self._release_deletions(tx)
            start_commands(tx, _ids(self.plan.commands), begun.run.run_id)
        tell_of_recipes(self.tools.recorder.database, self.lease, self.tools.recorder.events, begun.run.run_id)
        for command in self.plan.commands:
            self._write_started(begun.run, command.command_id)
        if not self.plan.commands:
            self._write_started(begun.run, None)
        return begun

    def _release_deletions(self, tx: Transaction) -> None:
        """And take what looks wrong for true, in the transaction that begins the read: a crash repeats all or none."""
        command = self.plan.releases
        if command is not None:
            by, entities = command.body["requested_by"], command.body["entities"]
            released = held_deletions.release(tx, self.lease.company_id, entities=entities, released_by=by)
            log.info("deletions_released", **{entity.replace("-", "_"): n for entity, n in released.items()})
            accepted = suspicions.accept(tx, self.lease.company_id, entities=entities, accepted_by=by)
            log.info("suspicions_accepted", **{entity.replace("-", "_"): n for entity, n in accepted.items()})

    def _count(self, run: Run, state: str, began_at: float, *, fault: str | None) -> None:
        seconds = self.tools.recorder.clock.monotonic() - began_at
        metrics.run_ended(read=self.plan.read, state=state, fault=fault, counts=run.counts, seconds=seconds)
        metrics.evidence_counted(run.evidence.counts())

    def _prepare(self, begun: BegunRun, background: Background) -> Run:
        recorder = self.tools.recorder
        publisher = FencingPublisher(lambda: self.tools.publisher(self.lease.company_id), self._confirm)
        if self.lease.fences:
            publisher.fence()
        return Run(
            Assignment(
                run=begun.run,
                time_zone=self.connection.time_zone,
                new_op="SNAPSHOT" if self.plan.read == INITIAL else "CREATE",
                whole=self.plan.leaves_nothing_out,
                command_id=self.plan.command_id,
                counts=begun.counts,
            ),
            RunServices(
                ledger=self._ledger(begun.run),
                publisher=publisher,
                events=recorder.events,
                encoders=self.tools.encoders,
                clock=recorder.clock,
                background=background,
            ),
        )

    def _ledger(self, run: RunId) -> PostgresLedger:
        republish = self.plan.scope.entities if self.plan.read == BACKFILL else ()
        return PostgresLedger(self.tools.recorder.database, self.lease, run, republish)

    def _memory(self, run: Run) -> SourceMemory:
        recorder = self.tools.recorder
        return SourceMemory(recorder.database, self.lease, self.connection, recorder.clock, run.incomplete)

    def _confirm(self) -> None:
        with self.tools.recorder.database.transaction() as tx:
            hold_epoch(tx, self.lease)

    def _check_identity(self, account: Account) -> None:
        """Refuse a sign-in to another account: its ids mean other things, the company's records would be mixed up."""
        identity = account.identity()
        known = self.connection.builder_id
        if known not in (None, identity.builder_id) and not self._is_confirmed(identity):
            raise SourceFaultError(
                OTHER_ACCOUNT, f"signed in to account {identity.builder_id}, connected before was {known}"
            )
        with self.tools.recorder.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            forget_confirmation(tx, self.lease.company_id)
            set_signed_in(
                tx,
                self.lease.company_id,
                builder_id=identity.builder_id,
                builder_name=identity.builder_name,
                session_timeout_s=identity.session_timeout_s,
            )
            changed = takes_zone(tx, self.connection, identity.zone)
        if changed:
            # Begin anew: a run reads in one zone from its first record to its last.
            raise ReadStoppedError

    def _is_confirmed(self, identity: AccountIdentity) -> bool:
        """Whether an admin confirmed the change to this account; what to confirm is kept for them otherwise."""
        company_id, builder_id = self.lease.company_id, identity.builder_id
        with self.tools.recorder.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            confirmed = is_accepted(tx, company_id, builder_id=builder_id)
            if not confirmed:
                ask_confirmation(tx, company_id, builder_id=builder_id, builder_name=identity.builder_name)
        return confirmed

    def _write_started(self, run_id: RunId, command_id: str | None) -> None:
        self.tools.recorder.events.write(
            SyncEvent(
                company_id=self.lease.company_id,
                type="started",
                command_id=command_id,
                run_id=run_id.run_id,
                message=f"{self.plan.read} read" + (", going on" if self.plan.left else ""),
            )
        )


def _ids(commands: Sequence[OpenCommand]) -> list[str]:
    return [command.command_id for command in commands]
