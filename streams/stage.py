"""Processes the batches of one partition: all that follows from a batch is committed, or the partition is given up.

Independent of Faust. A record that can never succeed is dead-lettered in the same transaction as the batch's output.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from prometheus_client import Counter as Metric

from core.clock import Clock
from core.dead_letters.letter import RejectedRecord, dead_letter
from core.dead_letters.share import PARKED, BatchShare, DeadLetterShare, company_of, origin_of, parked_error
from core.errors import InvalidRecordError
from core.log import get_logger
from core.retry import Patience
from core.topics import DEAD_LETTERS
from schemas.entities import TIME_ENTRIES
from streams import metrics
from streams.outputs import render
from streams.records import Codecs, NewestVersions, Output, RawRecord
from streams.shifts.batch import ordinary_shifts
from streams.state.partition import OrdinaryShift, Outcome, PartitionState

STAGE = "streams"
# A transaction stays far below the brokers' time limit, also when a job with 50,000 shifts is renamed.
TRANSACTION_RECORDS = 10_000

log = get_logger(__name__)

# Records, each with what was made of it by column; None where it is decoded and processed by itself.
Decoded = Sequence[tuple[RawRecord, OrdinaryShift | None]]


class Publisher(Protocol):
    """Writes output: all of it, or nothing."""

    def publish(self, outputs: Sequence[Output]) -> None:
        """Return when the outputs are committed."""

    def close(self) -> None:
        """Give up what is not committed."""


@dataclass(slots=True)
class PartitionStage:
    """The state, the publisher and the rules of one partition.

    `consistent` is false from when a batch changes the state until all that follows from it is committed: in between
    the state is ahead of what was published, and must not be kept.
    """

    partition: int
    state: PartitionState
    publisher: Publisher
    codecs: Codecs
    share: DeadLetterShare
    patience: Patience
    clock: Clock
    consistent: bool = True

    def process(self, batch: Sequence[RawRecord]) -> None:
        """Apply a batch and return when all that follows from it is committed. Blocks.

        Raises FatalError or FencedError when the process must end, StoppedError when the partition is given up.
        """
        self.consistent = False
        with metrics.BATCH_SECONDS.time():
            outcomes: Counter[tuple[str, str]] = Counter()
            links: Counter[str] = Counter()
            decoded = self._decode(batch)
            share = self.share.batch(_records_by_company(decoded))
            letters = self._apply(decoded, share, outcomes)
            outputs = self._outputs(letters, links)
            while chunk := list(islice(outputs, TRANSACTION_RECORDS)):
                self.publisher.publish(chunk)
                _count(metrics.RECORDS_OUT, Counter((output.topic,) for output in chunk).items())
            _count(metrics.RECORDS_IN, outcomes.items())
            _count(metrics.SHIFT_LINKS, (((status,), number) for status, number in links.items()))
            share.commit()
        self.consistent = True

    def report_sizes(self) -> None:
        """Set the metric of what is held."""
        for entity, size in self.state.sizes().items():
            metrics.STATE_SIZE.labels(entity, self.partition).set(size)

    def _outputs(self, letters: list[Output], links: Counter[str]) -> Iterator[Output]:
        yield from letters
        yield from render(self.state, self.state.take_pending().items(), self.codecs, links)

    def _decode(self, batch: Sequence[RawRecord]) -> Decoded:
        """Each record with what was made of it by column; the others are decoded one by one."""
        decoder, partitions = self.codecs.decode[TIME_ENTRIES.name], self.state.partitions
        shifts = ordinary_shifts(batch, decoder, partition=self.partition, partitions=partitions)
        others = [raw for raw, shift in zip(batch, shifts, strict=True) if shift is None]
        self.patience.until_done(lambda: self.codecs.decode_values(others))
        return list(zip(batch, shifts, strict=True))

    def _apply(self, batch: Decoded, share: BatchShare, outcomes: Counter[tuple[str, str]]) -> list[Output]:
        """Apply a batch; the dead letters of those records that can never succeed, or whose company is parked."""
        letters = []
        newest = NewestVersions(raw for raw, _ in batch)
        for raw, shift in batch:
            try:
                if share.waiting and self._waits(raw, share):
                    outcome = self.state.park(raw, parked_error())
                else:
                    outcome = self.state.apply(raw) if shift is None else self.state.apply_ordinary(raw.offset, shift)
            except InvalidRecordError as error:
                if newest.supersede(raw):
                    outcomes[raw.entity.name, Outcome.OUTDATED.value] += 1
                    continue
                letters.append(self._refused(raw, error, share, outcomes))
            else:
                outcomes[raw.entity.name, outcome.value] += 1
        return letters

    def _waits(self, raw: RawRecord, share: BatchShare) -> bool:
        return share.waits(origin_of(raw.key, raw.headers))

    def _refused(
        self, raw: RawRecord, error: InvalidRecordError, share: BatchShare, outcomes: Counter[tuple[str, str]]
    ) -> Output:
        if error.error_class == PARKED:
            outcomes[raw.entity.name, "parked"] += 1
        else:
            share.refused(origin_of(raw.key, raw.headers))
            outcomes[raw.entity.name, "dead-lettered"] += 1
            _log_refused(raw, error)
        metrics.DEAD_LETTERS.labels(raw.entity.name, error.error_class).inc()
        return self._dead_letter(raw, error)

    def _dead_letter(self, raw: RawRecord, error: InvalidRecordError) -> Output:
        rejected = RejectedRecord(
            raw.entity.raw_topic, raw.partition, raw.offset, raw.key, raw.value, list(raw.headers)
        )
        letter = dead_letter(rejected, stage=STAGE, error=error, seen_at=self.clock.now())
        return Output(DEAD_LETTERS, letter.key, letter.value, letter.headers)


def _records_by_company(batch: Decoded) -> Counter[str]:
    """How many records of a batch each company has."""
    return Counter(
        company_of(raw.key, dict(raw.headers)) if shift is None else shift.company_id for raw, shift in batch
    )


def _log_refused(raw: RawRecord, error: InvalidRecordError) -> None:
    log.warning(
        "record_dead_lettered",
        topic=raw.entity.raw_topic,
        partition=raw.partition,
        offset=raw.offset,
        error_class=error.error_class,
        reason=error.reason,
    )


def _count(metric: Metric, counts: Iterable[tuple[tuple[str, ...], int]]) -> None:
    """Add to a metric once a batch: a labelled increment costs as much as decoding a record."""
    for labels, number in counts:
        metric.labels(*labels).inc(number)
