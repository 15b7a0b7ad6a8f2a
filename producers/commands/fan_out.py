"""Ends commands for all companies once their parts are answered: one answer, with the sum of the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from control.fan_outs import FanOut, open_fan_outs
from core.topics import ALL_COMPANIES
from producers.runs.outcome import Recorder
from producers.sync_events import SyncEvent

_NAMED = 5


class Parting:
    """`turn` is called by the loop of every poller."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._told: dict[str, int] = {}

    def turn(self) -> None:
        """Answer those whose parts are; tell of the others how far they are. RetriableError for an outage."""
        with self._recorder.database.transaction() as tx:
            for whole in open_fan_outs(tx):
                if whole.answered == whole.total:
                    self._recorder.answer(tx, [whole.command_id], end_of(whole))
                    self._told.pop(whole.command_id, None)
                else:
                    self._tell(whole)

    def _tell(self, whole: FanOut) -> None:
        if self._told.get(whole.command_id) == whole.answered:
            return
        self._told[whole.command_id] = whole.answered
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
    """The answer of a command whose parts all have theirs."""
    done = whole.outcomes.count("completed")
    failed = whole.total - done
    named = "; ".join(whole.failures[:_NAMED])
    more = f"; and {failed - _NAMED:,} more" if failed > _NAMED else ""
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
