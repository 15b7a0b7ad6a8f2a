"""How a glance ended.

One that failed puts off the next one, never a read; it shows in metrics and in the log alone, as a read tells people
what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from control.connections import Connection, Failure, Lease, hold_epoch, set_failed
from control.glances import GlanceEnd, GlanceFailure, end_glance, fail_glance
from core.log import get_logger
from producers.buildertrend.faults import OTHER_ACCOUNT, SourceFaultError
from producers.runs.glance_schedule import next_glance
from producers.runs.outcome import Recorder, total
from producers.runs.run import Run
from producers.sync_events import SyncEvent
from schemas.faults import RATE_LIMITED, SOURCE_UNAVAILABLE

log = get_logger(__name__)
GLANCE = "glance"
# They pass by themselves: a read would meet the same.
_PASSING = frozenset({RATE_LIMITED.name, SOURCE_UNAVAILABLE.name, "internal-error"})


@dataclass(frozen=True, slots=True)
class GlanceRecorder:
    """Records how glances ended, beside the Recorder of runs."""

    recorder: Recorder

    def ended(self, lease: Lease, connection: Connection, run: Run, *, started_at: datetime) -> None:
        """It went well; `connection` as it is to be now."""
        now = self.recorder.clock.now()
        end = GlanceEnd(run.assignment.run, run.published, run.counts, started_at, now)
        following = self._next(now, connection)
        with self.recorder.database.transaction() as tx:
            hold_epoch(tx, lease)
            end_glance(tx, end, next_at=following, jobs=connection.glance_jobs)
        if run.published:
            log.info("glance_published", records=run.published)

    def failed(self, lease: Lease, connection: Connection, run: Run, error: SourceFaultError) -> None:
        """A fault of the source ended it. One that stops sign-ins is the connection's, as a read's would be."""
        now, fault = self.recorder.clock.now(), error.fault
        log.warning("glance_failed", fault=fault.name, detail=error.detail)
        failures = connection.glance_failures + 1
        asked = None if error.retry_after_s is None else now + timedelta(seconds=error.retry_after_s)
        following = self._next(now, replace(connection, glance_failures=failures))
        later = following if following is None or asked is None else max(following, asked)
        # Whether an admin confirmed another account, a read asks.
        stops = fault.stops_sign_in and fault != OTHER_ACCOUNT
        read_now = fault.name not in _PASSING and failures == 1
        with self.recorder.database.transaction() as tx:
            hold_epoch(tx, lease)
            fail_glance(tx, lease.company_id, GlanceFailure(later, asked, read_now))
            if stops:
                due = now + timedelta(seconds=self.recorder.settings.poll_interval_s)
                set_failed(tx, lease.company_id, Failure("needs-attention", fault.name, error.for_admin, due))
        if stops:
            run_id = run.assignment.run.run_id
            event = SyncEvent(lease.company_id, "failed", run_id=run_id, counts=total(run.counts))
            self.recorder.events.write(replace(event, message=error.for_admin, fault=fault.name))

    def _next(self, now: datetime, connection: Connection) -> datetime | None:
        return next_glance(now, connection, self.recorder.settings, self.recorder.jitter)
