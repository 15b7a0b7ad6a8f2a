"""What the poller's loop does about commands between two looks: joins, interruptions, answers, common gauges."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from control.commands import companies_to_interrupt, join_reads
from control.health import read_health
from core.clock import Clock
from producers import metrics as telemetry
from producers.commands.fan_out import Parting
from producers.runs.outcome import Recorder
from producers.sync_events import SyncEvent
from schemas.catalogue import ENTITY_BY_NAME
from schemas.command_types import INTERRUPTING, JOINING

_HEALTH_EVERY_S = 15.0


@dataclass(slots=True)
class Attending:
    """One of these in each poller. `take` brings new commands in, `say` says what is answered."""

    recorder: Recorder
    take: Callable[[], int]
    say: Callable[[], int]
    clock: Clock
    parting: Parting = field(init=False)
    _looked_at: float | None = None

    def __post_init__(self) -> None:
        self.parting = Parting(self.recorder)

    def turn(self) -> int:
        """Take commands, end those for all companies, say answers; how many commands came. RetriableError: outage."""
        taken = self.take()
        self.parting.turn()
        self.say()
        self._look_at_health()
        return taken

    def attend(self, company_ids: Collection[str]) -> set[str]:
        """Let commands join these companies' reads; the companies whose read has to stop for one."""
        if not company_ids:
            return set()
        with self.recorder.database.transaction() as tx:
            joined = join_reads(tx, company_ids, types=JOINING, all_entities=ENTITY_BY_NAME)
            stopping = companies_to_interrupt(tx, company_ids, types=INTERRUPTING)
        for one in joined:
            self.recorder.events.write(
                SyncEvent(
                    one.company_id,
                    "started",
                    command_id=one.command_id,
                    run_id=one.run_id,
                    message="joins the read under way",
                )
            )
        return stopping

    def _look_at_health(self) -> None:
        now = self.clock.monotonic()
        if self._looked_at is not None and now - self._looked_at < _HEALTH_EVERY_S:
            return
        self._looked_at = now
        with self.recorder.database.transaction() as tx:
            telemetry.show(read_health(tx))
