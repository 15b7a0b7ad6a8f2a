"""One partition's stage twice: record by record, and by column from the first record; both must do the same."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from core.errors import InvalidRecordError
from schemas.entities import TIME_ENTRIES
from streams import metrics
from streams.records import Output, RawRecord
from streams.shifts import batch as by_column
from streams.stage import PartitionStage
from tests.unit.streams.factories import PARTITIONS
from tests.unit.streams.fakes import CODECS, FakePublisher, stage
from tests.unit.streams.odd_shifts import content

_COUNTED = (metrics.RECORDS_IN, metrics.RECORDS_OUT, metrics.DEAD_LETTERS, metrics.SHIFT_LINKS)
_BY_RECORD, _BY_COLUMN = 10**9, 1


class TwoWays:
    """Both stages of a partition. An assertion fails unless both publish the same."""

    def __init__(self, patch: pytest.MonkeyPatch, partition: int) -> None:
        self._patch = patch
        self._published = FakePublisher(), FakePublisher()
        self.stages = tuple(stage(partition, publisher) for publisher in self._published)

    def load(self, log: Sequence[RawRecord], *, committed: int) -> None:
        """Load a state that is ahead of what is delivered from `committed` on; invalid records are left out."""
        for each in self.stages:
            for raw in log:
                with contextlib.suppress(InvalidRecordError):
                    each.state.load(dataclasses.replace(raw), committed=committed)

    def take(self, *batch: RawRecord) -> list[Output]:
        """What a batch publishes."""
        by_record, by_column = (
            self._processed(number, worth_it, batch) for number, worth_it in enumerate((_BY_RECORD, _BY_COLUMN))
        )
        assert by_column == by_record
        return [output for each in self._published[1].transactions for output in each]

    def by_column(self, *batch: RawRecord) -> list[RawRecord]:
        """The records of a batch that would be processed by column; nothing is processed."""
        self._patch.setattr(by_column, "_FEWEST_DELIVERED", _BY_COLUMN)
        part = self.stages[1]
        decoder = CODECS.decode[TIME_ENTRIES.name]
        found = by_column.ordinary_shifts(batch, decoder, partition=part.partition, partitions=PARTITIONS)
        return [raw for raw, shift in zip(batch, found, strict=True) if shift is not None]

    def _processed(self, number: int, worth_it: int, batch: Sequence[RawRecord]) -> Any:
        self._patch.setattr(by_column, "_FEWEST_DELIVERED", worth_it)
        part, publisher = self.stages[number], self._published[number]
        publisher.transactions.clear()
        before = _counts()
        part.process([dataclasses.replace(raw) for raw in batch])
        return publisher.transactions, _counts() - before, content(part.state), _share(part)


def _counts() -> Counter[tuple[str, ...]]:
    return Counter(
        {
            (sample.name, *sample.labels.values()): int(sample.value)
            for metric in _COUNTED
            for family in metric.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        }
    )


def _share(part: PartitionStage) -> dict[str, tuple[int, int]]:
    return part.share.active(part.clock.monotonic())
