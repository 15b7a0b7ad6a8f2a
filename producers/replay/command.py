"""Does the command `replay-dead-letters`, and finds what became of each record that was put through again.

A stage has its dead letter at the brokers before it commits an offset behind the record. So once a stage's committed
offset has passed a record, the record is either refused, and a letter names its place, or taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from control.commands import OpenCommand
from core.clock import Clock
from core.dead_letters.letter import DeadLetter, letter_or_receipt
from core.errors import FencedError, RetriableError
from core.kafka.groups import POLLER_GROUP, SINK_GROUP, STREAMS_GROUP, committed_offsets
from core.kafka.read import read_partition
from core.settings import Settings
from core.topics import CANONICAL_PREFIX, DEAD_LETTERS, RAW_PREFIX, SYNC_COMMANDS, partition_for
from producers.replay.plan import OpenLetters, Selection, Sent
from producers.replay.replay import Replayed, replay
from schemas.entities import ENTITY_BY_NAME

PATIENCE_S = 30.0
_CHECK_EVERY_S = 1.0
# This service's consumer group of a topic, by the beginning of the topic's name.
_READERS = {RAW_PREFIX: STREAMS_GROUP, CANONICAL_PREFIX: SINK_GROUP, SYNC_COMMANDS: POLLER_GROUP}
_CLOCKS_DIFFER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many records were taken, refused again, and not read in time; why the first one was refused."""

    taken: int = 0
    refused: int = 0
    pending: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReplayEnd:
    """How a replay ended: the type of the command's final event, and what it did, in a sentence."""

    outcome: str
    message: str


class ReplayCommand:
    """Does the command `replay-dead-letters`; see producers.connection_work.Replay."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def __call__(self, command: OpenCommand, stopped: Callable[[], bool]) -> ReplayEnd:
        """Blocks until the stages have read each record, half a minute at most.

        RetriableError for an outage, and while another replay is at work on the same partition.
        """
        selection = selection_of(command)
        if command.body["dry_run"]:
            return ReplayEnd("completed", f"{self._count(selection):,} dead letters would be put through.")
        since = self._clock.now() - _CLOCKS_DIFFER
        try:
            done = replay(self._settings, selection, self._clock, stopped=stopped)
        except FencedError as exc:
            # Each replays what the other has left.
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
    """What became of the records that were replayed, in brackets; empty if there were none."""
    parts = []
    if verdict.taken:
        parts.append(f"{verdict.taken:,} taken")
    if verdict.refused:
        parts.append(f"{verdict.refused:,} refused again: {verdict.reason.rstrip('.')}")
    if verdict.pending:
        parts.append(f"{verdict.pending:,} not looked at yet: `status` shows if they are refused again")
    return f" ({'; '.join(parts)})" if parts else ""


def await_verdict(
    settings: Settings, sent: Collection[Sent], since: datetime, clock: Clock, *, stopped: Callable[[], bool]
) -> Verdict:
    """Blocks until the stages have read every record, half a minute at most. `since`: no new letter is older.

    RetriableError if the brokers do not answer.
    """
    give_up_at = clock.monotonic() + PATIENCE_S
    while True:
        # In this order: once an offset has passed a record, its letter is there.
        passed = _passed(sent, _next_offsets(settings, sent))
        verdict = verdict_of(sent, passed, _refusals(settings, sent, since))
        if not verdict.pending or clock.monotonic() >= give_up_at or stopped():
            return verdict
        clock.wait(_CHECK_EVERY_S)


def verdict_of(sent: Collection[Sent], passed: Collection[Sent], refusals: Mapping[Sent, str]) -> Verdict:
    """`passed`: records before their stage's committed offset; `refusals`: reasons by the refused record's place."""
    refused = [refusals[each] for each in sent if each in refusals]
    pending = sum(each not in passed and each not in refusals for each in sent)
    return Verdict(len(sent) - len(refused) - pending, len(refused), pending, refused[0] if refused else "")


def _passed(sent: Collection[Sent], following: Mapping[tuple[str, int], int]) -> frozenset[Sent]:
    return frozenset(each for each in sent if following.get((each.topic, each.partition), -1) > each.offset)


def _next_offsets(settings: Settings, sent: Collection[Sent]) -> dict[tuple[str, int], int]:
    """Each stage's next offset, by partition that a record was written to."""
    by_group: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for each in sent:
        by_group[_reader_of(each.topic)].add((each.topic, each.partition))
    return {
        place: offset
        for group, places in by_group.items()
        for place, offset in committed_offsets(settings, group, places).items()
        if offset is not None
    }


def _refusals(settings: Settings, sent: Collection[Sent], since: datetime) -> dict[Sent, str]:
    wanted, found = frozenset(sent), {}
    for number in {each.partition for each in sent}:
        for message in read_partition(settings, DEAD_LETTERS, number, since=since):
            letter = letter_or_receipt(message)
            if isinstance(letter, DeadLetter):
                place = Sent(letter.record.topic, letter.record.partition, letter.record.offset)
                if place in wanted:
                    found[place] = letter.reason
    return found


def _reader_of(topic: str) -> str:
    return next(group for prefix, group in _READERS.items() if topic.startswith(prefix))
