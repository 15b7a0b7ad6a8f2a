"""Executes a run: read, compare, publish and record, page by page, then the deletions.

The order of every step: announce the changes, commit the Kafka transaction, then store state and checkpoint together
under the lease's epoch, with the announcement of the next page if that is ready. After a crash in between, what was
announced is unconfirmed: the next read publishes it again, or deletes it, as the source then has it. A run that was cut
short anywhere continues from its last checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from control.checkpoints import COMPLETE, HELD, INCOMPLETE, INCOMPLETE_REASON, Checkpoint
from control.entity_reads import CompleteRead, IncompleteRead
from control.source_state import Known
from core.log import get_logger
from producers.buildertrend.checks import RecordChecks
from producers.buildertrend.filled import field_names, filled_of
from producers.runs.compare import CompareOptions, Comparison, combined, compare
from producers.runs.deletions import DeletionOutcome, Deletions
from producers.runs.emptied import EmptiedFields
from producers.runs.ledger import PageRecord, outside
from producers.runs.messages import Batch
from producers.runs.pipeline import CommitPipeline, ComparedPage
from producers.runs.refused_rows import RefusedRows
from producers.runs.run import COUNTERS, Run
from producers.runs.suspicion import EMPTY_FIELDS, Suspicion, emptied_fields, read_by_doubtful_jobs
from producers.source import (
    FROM_THE_START,
    UNREADABLE_ID_PREFIX,
    EntityRead,
    IncompleteReason,
    Page,
    ReadStart,
    SourceRow,
)
from producers.sync_events import ReadEvents, ReadSpeed
from schemas.entities import BUDGETS, COST_CODES, JOBS, TIME_ENTRIES, USERS

log = get_logger(__name__)
# In a checkpoint's cursor, beside what the read keeps there.
_KEPT = "kept"
_NAMELESS = "nameless"
_WAITING = "waiting"
# Asked for by the ids of jobs.
_BY_JOB = (TIME_ENTRIES, BUDGETS, COST_CODES)
# Not deleted as long as a shift names them, whatever lists say.
_NAMED_BY_SHIFTS = (USERS, COST_CODES)


def execute(run: Run, reads: Iterable[EntityRead]) -> None:
    """Blocks until all is read. Raises the source's faults, FencedError and RetriableError as they come."""
    unconfirmed = run.services.ledger.mark_unconfirmed()
    if unconfirmed:
        log.info("changes_unconfirmed", count=unconfirmed)
    done = run.services.ledger.checkpoints()
    run.resumed = bool(done)
    checks = RecordChecks(run.evidence)
    for read in reads:
        _execute_one(run, read, done.get(read.entity.name), checks)
    checks.end()


def take_newest(run: Run, read: EntityRead) -> None:
    """Publish what is new or changed on the pages of a glance, and nothing more: no deletion, nothing is complete.

    Blocks and raises as `execute` does. Nobody is told of its progress.
    """
    run.services.ledger.mark_unconfirmed()
    run.counts.setdefault(read.entity.name, dict.fromkeys(COUNTERS, 0))
    checks = RecordChecks(run.evidence)
    _ReadInRun(run, read, Checkpoint(read.entity.name, run.services.clock.now()), checks).take_pages_only()


def _execute_one(run: Run, read: EntityRead, earlier: Checkpoint | None, checks: RecordChecks) -> None:
    name = read.entity.name
    ended = earlier is not None and earlier.state in (COMPLETE, HELD, INCOMPLETE)
    # What waited in an attempt that was cut short is on pages that were taken then: they are taken again.
    if earlier is not None and (ended or not earlier.cursor.get(_WAITING)):
        read.restore(earlier.cursor)
    if earlier is not None and ended:
        _take_over(run, name, earlier)
        return
    now = run.services.clock.now()
    run.counts.setdefault(name, dict.fromkeys(COUNTERS, 0))
    if earlier is None:
        run.services.ledger.begin_read(name, now)
    _ReadInRun(run, read, earlier or Checkpoint(name, now), checks).execute()


def _take_over(run: Run, entity: str, ended: Checkpoint) -> None:
    """The result of a read that ended in an earlier attempt."""
    if ended.state == INCOMPLETE:
        run.incomplete[entity] = ended.cursor[INCOMPLETE_REASON]
        run.jobs_in_doubt |= entity == JOBS.name
        return
    run.through.append(ended.began_at)
    if ended.state == HELD:
        run.held[entity] = len(run.services.ledger.held(entity))


class _ReadInRun:
    """One entity's read within a run, from wherever an earlier attempt left it."""

    def __init__(self, run: Run, read: EntityRead, checkpoint: Checkpoint, checks: RecordChecks) -> None:
        self._run = run
        self._checks = checks
        self._read = read
        self._checkpoint = checkpoint
        self._name = read.entity.name
        self._ledger = run.services.ledger
        self._counts = run.counts[self._name]
        assignment = run.assignment
        filled = filled_of(self._name)
        self._options = CompareOptions(assignment.time_zone, assignment.new_op, read.reader_version, filled)
        speed = ReadSpeed(run.services.clock, checkpoint.pages_done)
        self._events = ReadEvents(
            run.services.events, assignment.run, assignment.command_id, entity=self._name, speed=speed
        )
        self._pipeline = CommitPipeline(run.services.background, self._commit)
        self._refused = RefusedRows(run, read.entity)
        self._nameless: int = checkpoint.cursor.get(_NAMELESS, 0)
        self._announced: ComparedPage | None = None
        """The page that was announced with the one before it. Only the commit thread uses it."""
        self._emptied = EmptiedFields()
        self._may_empty = EMPTY_FIELDS in self._ledger.accepted(self._name)
        self._waiting: list[SourceRow] = []
        """Changed rows of pages on which records lost a field that no row of the read had filled so far."""

    def execute(self) -> None:
        # Also if an earlier attempt took all pages: its last page tells again whether they were all of the read.
        suspicion = self._take_pages()
        if suspicion is None:
            if self._read.records is not None:
                self._run.evidence.note("G7", holds=self._read.incomplete_reason() is None)
            deletion = self._deletions()
            doubt = self._incomplete_reason() or deletion.incomplete
        else:
            doubt = IncompleteReason(suspicion.sentence)
            deletion = DeletionOutcome(incomplete=doubt, looks_wrong={suspicion.rule: suspicion.sentence})
        self._run.jobs_in_doubt |= doubt is not None and self._read.entity is JOBS
        reason = doubt or self._kept_reason()
        if reason is not None:
            self._end_incomplete(reason, deletion)
        elif self._read.may_lack_changes:
            self._ledger.end_read(self._name, None, held=deletion.held, returned=deletion.returned)
        else:
            self._end_complete(deletion)

    def take_pages_only(self) -> None:
        """Publish and record the pages without a checkpoint; nothing follows from what they do not show."""
        counted: set[str] = set()
        for page in self._read.pages():
            comparison, known = self._compare(page)
            if not self._may_empty and self._emptied.take(page, known, comparison) and self._emptied.suspicious():
                # The next read says what is wrong with it.
                log.warning("suspicious_page_left_out", entity=self._name)
                return
            self._publish_again(page, comparison, counted)
            counted.update(row.entity_id for row in page.rows)

    def _deletions(self) -> DeletionOutcome:
        """What became of missing records; nothing is missing for sure where rows or jobs are in doubt."""
        if self._nameless:
            return DeletionOutcome()
        if self._run.jobs_in_doubt and self._read.entity in _BY_JOB:
            return DeletionOutcome(incomplete=IncompleteReason(read_by_doubtful_jobs(self._read.entity)))
        if self._run.shifts_in_doubt and self._read.entity in _NAMED_BY_SHIFTS:
            return DeletionOutcome()
        return Deletions(self._run, self._read, self._take_again).delete_or_hold(self._events)

    def _end_complete(self, deletion: DeletionOutcome) -> None:
        covered = self._read.complete_range()
        complete = CompleteRead(
            self._name,
            through=self._checkpoint.began_at,
            from_day=None if covered is None else covered.from_day,
            whole=self._run.assignment.whole,
            to_day=None if covered is None else covered.to_day,
            records=self._read.records,
            looks_wrong=deletion.looks_wrong or {},
        )
        self._ledger.end_read(self._name, complete, held=deletion.held, returned=deletion.returned)
        self._close_gone(complete)
        self._run.through.append(complete.through)
        self._events.complete(complete, self._counts, pages=self._checkpoint.pages_done)

    def _close_gone(self, complete: CompleteRead) -> None:
        """A refused row that a read of everything did not show is gone: its dead letter gets a receipt."""
        if not complete.whole or complete.from_day is not None or complete.to_day is not None:
            return
        shown = self._ledger.seen(self._name)
        gone = self._refused.gone(shown)
        if gone:
            self._run.send(self._refused.receipts_of_gone(gone))
            ids = [row.entity_id for row in gone]
            self._ledger.record_page(PageRecord(self._name, (), self._run.progress(), understood=ids))

    def _end_incomplete(self, reason: IncompleteReason, deletion: DeletionOutcome) -> None:
        log.warning("read_incomplete", entity=self._name, reason=reason.sentence)
        self._run.incomplete[self._name] = reason.sentence
        whole, wrong = self._run.assignment.whole, deletion.looks_wrong
        incomplete = IncompleteRead(self._name, reason.sentence, whole=whole, looks_wrong=wrong)
        self._ledger.end_read(self._name, incomplete, held=deletion.held, returned=deletion.returned)
        self._events.incomplete(reason.sentence, self._counts)

    def _incomplete_reason(self) -> IncompleteReason | None:
        """Why the read is not complete, as far as its pages tell."""
        found = self._read.incomplete_reason()
        if found is not None and found.if_ever_used and not self._ledger.count_whole(self._name):
            return None
        if found is None and self._nameless:
            return IncompleteReason(f"{self._nameless:,} rows of {self._name} state no id that can be read.")
        return found

    def _kept_reason(self) -> IncompleteReason | None:
        kept = self._checkpoint.cursor.get(_KEPT, 0)
        sentence = f"Of {kept:,} {self._name} a part could not be read; they stay as they were read last."
        return IncompleteReason(sentence) if kept else None

    def _take_pages(self) -> Suspicion | None:
        """Take all pages, or those before one that looks wrong: nothing of that is published."""
        done = self._checkpoint.pages_done
        goes_on = done and not self._checkpoint.cursor.get(_WAITING)
        start = ReadStart(done, self._seen, self._all_seen) if goes_on else FROM_THE_START
        with self._pipeline:
            for page in self._read.pages(start):
                suspicion = self._take(page, again=page.again or page.number <= self._checkpoint.pages_done)
                if suspicion is not None:
                    return suspicion
        if self._waiting:
            # Single rows lost a field: people edited them.
            self._take_again(Page(self._checkpoint.pages_done, self._waiting, None), ())
        self._ledger.end_pages(self._name)
        return None

    def _all_seen(self) -> set[str]:
        return self._ledger.seen(self._name) | self._ledger.seen(outside(self._name))

    def _take(self, page: Page, *, again: bool) -> Suspicion | None:
        """Publish what differs on a page, then record both; rows of a page that is taken again are counted once.

        Nothing of a page is published with which fields look as if the source no longer filled them.
        """
        ids = [row.entity_id for row in page.rows]
        comparison, known = self._compare(page)
        if not self._may_empty:
            comparison = self._without_emptied(page, known, comparison)
            if emptied := self._emptied.suspicious():
                return emptied_fields(self._read.entity, field_names(self._name, emptied))
        uncounted = len(self._seen(ids)) if again else 0
        batch = self._batch(comparison)
        self._checks.look_at(self._name, [one.record.after for one in comparison.changes if one.record is not None])
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
        return None

    def _without_emptied(self, page: Page, known: Mapping[str, Known], comparison: Comparison) -> Comparison:
        """The changes of a page on which records lost a field that no row has filled so far wait for all pages."""
        waiting = self._emptied.take(page, known, comparison)
        if not waiting:
            return comparison
        self._waiting += [row for row in (*page.rows, *page.outside) if row.entity_id in waiting]
        return replace(comparison, changes=[one for one in comparison.changes if one.entity_id not in waiting])

    def _take_again(self, page: Page, counted: Collection[str]) -> None:
        """Publish and record a page of a second look; its rows are counted unless they are among `counted`."""
        comparison, _ = self._compare(page)
        self._publish_again(page, comparison, counted)

    def _publish_again(self, page: Page, comparison: Comparison, counted: Collection[str]) -> None:
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
        counts = ((_KEPT, kept), (_NAMELESS, self._nameless), (_WAITING, len(self._waiting)))
        found = {name: count for name, count in counts if count}
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
        return self._ledger.seen(self._name, among=ids)

    def _compare(self, page: Page) -> tuple[Comparison, Mapping[str, Known]]:
        """What differs, and what was known.

        Of rows outside the range asked for only known ones are compared: what is in Protiv stays true.
        """
        found = self._ledger.to_compare(self._name, [row.entity_id for row in page.rows])
        inside = self._pipeline.with_pending(found)
        comparison = compare(page.rows, inside, self._options, self._refused.digests())
        if not page.outside:
            return comparison, inside
        outer = self._pipeline.with_pending(self._ledger.known(self._name, [row.entity_id for row in page.outside]))
        known_outside = [row for row in page.outside if row.entity_id in outer]
        both = combined(comparison, known_outside, outer, self._options, self._refused.digests())
        return both, {**outer, **inside}

    def _count(self, comparison: Comparison, uncounted: int) -> None:
        rows = len(comparison.changes) + comparison.unchanged
        self._counts["read"] += max(rows - uncounted, 0)
        self._counts["dead_lettered"] = self._counts.get("dead_lettered", 0) + comparison.dead_lettered
        self._counts["created"] += comparison.created
        self._counts["updated"] += comparison.updated
        self._counts["unchanged"] += max(comparison.unchanged - uncounted, 0)
