"""Fakes around the stage: canonical topics as a reader sees them, and a publisher that writes them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from core.dead_letters.share import DeadLetterShare
from core.kafka.record_headers import RecordHeaders
from core.retry import Patience
from core.topics import DEAD_LETTERS
from schemas.codec import Decoder, Record
from schemas.entities import ENTITIES
from streams.outputs import render
from streams.records import Codecs, Output, RawRecord
from streams.stage import PartitionStage
from streams.state.partition import PartitionState
from tests.unit.streams.factories import PARTITIONS, LocalSchemas

CODECS = Codecs.load(LocalSchemas())
_DECODE = {entity.canonical_topic: Decoder(entity.canonical_topic, LocalSchemas()) for entity in ENTITIES}


class Published(NamedTuple):
    """One canonical record: `record` is None for a tombstone."""

    entity: str
    key: str
    record: Record | None
    headers: RecordHeaders


def published(outputs: Iterable[Output]) -> list[Published]:
    """Outputs decoded."""
    return [
        Published(
            output.topic.removeprefix("protiv."),
            (output.key or b"").decode(),
            None if output.value is None else _DECODE[output.topic](output.value),
            RecordHeaders.decode(output.headers),
        )
        for output in outputs
    ]


class Core:
    """The pure core driven one batch at a time; keeps everything it published."""

    def __init__(self, state: PartitionState | None = None) -> None:
        self.state = state or PartitionState(CODECS, partitions=PARTITIONS)
        self.links: Counter[str] = Counter()
        self.published: list[Published] = []

    def take(self, *batch: RawRecord) -> list[Published]:
        """What a batch makes the stage publish."""
        for raw in batch:
            self.state.apply(raw)
        now = published(render(self.state, self.state.take_pending().items(), CODECS, self.links))
        self.published += now
        return now

    def table(self) -> dict[tuple[str, str], Record]:
        """The canonical records that are not deleted, as a reader of the compacted topics sees them."""
        rows: dict[tuple[str, str], Record] = {}
        for each in self.published:
            if each.record is None:
                rows.pop((each.entity, each.key), None)
            else:
                rows[each.entity, each.key] = each.record
        return rows


class ManualClock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        if stop is not None and stop.is_set():
            return True
        self.seconds += seconds
        return False


class FakePublisher:
    """Keeps each transaction; `during` runs in the middle of each."""

    def __init__(self) -> None:
        self.during: Callable[[], object] = lambda: None
        self.transactions: list[list[Output]] = []
        self.closed = False

    def publish(self, outputs: Sequence[Output]) -> None:
        self.during()
        self.transactions.append(list(outputs))

    def close(self) -> None:
        self.closed = True

    def canonical(self) -> list[Published]:
        return published(output for each in self.transactions for output in each if output.topic != DEAD_LETTERS)

    def dead_letters(self) -> list[Output]:
        return [output for each in self.transactions for output in each if output.topic == DEAD_LETTERS]


def stage(
    partition: int,
    publisher: FakePublisher,
    *,
    clock: ManualClock | None = None,
    stop: threading.Event | None = None,
    share: DeadLetterShare | None = None,
) -> PartitionStage:
    """A stage over the fake publisher."""
    clock = clock or ManualClock()
    return PartitionStage(
        partition,
        PartitionState(CODECS, partitions=PARTITIONS),
        publisher,
        CODECS,
        share or DeadLetterShare(clock),
        Patience(clock, stop or threading.Event(), 60.0),
        clock,
    )
