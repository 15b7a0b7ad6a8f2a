"""Executes a run: read, compare, publish and record, page by page, then the deletions.

The order of every step: announce the changes, commit the Kafka transaction, then store state and checkpoint together
under the lease's epoch, with the announcement of the next page if that is ready. After a crash in between, what was
announced is unconfirmed: the next read publishes it again, or deletes it, as the source then has it. A run that was cut
short anywhere continues from its last checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from control.checkpoints import COMPLETE, HELD, INCOMPLETE, INCOMPLETE_REASON, Checkpoint
from control.entity_reads import CompleteRead, IncompleteRead
from core.log import get_logger
from producers.runs.compare import CompareOptions, Comparison, combined, compare
from producers.runs.deletions import DeletionOutcome, Deletions
from producers.runs.ledger import PageRecord, outside
from producers.runs.messages import Batch
from producers.runs.pipeline import CommitPipeline, ComparedPage
from producers.runs.refused_rows import RefusedRows
from producers.runs.run import COUNTERS, Run
from producers.source import FROM_THE_START, UNREADABLE_ID_PREFIX, EntityRead, IncompleteReason, Page, ReadStart
from producers.sync_events import ReadEvents, ReadSpeed

log = get_logger(__name__)
# In a checkpoint's cursor, beside what the read keeps there.
_KEPT = "kept"
_NAMELESS = "nameless"


def execute(run: Run, reads: Iterable[EntityRead]) -> None:
    """Blocks until all is read. Raises the source's faults, FencedError and RetriableError as they come."""
    unconfirmed = run.services.ledger.mark_unconfirmed()
    if unconfirmed:
        log.info("changes_unconfirmed", count=unconfirmed)
    done = run.services.ledger.checkpoints()
    run.resumed = bool(done)
    for read in reads:
        _execute_one(run, read, done.get(read.name))


def take_newest(run: Run, read: EntityRead) -> None:
    """Publish what is new or changed on the pages of a glance, and nothing more: no deletion, nothing is complete.

    Blocks and raises as `execute` does. Nobody is told of its progress.
    """
    run.services.ledger.mark_unconfirmed()
    run.counts.setdefault(read.entity.name, dict.fromkeys(COUNTERS, 0))
    _ReadInRun(run, read, Checkpoint(read.name, run.services.clock.now())).take_pages_only()


def _execute_one(run: Run, read: EntityRead, earlier: Checkpoint | None) -> None:
    name = read.entity.name
    if earlier is not None:
        read.restore(earlier.cursor)
        if earlier.state in (COMPLETE, HELD, INCOMPLETE):
            _take_over(run, name, earlier)
            return
    now = run.services.clock.now()
    run.counts.setdefault(name, dict.fromkeys(COUNTERS, 0))
    if earlier is None:
        run.services.ledger.begin_read(read.name, now)
    _ReadInRun(run, read, earlier or Checkpoint(read.name, now)).execute()


def _take_over(run: Run, entity: str, ended: Checkpoint) -> None:
    """The result of a read that ended in an earlier attempt."""
    if ended.state == INCOMPLETE:
        run.incomplete[entity] = ended.cursor[INCOMPLETE_REASON]
        return
    run.through.append(ended.began_at)
    if ended.state == HELD:
        run.held[entity] = len(run.services.ledger.held(entity))


class _ReadInRun:
    """One entity's read within a run, from wherever an earlier attempt left it."""

    def __init__(self, run: Run, read: EntityRead, checkpoint: Checkpoint) -> None:
        self._run = run
        self._read = read
        self._checkpoint = checkpoint
        self._name = read.entity.name
        self._ledger = run.services.ledger
        self._counts = run.counts[self._name]
        assignment = run.assignment
        self._options = CompareOptions(assignment.time_zone, assignment.new_op, read.reader_version)
        speed = ReadSpeed(run.services.clock, checkpoint.pages_done)
        self._events = ReadEvents(
            run.services.events, assignment.run, assignment.command_id, entity=self._name, speed=speed
        )
        self._pipeline = CommitPipeline(run.services.background, self._commit)
        self._refused = RefusedRows(run, read.entity)
        self._nameless: int = checkpoint.cursor.get(_NAMELESS, 0)
        self._announced: ComparedPage | None = None
        """The page that was announced with the one before it. Only the commit thread uses it."""

    def execute(self) -> None:
        # Also if an earlier attempt took all pages: its last page tells again whether they were all of the read.
        self._take_pages()
        deletion = DeletionOutcome()
        if not self._nameless:
            deletion = Deletions(self._run, self._read, self._take_again).delete_or_hold(self._events)
        reason = self._incomplete_reason() or deletion.incomplete
        if reason is not None:
            self._end_incomplete(reason, deletion)
        elif self._read.endpoint_missing:
            self._ledger.end_read(self._read.name, None, held=(), returned=())
        else:
            self._end_complete(deletion)

    def take_pages_only(self) -> None:
        """Publish and record the pages without a checkpoint; nothing follows from what they do not show."""
        counted: set[str] = set()
        for page in self._read.pages():
            self._take_again(page, counted)
            counted.update(row.entity_id for row in page.rows)

    def _end_complete(self, deletion: DeletionOutcome) -> None:
        covered = self._read.complete_range()
        complete = CompleteRead(
            self._name,
            through=self._checkpoint.began_at,
            from_day=None if covered is None else covered.from_day,
            whole=self._run.assignment.whole,
            to_day=None if covered is None else covered.to_day,
        )
        self._ledger.end_read(self._read.name, complete, held=deletion.held, returned=deletion.returned)
        self._close_gone(complete)
        self._run.through.append(complete.through)
        self._events.complete(complete, self._counts, pages=self._checkpoint.pages_done)

    def _close_gone(self, complete: CompleteRead) -> None:
        """A refused row that a read of everything did not show is gone: its dead letter gets a receipt."""
        if not complete.whole or complete.from_day is not None or complete.to_day is not None:
            return
        shown = self._ledger.seen(self._read.name)
        gone = self._refused.gone(shown)
        if gone:
            self._run.send(self._refused.receipts_of_gone(gone))
            ids = [row.entity_id for row in gone]
            self._ledger.record_page(PageRecord(self._name, (), self._run.progress(), understood=ids))

    def _end_incomplete(self, reason: IncompleteReason, deletion: DeletionOutcome) -> None:
        log.warning("read_incomplete", entity=self._name, reason=reason.sentence)
        self._run.incomplete[self._name] = reason.sentence
        incomplete = IncompleteRead(self._name, reason.sentence, whole=self._run.assignment.whole)
        self._ledger.end_read(self._read.name, incomplete, held=deletion.held, returned=deletion.returned)
        self._events.incomplete(reason.sentence, self._counts)

    def _incomplete_reason(self) -> IncompleteReason | None:
        """Why the read is not complete, as far as its pages tell."""
        found = self._read.incomplete_reason()
        if found is not None and found.if_ever_used and not self._ledger.count(self._name):
            return None
        if found is None and self._nameless:
            return IncompleteReason(f"{self._nameless:,} rows of {self._name} state no id that can be read.")
        kept = self._checkpoint.cursor.get(_KEPT, 0)
        if found is None and kept:
            return IncompleteReason(
                f"Of {kept:,} {self._name} a part could not be read; they stay as they were read last."
            )
        return found

    def _take_pages(self) -> None:
        done = self._checkpoint.pages_done
        start = ReadStart(done, self._seen, self._all_seen) if done else FROM_THE_START
        with self._pipeline:
            for page in self._read.pages(start):
                self._take(page, again=page.again or page.number <= self._checkpoint.pages_done)
        self._ledger.end_pages(self._read.name)

    def _all_seen(self) -> set[str]:
        name = self._read.name
        return self._ledger.seen(name) | self._ledger.seen(outside(name))

    def _take(self, page: Page, *, again: bool) -> None:
        """Publish what differs on a page, then record both; rows of a page that is taken again are counted once."""
        ids = [row.entity_id for row in page.rows]
        comparison = self._compare(page)
        uncounted = len(self._seen(ids)) if again else 0
        batch = self._batch(comparison)
        self._count(comparison, uncounted)
        if comparison.dead_lettered:
            self._nameless += sum(one.startswith(UNREADABLE_ID_PREFIX) for one in ids)
        self._checkpoint = replace(
            self._checkpoint,
            pages_done=max(self._checkpoint.pages_done, page.number),
            pages_total=page.pages_total,
            cursor=self._cursor(0 if again else len(comparison.kept)),
        )
        record = replace(
            self._record(batch, comparison),
            checkpoint=self._checkpoint,
            number=page.number,
            entity_ids=[*ids, *page.complete_range_ids],
            outside_ids=[row.entity_id for row in page.outside if row.entity_id not in page.complete_range_ids],
        )
        self._pipeline.submit(ComparedPage(batch, record))

    def _take_again(self, page: Page, counted: Collection[str]) -> None:
        """Publish and record a page of a second look; its rows are counted unless they are among `counted`."""
        comparison = self._compare(page)
        uncounted = len({row.entity_id for row in page.rows}.intersection(counted))
        batch = self._batch(comparison)
        delivery = self._run.send(batch)
        self._count(comparison, uncounted)
        record = self._record(batch, comparison)
        self._ledger.record_page(self._refused.with_delivery(ComparedPage(batch, record), delivery))

    def _batch(self, comparison: Comparison) -> Batch:
        return self._refused.with_letters(self._run.prepare(self._read.entity, comparison.changes), comparison)

    def _record(self, batch: Batch, comparison: Comparison) -> PageRecord:
        return PageRecord(
            self._name,
            batch.published,
            self._run.progress(),
            digests=comparison.digests,
            refused=[one.kept() for one in comparison.refused],
            understood=comparison.understood,
        )

    def _cursor(self, kept: int) -> dict[str, Any]:
        """The read's own cursor, and how many records stay as they were since a part of them could not be read.

        Rows without a readable id are counted, too: each may be any record, so that nothing is deleted then.
        """
        cursor = deepcopy(self._read.cursor())
        kept += self._checkpoint.cursor.get(_KEPT, 0)
        found = {name: count for name, count in ((_KEPT, kept), (_NAMELESS, self._nameless)) if count}
        return cursor | found

    def _commit(self, page: ComparedPage, following: Callable[[], ComparedPage | None]) -> None:
        delivery = self._run.send(page.batch, announced=page is self._announced)
        record = self._refused.with_delivery(page, delivery)
        self._announced = following()
        if self._announced is not None:
            record = replace(record, announce_next=self._announced.batch.announcements)
        self._ledger.record_page(record)
        assert record.checkpoint is not None
        self._events.progress(
            record.progress.counts[self._name],
            pages_done=record.checkpoint.pages_done,
            pages_total=record.checkpoint.pages_total,
        )

    def _seen(self, ids: Collection[str]) -> set[str]:
        self._pipeline.settle()
        return self._ledger.seen(self._read.name, among=ids)

    def _compare(self, page: Page) -> Comparison:
        """Of rows outside the range asked for only known ones are compared: what is in Protiv stays true."""
        known = self._ledger.to_compare(self._name, [row.entity_id for row in page.rows])
        comparison = compare(page.rows, self._pipeline.with_pending(known), self._options, self._refused.digests())
        if not page.outside:
            return comparison
        known = self._pipeline.with_pending(self._ledger.known(self._name, [row.entity_id for row in page.outside]))
        known_outside = [row for row in page.outside if row.entity_id in known]
        return combined(comparison, known_outside, known, self._options, self._refused.digests())

    def _count(self, comparison: Comparison, uncounted: int) -> None:
        rows = len(comparison.changes) + comparison.unchanged
        self._counts["read"] += max(rows - uncounted, 0)
        self._counts["dead_lettered"] = self._counts.get("dead_lettered", 0) + comparison.dead_lettered
        self._counts["created"] += comparison.created
        self._counts["updated"] += comparison.updated
        self._counts["unchanged"] += max(comparison.unchanged - uncounted, 0)
