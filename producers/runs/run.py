"""One run: read, compare, publish, record, page by page, then the deletions.

Order of every step: changes are announced, the Kafka transaction is committed, then state and checkpoint together under
the lease's epoch, with the announcement of the next page if that is ready. A crash in between leaves what was announced
in doubt: the next read publishes it again, or deletes it, as the source is by then. A run that was cut short anywhere
goes on from its last checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from control.checkpoints import COMPLETE, HELD, INCOMPLETE, INCOMPLETE_REASON, Checkpoint
from control.entity_reads import CompleteRead, IncompleteRead
from control.runs import Counts, RunId
from control.source_state import Published, PublishedCount
from core.clock import Clock
from core.log import get_logger
from producers.runs.batch import Batch, prepared
from producers.runs.compare import (
    Change,
    CompareOptions,
    Comparison,
    DeletionCount,
    Op,
    brake_is_pulled,
    combined,
    compare,
    deletions,
)
from producers.runs.ledger import Ledger, PageRecord, Progress, outside
from producers.runs.messages import Encoder, Observation
from producers.runs.pipeline import Background, CommitPipeline, ComparedPage
from producers.runs.publisher import Delivery, Publisher
from producers.runs.refusals import Refusals
from producers.runs.run_events import ReadEvents
from producers.runs.time_left import Pace
from producers.source import FROM_THE_START, UNREADABLE_ID_PREFIX, EntityRead, IncompleteReason, Page, ReadStart
from producers.sync_events import EventWriter

log = get_logger(__name__)
COUNTERS = ("read", "created", "updated", "deleted", "unchanged", "dead_lettered")
_DELETION_BATCH = 1000
# Two looks that both miss a record and agree on all others prove it gone. People may edit during one or two of them.
_MOST_LOOKS = 3
_EDITED_MEANWHILE = IncompleteReason("People were editing in Buildertrend while it was looked which records are gone.")
# In a checkpoint's cursor, beside what the read keeps there.
_KEPT = "kept"
_NAMELESS = "nameless"


@dataclass(frozen=True, slots=True)
class RunServices:
    """Where a run writes."""

    ledger: Ledger
    publisher: Publisher
    events: EventWriter
    encoders: Mapping[str, Encoder]
    clock: Clock
    background: Background


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a run is for. `whole`: it leaves nothing out. `counts`: those of earlier attempts, counted on."""

    run: RunId
    time_zone: str
    new_op: Op
    whole: bool
    command_id: str | None = None
    counts: Counts = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """Carries reads out one after another and keeps the counts."""

    assignment: Assignment
    services: RunServices
    held: dict[str, int] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)
    """Why the read of an entity is not complete, a sentence by entity."""
    through: list[datetime] = field(default_factory=list)
    """Up to when each complete read is complete."""
    published: int = 0
    resumed: bool = False
    """True if it began with the checkpoints of an earlier attempt."""

    @property
    def counts(self) -> Counts:
        """By entity, of all attempts."""
        return self.assignment.counts

    def execute(self, reads: Iterable[EntityRead]) -> None:
        """Blocks until all is read. Raises the source's faults, FencedError and RetriableError as they come."""
        unconfirmed = self.services.ledger.mark_unconfirmed()
        if unconfirmed:
            log.info("changes_unconfirmed", count=unconfirmed)
        done = self.services.ledger.checkpoints()
        self.resumed = bool(done)
        for read in reads:
            self._execute_one(read, done.get(read.name))

    def _execute_one(self, read: EntityRead, left: Checkpoint | None) -> None:
        name = read.entity.name
        if left is not None:
            read.restore(left.cursor)
            if left.state in (COMPLETE, HELD, INCOMPLETE):
                self._remember(name, left)
                return
        now = self.services.clock.now()
        self.counts.setdefault(name, dict.fromkeys(COUNTERS, 0))
        if left is None:
            self.services.ledger.begin_read(read.name, now)
        _ReadInRun(self, read, left or Checkpoint(read.name, now)).execute()

    def _remember(self, entity: str, ended: Checkpoint) -> None:
        """How a read ended in an earlier attempt."""
        if ended.state == INCOMPLETE:
            self.incomplete[entity] = ended.cursor[INCOMPLETE_REASON]
            return
        self.through.append(ended.began_at)
        if ended.state == HELD:
            self.held[entity] = len(self.services.ledger.held(entity))

    def publish(self, read: EntityRead, changes: Sequence[Change]) -> Sequence[Published]:
        """Publish changes in one transaction; what to remember of them, once that is committed."""
        if not changes:
            return []
        batch = self.prepare(read, changes)
        self.send(batch)
        return batch.published

    def send(self, batch: Batch, *, announced: bool = False) -> Delivery:
        """Announce a batch unless it is, and publish it; an empty one is nothing to do."""
        if not batch.messages and not batch.letters:
            return Delivery()
        if batch.announcements and not announced:
            self.services.ledger.announce(batch.entity, batch.announcements)
        return self.services.publisher.publish([*batch.messages, *batch.letters])

    def prepare(self, read: EntityRead, changes: Sequence[Change]) -> Batch:
        """Changes under versions of their own, encoded."""
        seen = Observation(self.assignment.run, self.services.clock.now(), self.assignment.time_zone)
        encode = self.services.encoders[read.entity.raw_topic]
        batch = prepared(read.entity, changes, seen, first=self.published + 1, encode=encode)
        self.published += len(changes)
        return batch

    def progress(self) -> Progress:
        """As the ledger keeps it; what is counted later does not change it."""
        return Progress(self.published, {entity: dict(counts) for entity, counts in self.counts.items()})


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
        self._terms = CompareOptions(assignment.time_zone, assignment.new_op, read.reader_version)
        pace = Pace(run.services.clock, checkpoint.pages_done)
        self._say = ReadEvents(run.services.events, assignment.run, assignment.command_id, entity=self._name, pace=pace)
        self._handover = CommitPipeline(run.services.background, self._commit)
        self._refusals = Refusals(run, read.entity)
        self._nameless: int = checkpoint.cursor.get(_NAMELESS, 0)
        self._announced: ComparedPage | None = None
        """The page that was announced with the one before it. Of the commits' thread alone."""

    def execute(self) -> None:
        # Also where an earlier attempt took all pages: whether they were all of the read, its last page tells again.
        self._take_pages()
        deletion = self._delete_or_hold()
        reason = self._incomplete_reason() or deletion.incomplete
        if reason is not None:
            self._end_incomplete(reason, deletion)
        elif self._read.endpoint_missing:
            self._ledger.end_read(self._read.name, None, held=(), returned=())
        else:
            self._end_complete(deletion)

    def _end_complete(self, deletion: _Deletion) -> None:
        covered = self._read.complete_range()
        complete = CompleteRead(
            self._name,
            through=self._checkpoint.began_at,
            from_day=None if covered is None else covered.from_day,
            whole=self._run.assignment.whole,
            to_day=None if covered is None else covered.to_day,
        )
        self._ledger.end_read(self._read.name, complete, held=deletion.held, returned=deletion.returned)
        self._forget_gone(complete)
        self._run.through.append(complete.through)
        self._say.complete(complete, self._counts, pages=self._checkpoint.pages_done)

    def _forget_gone(self, complete: CompleteRead) -> None:
        """Rows that were refused and that a read of everything did not show are done with."""
        if not complete.whole or complete.from_day is not None or complete.to_day is not None:
            return
        shown = self._ledger.seen(self._read.name)
        batch = self._refusals.gone(shown)
        if batch is not None:
            ids = self._refusals.ids_gone(shown)
            self._run.send(batch)
            self._ledger.record_page(PageRecord(self._name, (), self._run.progress(), understood=ids))

    def _end_incomplete(self, reason: IncompleteReason, deletion: _Deletion) -> None:
        log.warning("read_incomplete", entity=self._name, reason=reason.sentence)
        self._run.incomplete[self._name] = reason.sentence
        incomplete = IncompleteRead(self._name, reason.sentence, whole=self._run.assignment.whole)
        self._ledger.end_read(self._read.name, incomplete, held=deletion.held, returned=deletion.returned)
        self._say.incomplete(reason.sentence, self._counts)

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
        with self._handover:
            for page in self._read.pages(start):
                self._take(page, again=page.number <= self._checkpoint.pages_done)
        self._ledger.end_pages(self._read.name)

    def _all_seen(self) -> set[str]:
        name = self._read.name
        return self._ledger.seen(name) | self._ledger.seen(outside(name))

    def _take(self, page: Page, *, again: bool) -> None:
        """Publish what differs on a page, then remember both; rows of a page taken again are counted once."""
        ids = [row.entity_id for row in page.rows]
        comparison = self._compare(page)
        uncounted = len(self._seen(ids)) if again else 0
        batch = self._refusals.with_letters(self._run.prepare(self._read, comparison.changes), comparison)
        self._count(comparison, uncounted)
        self._note_nameless(comparison, ids)
        self._checkpoint = replace(
            self._checkpoint,
            pages_done=max(self._checkpoint.pages_done, page.number),
            pages_total=page.pages_total,
            cursor=self._cursor(0 if again else len(comparison.kept)),
        )
        taken = PageRecord(
            self._name,
            batch.published,
            self._run.progress(),
            digests=comparison.digests,
            refused=[one.kept() for one in comparison.refused],
            understood=comparison.understood,
            checkpoint=self._checkpoint,
            number=page.number,
            entity_ids=[*ids, *page.complete_range_ids],
            outside_ids=[row.entity_id for row in page.outside if row.entity_id not in page.complete_range_ids],
        )
        self._handover.submit(ComparedPage(batch, taken))

    def _note_nameless(self, comparison: Comparison, ids: Collection[str]) -> None:
        """Rows without an id that can be read may be any: nothing is deleted then."""
        if comparison.odd:
            self._nameless += sum(one.startswith(UNREADABLE_ID_PREFIX) for one in ids)

    def _cursor(self, kept: int) -> dict[str, Any]:
        """The read's own cursor, and how many records were kept as they were, since a part of them did not come."""
        cursor = deepcopy(self._read.cursor())
        kept += self._checkpoint.cursor.get(_KEPT, 0)
        found = {name: count for name, count in ((_KEPT, kept), (_NAMELESS, self._nameless)) if count}
        return cursor | found

    def _commit(self, page: ComparedPage, following: Callable[[], ComparedPage | None]) -> None:
        delivery = self._run.send(page.batch, announced=page is self._announced)
        taken = self._refusals.settled(page, delivery)
        self._announced = following()
        if self._announced is not None:
            taken = replace(taken, announce_next=self._announced.batch.announcements)
        self._ledger.record_page(taken)
        assert taken.checkpoint is not None
        self._say.progress(
            taken.progress.counts[self._name],
            pages_done=taken.checkpoint.pages_done,
            pages_total=taken.checkpoint.pages_total,
        )

    def _seen(self, ids: Collection[str]) -> set[str]:
        self._handover.settle()
        return self._ledger.seen(self._read.name, among=ids)

    def _compare(self, page: Page) -> Comparison:
        """Rows outside the range asked for are compared only if they are known: what is in Protiv stays true."""
        known = self._ledger.known(self._name, [row.entity_id for row in page.rows])
        comparison = compare(page.rows, self._handover.over(known), self._terms, self._refusals.digests())
        if not page.outside:
            return comparison
        known = self._handover.over(
            self._ledger.known(self._name, [row.entity_id for row in page.outside], asked_for=False)
        )
        beyond_known = [row for row in page.outside if row.entity_id in known]
        return combined(comparison, beyond_known, known, self._terms, self._refusals.digests())

    def _delete_or_hold(self) -> _Deletion:
        """Delete what a complete read and a second look both did not show, unless the brake is pulled.

        What an operator let go is deleted in any case.
        """
        covered = self._read.complete_range()
        if covered is None or self._nameless:
            return _Deletion()
        missing = self._ledger.missing(self._name, covered)
        if not missing.entity_ids:
            return _Deletion()
        looked = self._look_again(missing.entity_ids)
        if looked.incomplete is not None:
            return looked
        gone = sorted(set(missing.entity_ids).difference(looked.returned))
        return replace(looked, held=self._delete_released(gone, missing.published))

    def _delete_released(self, gone: Sequence[str], published: PublishedCount) -> Sequence[str]:
        """Delete all of them, or, where the brake is pulled, those that an operator let go. Returns what is held."""
        released = self._ledger.released(self._name)
        unasked = [entity_id for entity_id in gone if entity_id not in released]
        deletion = DeletionCount(len(gone), len(unasked))
        if not brake_is_pulled(deletion, published=published.all, in_range=published.in_range):
            self._delete(gone)
            return ()
        self._delete([entity_id for entity_id in gone if entity_id in released])
        self._run.held[self._name] = len(unasked)
        log.warning("deletions_held", entity=self._name, missing=len(unasked), published=published.all)
        self._say.held(self._counts, missing=len(unasked), published=published.all)
        return unasked

    def _look_again(self, missing: Sequence[str]) -> _Deletion:
        """Look for them in whole passes, until one shows all that the one before it had shown.

        Then no row went during that one, so that none can have slipped past it. RetriableError and faults as they come.
        """
        shown: Collection[str] = self._ledger.seen(self._read.name)
        returned: set[str] = set()
        for _ in range(_MOST_LOOKS):
            returned |= self._look_once(missing, returned)
            if returned.issuperset(missing):
                return _Deletion(returned=returned)
            look = self._read.second_look_result()
            if look.incomplete is not None:
                return _Deletion(returned=returned, incomplete=look.incomplete)
            if look.shown is None or set(shown) <= set(look.shown):
                return _Deletion(returned=returned)
            shown = look.shown
        return _Deletion(returned=returned, incomplete=_EDITED_MEANWHILE)

    def _look_once(self, missing: Sequence[str], returned: Collection[str]) -> set[str]:
        """Ids that a look shows after all; what it shows of them is published like any page."""
        found: set[str] = set()
        for page in self._read.second_look([one for one in missing if one not in returned]):
            if not page.rows:
                continue
            comparison = self._compare(page)
            ids = [row.entity_id for row in page.rows]
            self._take_again(comparison, len(found.intersection(ids)))
            found.update(ids)
        return found

    def _take_again(self, comparison: Comparison, uncounted: int) -> None:
        batch = self._refusals.with_letters(self._run.prepare(self._read, comparison.changes), comparison)
        delivery = self._run.send(batch)
        self._count(comparison, uncounted)
        taken = PageRecord(
            self._name,
            batch.published,
            self._run.progress(),
            digests=comparison.digests,
            refused=[one.kept() for one in comparison.refused],
            understood=comparison.understood,
        )
        self._ledger.record_page(self._refusals.settled(ComparedPage(batch, taken), delivery))

    def _delete(self, gone: Sequence[str]) -> None:
        for batch in _batches(gone):
            self._run.publish(self._read, deletions(batch))
            self._counts["deleted"] += len(batch)
            self._ledger.drop(self._name, batch, self._run.progress())

    def _count(self, comparison: Comparison, uncounted: int) -> None:
        rows = len(comparison.changes) + comparison.unchanged
        self._counts["read"] += max(rows - uncounted, 0)
        self._counts["dead_lettered"] = self._counts.get("dead_lettered", 0) + comparison.odd
        self._counts["created"] += comparison.created
        self._counts["updated"] += comparison.updated
        self._counts["unchanged"] += max(comparison.unchanged - uncounted, 0)


@dataclass(frozen=True, slots=True)
class _Deletion:
    """What became of the missing: `held` by the brake, `returned` in a later look, or why none of it is certain."""

    held: Sequence[str] = ()
    returned: Collection[str] = frozenset()
    incomplete: IncompleteReason | None = None


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _DELETION_BATCH):
        yield ids[start : start + _DELETION_BATCH]
