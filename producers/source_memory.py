"""What reads of a connection leave for those of later runs, in its row and beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from control.connections import Connection, Lease, hold_epoch
from control.database import Database
from control.glances import put_working_hours
from core.clock import Clock
from producers.working_hours import ShiftTimes, learned

_LEARNED_FROM_DAYS = 35


@dataclass(frozen=True, slots=True)
class SourceMemory:
    """See producers.buildertrend.reads.plan.Memory. What it writes is under the lease's epoch."""

    database: Database
    lease: Lease
    connection: Connection
    clock: Clock

    def shift_times(self) -> ShiftTimes:
        today = self.clock.now().astimezone(ZoneInfo(self.connection.time_zone)).date()
        return ShiftTimes(since=today - timedelta(days=_LEARNED_FROM_DAYS), until=today)

    def learn_hours(self, times: ShiftTimes) -> None:
        """Too few shifts, as of a read that went on near its end, leave what is known."""
        hours = learned(times)
        if hours is None or hours.as_json() == self.connection.working_hours:
            return
        with self.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            put_working_hours(tx, self.lease.company_id, hours.as_json())
