"""A glance at a leased connection: the newest page of shifts, within minutes of when they were entered.

It is a run without a row, without events and without a place in the schedule of the other reads. If it fails, it alone
is put off; what only a read can tell people makes a read due.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import structlog

from control.connections import Connection, Lease, hold_epoch
from control.glances import begin_glance, glance_job_ids
from control.runs import RunId
from control.source_state import known
from core.log import get_logger
from producers import metrics
from producers.buildertrend.account import Account
from producers.buildertrend.faults import OTHER_ACCOUNT, SourceFaultError
from producers.buildertrend.reads.glance import GlanceRead
from producers.buildertrend.reads.time_entries import Days
from producers.request_count import RequestCount
from producers.runs.execute import take_newest
from producers.runs.glances import GLANCE, GlanceRecorder
from producers.runs.ledger import PostgresLedger
from producers.runs.pipeline import at_once
from producers.runs.publisher import FencingPublisher
from producers.runs.run import Assignment, Run, RunServices
from producers.sync_events import Silence
from producers.tools import FORESEEN, Tools, unforeseen
from schemas.entities import TIME_ENTRIES

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GlanceWork:
    """One glance. Raises what a run raises, except the faults of the source, which it records."""

    lease: Lease
    connection: Connection
    tools: Tools

    def execute(self, stop: threading.Event) -> None:
        recorder = GlanceRecorder(self.tools.recorder)
        run = self._prepare(self._begin())
        clock = self.tools.recorder.clock
        started_at, began = clock.now(), clock.monotonic()
        with structlog.contextvars.bound_contextvars(run_id=run.assignment.run.run_id, read=GLANCE):
            fault: str | None = None
            try:
                most_jobs = self._look(run, stop)
            except SourceFaultError as exc:
                recorder.failed(self.lease, self.connection, run, exc)
                fault = exc.fault.name
            else:
                connection = replace(self.connection, glance_failures=0, glance_jobs=most_jobs)
                recorder.ended(self.lease, connection, run, started_at=started_at)
        seconds, state = clock.monotonic() - began, "failed" if fault else "completed"
        metrics.run_ended(read=GLANCE, state=state, fault=fault, counts=run.counts, seconds=seconds)

    def _look(self, run: Run, stop: threading.Event) -> int | None:
        """The most jobs that the next one asks for."""
        recorder = self.tools.recorder
        requests = RequestCount(recorder.database, self.connection, GLANCE, recorder.clock)
        try:
            account = self.tools.account(self.lease, self.connection, stop, requests.note)
            read = self._read(account)
            take_newest(run, read)
        except FORESEEN:
            raise
        except Exception as exc:
            raise unforeseen(exc) from exc
        finally:
            requests.store()
        return read.most_jobs

    def _read(self, account: Account) -> GlanceRead:
        days = Days(first=self.connection.import_from)
        since = self.tools.recorder.clock.now().date() - timedelta(days=self.tools.recorder.settings.recent_window_days)
        with self.tools.recorder.database.statement() as tx:
            job_ids = glance_job_ids(tx, self.lease.company_id, since=since)
        check = partial(self._check_owner, account)
        most = self.connection.glance_jobs
        return GlanceRead(account, days, job_ids, most_jobs=most, known=self._known, check=check)

    def _check_owner(self, account: Account, owners: Collection[str]) -> None:
        """Refuse another account's shifts. Where the rows do not say whose they are the account is asked: a request."""
        expected = self.connection.builder_id
        if set(owners) == {expected}:
            return
        found = account.identity().builder_id
        if found != expected:
            raise SourceFaultError(OTHER_ACCOUNT, f"signed in to account {found}, connected before was {expected}")

    def _known(self, shift_ids: Collection[str]) -> Collection[str]:
        with self.tools.recorder.database.statement() as tx:
            return known(tx, self.lease.company_id, TIME_ENTRIES.name, list(shift_ids))

    def _begin(self) -> RunId:
        with self.tools.recorder.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            return begin_glance(tx, self.lease.company_id)

    def _prepare(self, run_id: RunId) -> Run:
        recorder = self.tools.recorder
        publisher = FencingPublisher(lambda: self.tools.publisher(self.lease.company_id), self._confirm)
        if self.lease.fences:
            publisher.fence()
        return Run(
            Assignment(run=run_id, time_zone=self.connection.time_zone, new_op="CREATE", whole=False),
            RunServices(
                ledger=PostgresLedger(recorder.database, self.lease, run_id),
                publisher=publisher,
                events=Silence(),
                encoders=self.tools.encoders,
                clock=recorder.clock,
                background=at_once,
            ),
        )

    def _confirm(self) -> None:
        with self.tools.recorder.database.transaction() as tx:
            hold_epoch(tx, self.lease)
