"""What a poller does with a leased connection: sign in, check whose account it is, run, and hand the lease back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from control.commands import OpenCommand, open_commands, start_commands
from control.connections import Connection, Lease, get_connection, hold_epoch, release_lease, set_signed_in
from control.runs import RunId, begin_run
from core.errors import ConfigurationError, FatalError, FencedError, RetriableError
from core.log import get_logger
from producers.buildertrend.account import Account
from producers.buildertrend.faults import OTHER_ACCOUNT, SourceFaultError
from producers.buildertrend.plan import planned_reads
from producers.buildertrend.polite import StoppedError
from producers.decide import Order, decide
from producers.events import SyncEvent
from producers.outcome import Ended, Recorder
from producers.publisher import Publisher
from producers.run import Assignment, Outlets, Run
from schemas.codec import Encoder

_LOG = get_logger(__name__)

AccountFactory = Callable[[Lease, Connection, threading.Event], Account]
PublisherFactory = Callable[[str], Publisher]


@dataclass(frozen=True, slots=True)
class Tools:
    """What every piece of work needs, built once a process."""

    recorder: Recorder
    encoders: Mapping[str, Encoder]
    account: AccountFactory
    publisher: PublisherFactory


def work_on(lease: Lease, tools: Tools, stop: threading.Event) -> None:
    """Do what the connection is due for. Raises nothing: every way to end is recorded, said or left to a successor."""
    with structlog.contextvars.bound_contextvars(company_id=lease.company_id):
        try:
            try:
                _work(lease, tools, stop)
            except StoppedError:
                _LOG.info("run_stopped")
            _release(lease, tools)
        except FencedError:
            _LOG.warning("connection_taken_over")
        except (RetriableError, FatalError, ConfigurationError) as exc:
            # The lease is kept until it expires: that is the pause before the next attempt.
            _LOG.warning("run_interrupted", reason=str(exc))
        except Exception:  # noqa: BLE001 - one connection's trouble must not end the others'; logged with its trace
            _LOG.exception("run_crashed")


def _work(lease: Lease, tools: Tools, stop: threading.Event) -> None:
    with tools.recorder.database.transaction() as tx:
        connection = get_connection(tx, lease.company_id)
        commands = open_commands(tx, lease.company_id)
    if connection is None:
        return
    if connection.state in ("connecting", "connected"):
        order = decide(connection, commands, now=tools.recorder.clock.now(), settings=tools.recorder.settings)
        _ConnectionRun(lease, connection, order, tools).execute(stop)
    else:
        tools.recorder.refused(connection, commands)


def _release(lease: Lease, tools: Tools) -> None:
    with tools.recorder.database.transaction() as tx:
        release_lease(tx, lease)


@dataclass(frozen=True, slots=True)
class _ConnectionRun:
    lease: Lease
    connection: Connection
    order: Order
    tools: Tools

    def execute(self, stop: threading.Event) -> None:
        run_id = self._begin()
        with structlog.contextvars.bound_contextvars(run_id=run_id.run_id, read=self.order.read):
            _LOG.info("run_started", commands=len(self.order.commands))
            run = self._prepare(run_id)
            try:
                account = self.tools.account(self.lease, self.connection, stop)
                self._check_identity(account)
                run.execute(planned_reads(account, self.order.scope))
            except SourceFaultError as exc:
                self.tools.recorder.failed(self.lease, self.order, run_id, Ended(self.connection, exc, run.counts))
            else:
                self.tools.recorder.succeeded(self.lease, self.order, run)

    def _begin(self) -> RunId:
        """The run is in the database before anything is read, so that its run_seq is above all that was published."""
        with self.tools.recorder.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            run_id = begin_run(tx, self.lease.company_id, read=self.order.read, command_id=self.order.command_id)
            start_commands(tx, _ids(self.order.commands), run_id.run_id)
        for command_id in _ids(self.order.commands):
            self._say("started", run_id, command_id)
        if not self.order.commands:
            self._say("started", run_id, None)
        return run_id

    def _prepare(self, run_id: RunId) -> Run:
        recorder = self.tools.recorder
        return Run(
            Assignment(
                run=run_id,
                lease=self.lease,
                time_zone=self.connection.time_zone,
                new_op="SNAPSHOT" if self.order.read == "initial" else "CREATE",
                command_id=self.order.command_id,
            ),
            Outlets(
                database=recorder.database,
                publisher=self.tools.publisher(self.lease.company_id),
                events=recorder.events,
                encoders=self.tools.encoders,
                clock=recorder.clock,
            ),
        )

    def _check_identity(self, account: Account) -> None:
        """Refuse a sign-in to another account: its ids mean other things, the company's records would be mixed up."""
        identity = account.identity()
        known = self.connection.builder_id
        if known not in (None, identity.builder_id):
            raise SourceFaultError(
                OTHER_ACCOUNT, f"signed in to account {identity.builder_id}, connected before was {known}"
            )
        with self.tools.recorder.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            set_signed_in(tx, self.lease.company_id, builder_id=identity.builder_id, builder_name=identity.builder_name)

    def _say(self, kind: str, run_id: RunId, command_id: str | None) -> None:
        self.tools.recorder.events.write(
            SyncEvent(
                company_id=self.lease.company_id,
                type=kind,
                command_id=command_id,
                run_id=run_id.run_id,
                message=f"{self.order.read} read",
            )
        )


def _ids(commands: Sequence[OpenCommand]) -> list[str]:
    return [command.command_id for command in commands]
