"""What each turn of the poller's loop does about commands: takes new ones, joins reads, stops reads, publishes answers.

It also ends commands for all companies: one answer once every company has its own, with the sum of the counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from control.commands import companies_to_interrupt, join_reads
from control.fan_outs import FanOut, open_fan_outs
from control.health import read_health
from core.clock import Clock
from core.topics import ALL_COMPANIES
from producers import metrics
from producers.runs.outcome import Recorder
from producers.sync_events import SyncEvent
from schemas.commands import INTERRUPTING, JOINING
from schemas.entities import ENTITY_BY_NAME

_HEALTH_EVERY_S = 15.0
# So many companies that failed are named in the answer for all.
_MOST_NAMED = 5


@dataclass(slots=True)
class CommandLoop:
    """One of these in each poller. `take` brings new commands in, `say` says what is answered."""

    recorder: Recorder
    take: Callable[[], int]
    publish_answers: Callable[[], int]
    clock: Clock
    fan_outs: FanOutAnswers = field(init=False)
    _looked_at: float | None = None

    def __post_init__(self) -> None:
        self.fan_outs = FanOutAnswers(self.recorder)

    def turn(self) -> int:
        """Take commands, end those for all companies, say answers; how many commands came. RetriableError: outage."""
        taken = self.take()
        self.fan_outs.turn()
        self.publish_answers()
        self._look_at_health()
        return taken

    def reads_to_stop(self, company_ids: Collection[str]) -> set[str]:
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
            metrics.show(read_health(tx))


class FanOutAnswers:
    """Ends commands for all companies; `turn` is called by the loop of every poller."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._last_count: dict[str, int] = {}

    def turn(self) -> None:
        """Answer those whose companies all have their answer; publish the progress of the others.

        RetriableError for an outage.
        """
        with self._recorder.database.transaction() as tx:
            for whole in open_fan_outs(tx):
                if whole.answered == whole.total:
                    self._recorder.answer(tx, [whole.command_id], end_of(whole))
                    self._last_count.pop(whole.command_id, None)
                else:
                    self._show_progress(whole)

    def _show_progress(self, whole: FanOut) -> None:
        if self._last_count.get(whole.command_id) == whole.answered:
            return
        self._last_count[whole.command_id] = whole.answered
        self._recorder.events.write(
            SyncEvent(
                ALL_COMPANIES,
                "progress",
                command_id=whole.body["command_id"],
                pages_done=whole.answered,
                pages_total=whole.total,
                message=f"{whole.answered:,} of {whole.total:,} companies have their answer.",
            )
        )


def end_of(whole: FanOut) -> SyncEvent:
    """The answer of a command for all companies, once each company has its own."""
    done = whole.outcomes.count("completed")
    failed = whole.total - done
    named = "; ".join(whole.failures[:_MOST_NAMED])
    more = f"; and {failed - _MOST_NAMED:,} more" if failed > _MOST_NAMED else ""
    message = f"{done:,} of {whole.total:,} companies completed. {named}{more}" if failed else _all_done(whole.total)
    counts = _sum(whole.counts) if whole.counts else None
    return SyncEvent(ALL_COMPANIES, "failed" if failed else "completed", counts=counts, message=message)


def _all_done(total: int) -> str:
    return f"All {total:,} companies completed." if total else "No company is connected that this is for."


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)
