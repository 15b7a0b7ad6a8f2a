"""Puts a company's dead letters through again, or says how many it would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from control.commands import OpenCommand
from core.clock import Clock
from core.errors import FencedError, RetriableError
from core.kafka.read_partition import read_partition
from core.settings import Settings
from core.topics import DEAD_LETTERS, partition_for
from producers.replay.outcome import Verdict, await_verdict
from producers.replay.plan import OpenLetters, Selection
from producers.replay.replay import Replayed, replay
from schemas.catalogue import ENTITY_BY_NAME

_CLOCKS_DIFFER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ReplayEnd:
    """How a replay ended: the type of the command's final event, and what it did, in a sentence."""

    outcome: str
    message: str


class Replaying:
    """Does `replay-dead-letters`; see producers.connection_work.Replay."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def __call__(self, command: OpenCommand, stopped: Callable[[], bool]) -> ReplayEnd:
        """Blocks, until it is known what became of each record or half a minute is over.

        RetriableError for an outage, and while another replay is at work on the same partition.
        """
        selection = selection_of(command)
        if command.body["dry_run"]:
            return ReplayEnd("completed", f"{self._count(selection):,} dead letters would be put through.")
        since = self._clock.now() - _CLOCKS_DIFFER
        try:
            done = replay(self._settings, selection, self._clock, stopped=stopped)
        except FencedError as exc:
            # Each puts through what is left when it comes to it.
            raise RetriableError("Another replay is at work on these dead letters.") from exc
        return end_of(done, await_verdict(self._settings, done.sent, since, self._clock, stopped=stopped))

    def _count(self, selection: Selection) -> int:
        assert selection.company_id is not None
        number = partition_for(selection.company_id, self._settings.entity_partitions)
        letters = OpenLetters(selection, self._clock.now(), self._settings.entity_partitions)
        for message in read_partition(self._settings, DEAD_LETTERS, number):
            letters.read([message])
        return len(letters.offsets)


def selection_of(command: OpenCommand) -> Selection:
    """The letters of the command's company, of its entities if it names some."""
    entities = [ENTITY_BY_NAME[name] for name in command.body["entities"]]
    topics = frozenset(topic for one in entities for topic in (one.raw_topic, one.canonical_topic))
    return Selection(company_id=command.body["company_id"], topics=topics)


def end_of(done: Replayed, verdict: Verdict) -> ReplayEnd:
    """How the command ends: it failed where anything was refused again."""
    parts = [f"{done.put_through:,} put through{_became(verdict)}"]
    if done.superseded:
        parts.append(f"{done.superseded:,} left out, because something newer is there")
    if done.expired:
        parts.append(f"{done.expired:,} too old")
    if done.keyless:
        parts.append(f"{done.keyless:,} without a key")
    if done.cut:
        parts.append(f"{done.cut:,} too big to be kept whole")
    if done.source_rows:
        parts.append(f"{done.source_rows:,} rows of Buildertrend, which every sync reads again")
    return ReplayEnd("failed" if verdict.refused else "completed", f"Dead letters: {', '.join(parts)}.")


def _became(verdict: Verdict) -> str:
    """What became of those that were put through, in brackets; nothing where there were none."""
    parts = []
    if verdict.taken:
        parts.append(f"{verdict.taken:,} taken")
    if verdict.refused:
        parts.append(f"{verdict.refused:,} refused again: {verdict.reason.rstrip('.')}")
    if verdict.pending:
        parts.append(f"{verdict.pending:,} not looked at yet: `status` shows if they are refused again")
    return f" ({'; '.join(parts)})" if parts else ""
