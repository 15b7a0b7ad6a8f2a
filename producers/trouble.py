"""Trouble that is not the source's: what nobody foresaw, and outages of our own services that last."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from uuid import uuid4

from control.connections import Lease, back_off, failures, note_outage, show_outage
from core.errors import IntegrationError
from core.log import get_logger
from producers import metrics
from producers.buildertrend.faults import SERVICE_OUTAGE, internal_error
from producers.runs.outcome import Recorder

log = get_logger(__name__)
_FIRST_PAUSE_S = 60.0
_MOST_DOUBLINGS = 10
# Until then nobody has to hear of it: brokers change places, databases start anew.
OUTAGE_SHOWN_AFTER_S = 600.0
_OUTAGE_PAUSE_S = 60.0


def noted(exc: Exception) -> str:
    """A reference under which the log has the exception's kind and trace, without its text, which may hold a record."""
    reference = uuid4().hex[:8]
    trace = "".join(traceback.format_tb(exc.__traceback__))
    log.error("run_crashed", reference=reference, error=type(exc).__name__, trace=trace)
    return reference


@dataclass(frozen=True, slots=True)
class Trouble:
    """Records trouble of a leased connection where the run itself could not."""

    recorder: Recorder

    def broke(self, lease: Lease, reference: str) -> None:
        """Something unforeseen outside of a run: nobody tries again before a pause that doubles with each time."""
        fault = internal_error(reference)
        metrics.FAULTS.labels(fault.name).inc()
        try:
            with self.recorder.database.transaction() as tx:
                doublings = min(failures(tx, lease.company_id), _MOST_DOUBLINGS)
                pause_s = min(_FIRST_PAUSE_S * 2.0**doublings, self.recorder.settings.poll_interval_s)
                back_off(tx, lease, pause_s=pause_s, fault=fault.name, message=fault.for_admin)
        except IntegrationError as exc:
            # The lease is kept until it expires: that is the pause then.
            log.warning("trouble_not_recorded", reason=str(exc))

    def outlasts(self, lease: Lease) -> None:
        """Show an outage of our own services once it has lasted for minutes."""
        try:
            with self.recorder.database.transaction() as tx:
                if note_outage(tx, lease) >= OUTAGE_SHOWN_AFTER_S:
                    fault = SERVICE_OUTAGE
                    metrics.FAULTS.labels(fault.name).inc()
                    show_outage(tx, lease, pause_s=_OUTAGE_PAUSE_S, fault=fault.name, message=fault.for_admin)
        except IntegrationError as exc:
            # It is the database that is away, or refuses.
            log.warning("trouble_not_recorded", reason=str(exc))
