"""One run: read, compare, publish, record, page by page, then the deletions.

Order of every step: the Kafka transaction is committed first, then state and progress together under the lease's epoch.
A crash in between publishes the same changes again under higher versions; it never loses one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from control.connections import Lease, hold_epoch
from control.database import Database
from control.runs import Counts, RunId, save_page, save_progress
from control.source_state import (
    Published,
    count_published,
    drop_published,
    fingerprints,
    put_published,
    unseen,
)
from core.clock import Clock
from core.log import get_logger
from producers.change_record import Observation, messages
from producers.compare import Change, Comparison, Op, brake_is_pulled, compare, deletions
from producers.events import EventWriter, SyncEvent
from producers.publisher import Publisher
from producers.source import EntityRead, Page
from schemas.codec import Encoder

_LOG = get_logger(__name__)
COUNTERS = ("read", "created", "updated", "deleted", "unchanged")
_DELETION_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a run writes."""

    database: Database
    publisher: Publisher
    events: EventWriter
    encoders: Mapping[str, Encoder]
    clock: Clock


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a run is for. `new_op` is the op of records that are new: SNAPSHOT in an initial read, else CREATE."""

    run: RunId
    lease: Lease
    time_zone: str
    new_op: Op
    command_id: str | None


@dataclass(slots=True)
class Run:
    """Carries reads out one after another and keeps the counts."""

    assignment: Assignment
    outlets: Outlets
    counts: Counts = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    _position: int = 0

    def execute(self, reads: Iterable[EntityRead]) -> None:
        """Blocks until all is read. Raises the source's faults, FencedError and RetriableError as they come."""
        for read in reads:
            began = self.outlets.clock.now()
            pages = self._read_pages(read)
            self._find_deletions(read)
            self._say_complete(read, pages=pages, began=began)

    @property
    def published(self) -> int:
        """Change records published so far."""
        return self._position

    def _read_pages(self, read: EntityRead) -> int:
        self.counts.setdefault(read.entity.name, dict.fromkeys(COUNTERS, 0))
        number = 0
        for number, page in enumerate(read.pages(), start=1):
            self._take_page(read, page, number)
            self._say_progress(read, pages_done=number, pages_total=page.pages_total)
        return number

    def _take_page(self, read: EntityRead, page: Page, number: int | None) -> None:
        """Publish what differs on a page; `number` is None for pages of the second look, which are no checkpoint."""
        comparison = self._compare(read, page)
        seen_ids = [record.entity_id for record in page.records]
        self._publish(read, comparison.changes)
        self._count(read, comparison)
        with self.outlets.database.transaction() as tx:
            hold_epoch(tx, self.assignment.lease)
            put_published(tx, self._company_id, read.entity.name, self._rows(comparison.changes))
            if number is not None:
                save_page(tx, self.assignment.run, entity=read.entity.name, page=number, entity_ids=seen_ids)
            save_progress(tx, self.assignment.run, position=self._position, counts=self.counts)

    def _compare(self, read: EntityRead, page: Page) -> Comparison:
        ids = [record.entity_id for record in page.records]
        with self.outlets.database.transaction() as tx:
            known = fingerprints(tx, self._company_id, read.entity.name, ids)
        return compare(page.records, known, time_zone=self.assignment.time_zone, new_op=self.assignment.new_op)

    def _publish(self, read: EntityRead, changes: Sequence[Change]) -> None:
        if not changes:
            return
        run = self.assignment.run
        first = self._position + 1
        numbered = [(run.version(position), change) for position, change in enumerate(changes, start=first)]
        seen = Observation(run, self.outlets.clock.now(), self.assignment.time_zone)
        topic = read.entity.raw_topic
        self.outlets.publisher.publish(messages(numbered, seen, topic=topic, encode=self.outlets.encoders[topic]))
        self._position += len(changes)

    def _rows(self, changes: Sequence[Change]) -> list[Published]:
        """State rows of the changes published last."""
        first = self._position - len(changes) + 1
        return [
            Published(
                change.entity_id,
                change.fingerprint,
                self.assignment.run.version(position),
                change.record.local_day,
                change.record.parent_id,
            )
            for position, change in enumerate(changes, start=first)
            if change.record is not None and change.fingerprint is not None
        ]

    def _find_deletions(self, read: EntityRead) -> None:
        """Delete what a complete read and a second look both did not show, unless the brake is pulled."""
        covered = read.covered()
        if covered is None:
            return
        with self.outlets.database.transaction() as tx:
            missing = unseen(tx, self.assignment.run, read.entity.name, covered)
            published = count_published(tx, self._company_id, read.entity.name, covered)
        if not missing:
            return
        gone = sorted(set(missing) - self._found_again(read, missing))
        if brake_is_pulled(len(gone), published=published.all, in_range=published.in_range):
            self._hold(read, missing=len(gone), published=published.all)
            return
        self._delete(read, gone)

    def _found_again(self, read: EntityRead, missing: Sequence[str]) -> set[str]:
        """Ids that a second look shows after all; what it shows of them is published like any page."""
        found: set[str] = set()
        for page in read.second_look(missing):
            if page.records:
                self._take_page(read, page, None)
                found.update(record.entity_id for record in page.records)
        return found

    def _delete(self, read: EntityRead, gone: Sequence[str]) -> None:
        counts = self.counts[read.entity.name]
        for start in range(0, len(gone), _DELETION_BATCH):
            batch = gone[start : start + _DELETION_BATCH]
            self._publish(read, deletions(batch))
            counts["deleted"] += len(batch)
            with self.outlets.database.transaction() as tx:
                hold_epoch(tx, self.assignment.lease)
                drop_published(tx, self._company_id, read.entity.name, batch)
                save_progress(tx, self.assignment.run, position=self._position, counts=self.counts)

    def _hold(self, read: EntityRead, *, missing: int, published: int) -> None:
        self.held[read.entity.name] = missing
        _LOG.warning("deletions_held", entity=read.entity.name, missing=missing, published=published)
        self._say(
            "held",
            read,
            message=f"{missing} of {published} {read.entity.name} are no longer shown by Buildertrend. "
            "Nothing was deleted: look at them, then release the deletions or wait for the records' return.",
        )

    def _count(self, read: EntityRead, comparison: Comparison) -> None:
        counts = self.counts[read.entity.name]
        counts["read"] += len(comparison.changes) + comparison.unchanged
        for name in ("created", "updated", "unchanged"):
            counts[name] += getattr(comparison, name)

    def _say_progress(self, read: EntityRead, *, pages_done: int, pages_total: int | None) -> None:
        self._say(
            "progress",
            read,
            pages_done=pages_done,
            pages_total=None if pages_total is None else max(pages_total, pages_done),
        )

    def _say_complete(self, read: EntityRead, *, pages: int, began: datetime) -> None:
        covered = read.covered()
        self._say(
            "entity-complete",
            read,
            pages_done=pages,
            pages_total=pages,
            from_date=covered.from_day if covered else None,
            complete_through=began,
        )

    def _say(
        self,
        kind: str,
        read: EntityRead,
        *,
        pages_done: int | None = None,
        pages_total: int | None = None,
        from_date: date | None = None,
        complete_through: datetime | None = None,
        message: str | None = None,
    ) -> None:
        self.outlets.events.write(
            SyncEvent(
                company_id=self._company_id,
                type=kind,
                command_id=self.assignment.command_id,
                run_id=self.assignment.run.run_id,
                entity=read.entity.name,
                counts=dict(self.counts[read.entity.name]),
                pages_done=pages_done,
                pages_total=pages_total,
                from_date=from_date,
                complete_through=complete_through,
                message=message,
            )
        )

    @property
    def _company_id(self) -> str:
        return self.assignment.run.company_id
