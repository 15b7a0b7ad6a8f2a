"""The ledger of a run: its progress, what is published, which ids a read did not show, and held deletions.

Every method that writes is one transaction under the lease's epoch: all of it is stored when it returns, nothing if it
raises. FencedError when another poller has taken the connection over, RetriableError when the database is away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from control import (
    announcements,
    checkpoints,
    entity_reads,
    held_deletions,
    refused_rows,
    source_state,
    suspicions,
)
from control.checkpoints import Checkpoint
from control.connections import Lease, hold_epoch
from control.database import Database, Writing
from control.entity_reads import CompleteRead, IncompleteRead, put_complete, put_incomplete
from control.left_overs import take_left_overs
from control.refused_rows import RefusedRow
from control.runs import Counts, RunId, save_progress
from control.source_state import Known, Published, PublishedCount, ReadRange
from producers.runs.compare import Change, unconfirmed

# Somebody has the record, nobody knows in which version: whatever is read of it is published.
_LEFT_OVER = unconfirmed(Change("DELETE", "", None, None))
# No fingerprint is empty: whatever is read differs from it, and is published as an update.
_NO_FINGERPRINT = b""


@dataclass(frozen=True, slots=True)
class Progress:
    """The run as a whole: records published in this attempt so far, and the counts of all attempts."""

    position: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class PageRecord:
    """What to record of a page whose changes are published.

    `refused`: its rows that are dead letters now; `understood`: ids of rows that were refused before and are no more.
    `checkpoint` (of the read by its name) is None for pages of a second look. `announce_next`: changes of the next
    page, as `Ledger.announce` takes them. `outside_ids`: ids that it showed beyond the read's range.
    """

    entity: str
    published: Sequence[Published]
    progress: Progress
    digests: Mapping[str, bytes] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    number: int = 0
    entity_ids: Sequence[str] = ()
    announce_next: Sequence[Published] = ()
    outside_ids: Sequence[str] = ()
    refused: Sequence[RefusedRow] = ()
    understood: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """Ids that a complete read did not show, and of how many records."""

    entity_ids: Sequence[str]
    published: PublishedCount


def outside(read: str) -> str:
    """The name under which `Ledger.seen` has what pages of a read showed beyond its range."""
    return f"{read}/beyond"


class Ledger(Protocol):
    """Storage interface of one run of one company. `read` is an entity, or `outside` of one."""

    def checkpoints(self) -> dict[str, Checkpoint]:
        """How far earlier attempts came, by entity."""

    def begin_read(self, entity: str, began_at: datetime) -> None:
        """A read begins; its first beginning counts."""

    def known(self, entity: str, entity_ids: Sequence[str]) -> dict[str, Known]:
        """What is published of these ids."""

    def to_compare(self, entity: str, entity_ids: Sequence[str]) -> dict[str, Known]:
        """What rows in the read's range are compared with: what is published, or nothing of it in a backfill."""

    def count(self, entity: str) -> int:
        """How many records of the entity are published."""

    def count_whole(self, entity: str) -> int:
        """How many of them their own list stated whole."""

    def seen(self, read: str, *, among: Collection[str] | None = None) -> set[str]:
        """Ids that pages of the read showed: all, or those among some."""

    def refused(self, entity: str) -> dict[str, RefusedRow]:
        """Rows of the entity that are dead letters now, by id."""

    def announce(self, entity: str, changes: Sequence[Published]) -> None:
        """Store changes before they are published, safe from any crash; `fingerprint` as if they were unconfirmed.

        It ends when record_page or drop records them as published.
        """

    def mark_unconfirmed(self) -> int:
        """Mark as unconfirmed what an earlier run or attempt announced and never recorded; how many records."""

    def record_page(self, page: PageRecord) -> None:
        """Record a published page: state, refused rows, checkpoint and progress; announce the changes of the next."""

    def last_records(self, entity: str, *, whole: bool) -> int | None:
        """How many rows the source stated in the newest complete read of as much."""

    def accepted(self, entity: str) -> set[str]:
        """Rules of producers.runs.suspicion of which an operator said that what they found is true."""

    def end_pages(self, entity: str) -> None:
        """All pages are taken; deletions are to be looked for."""

    def missing(self, entity: str, covered: ReadRange) -> Missing:
        """Published records in the range that no page showed."""

    def released(self, entity: str) -> set[str]:
        """Held records whose deletion an operator released."""

    def held(self, entity: str) -> set[str]:
        """Held records that nobody released."""

    def drop(self, entity: str, entity_ids: Sequence[str], progress: Progress) -> None:
        """Forget records whose deletion is published."""

    def end_read(
        self, entity: str, end: CompleteRead | IncompleteRead | None, *, held: Sequence[str], returned: Collection[str]
    ) -> None:
        """The read ended; `end` is None if nobody knows whether it was shown all that changed.

        `held`: deletions that the brake holds; `returned`: ids that only the second look showed.
        """


@dataclass(frozen=True, slots=True)
class PostgresLedger:
    """A Ledger in schema `integration`.

    `republish`: entities of a backfill, of which all is published again; empty in every other run.
    """

    database: Database
    lease: Lease
    run: RunId
    republish: Collection[str] = ()

    def checkpoints(self) -> dict[str, Checkpoint]:
        with self.database.statement() as tx:
            return checkpoints.checkpoints(tx, self.run)

    def begin_read(self, entity: str, began_at: datetime) -> None:
        with self._held() as tx:
            checkpoints.begin_read(tx, self.run, entity=entity, began_at=began_at)

    def known(self, entity: str, entity_ids: Sequence[str]) -> dict[str, Known]:
        with self.database.statement() as tx:
            return source_state.known(tx, self.run.company_id, entity, entity_ids)

    def to_compare(self, entity: str, entity_ids: Sequence[str]) -> dict[str, Known]:
        known = self.known(entity, entity_ids)
        if entity not in self.republish:
            return known
        # Which fields had a value stays known: a backfill must not wipe out a column that is suddenly empty, either.
        return {one: Known(_NO_FINGERPRINT, None, before.filled) for one, before in known.items()}

    def count(self, entity: str) -> int:
        with self.database.statement() as tx:
            return source_state.count_published(tx, self.run.company_id, entity, ReadRange()).all

    def count_whole(self, entity: str) -> int:
        with self.database.statement() as tx:
            return source_state.count_whole(tx, self.run.company_id, entity)

    def seen(self, read: str, *, among: Collection[str] | None = None) -> set[str]:
        with self.database.statement() as tx:
            return checkpoints.seen_ids(tx, self.run, entity=read, among=among)

    def refused(self, entity: str) -> dict[str, RefusedRow]:
        with self.database.statement() as tx:
            return refused_rows.refused_rows(tx, self.run.company_id, entity)

    def announce(self, entity: str, changes: Sequence[Published]) -> None:
        # On disk before Kafka has the first of them: unlike a page, an announcement must survive a database crash.
        with self._held() as tx:
            announcements.announce(tx, self.run.company_id, entity, changes)

    def mark_unconfirmed(self) -> int:
        with self.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            marked = announcements.mark_unconfirmed(tx, self.run.company_id)
            return marked + take_left_overs(tx, self.run.company_id, unconfirmed=_LEFT_OVER)

    def record_page(self, page: PageRecord) -> None:
        with self._held() as tx:
            if not page.announce_next:
                # No wait for the disk: if the database crashes, its last pages are still announced and published again.
                announcements.no_wait_for_disk(tx)
            if page.published or page.refused:
                announcements.withdraw(tx, self.run.company_id)
            if page.published:
                source_state.put_published(tx, self.run.company_id, page.entity, page.published)
            if page.announce_next:
                announcements.announce(tx, self.run.company_id, page.entity, page.announce_next)
            if page.digests:
                source_state.put_digests(tx, self.run.company_id, page.entity, page.digests)
            if page.understood:
                refused_rows.drop_refused(tx, self.run.company_id, page.entity, page.understood)
            if page.refused:
                refused_rows.put_refused(tx, self.run, page.entity, page.refused)
            if page.checkpoint is not None:
                checkpoints.save_page(
                    tx, self.run, entity=page.checkpoint.entity, page=page.number, entity_ids=page.entity_ids
                )
                if page.outside_ids:
                    name = outside(page.checkpoint.entity)
                    checkpoints.save_page(tx, self.run, entity=name, page=page.number, entity_ids=page.outside_ids)
                checkpoints.save_checkpoint(tx, self.run, page.checkpoint)
            self._save(tx, page.progress)

    def last_records(self, entity: str, *, whole: bool) -> int | None:
        with self.database.statement() as tx:
            return entity_reads.last_records(tx, self.run.company_id, entity, whole=whole)

    def accepted(self, entity: str) -> set[str]:
        with self.database.statement() as tx:
            return suspicions.accepted(tx, self.run.company_id, entity)

    def end_pages(self, entity: str) -> None:
        with self._held() as tx:
            checkpoints.set_read_state(tx, self.run, entity=entity, state=checkpoints.READ)

    def missing(self, entity: str, covered: ReadRange) -> Missing:
        with self.database.transaction() as tx:
            ids = source_state.unseen(tx, self.run, entity, covered)
            return Missing(ids, source_state.count_published(tx, self.run.company_id, entity, covered))

    def released(self, entity: str) -> set[str]:
        with self.database.statement() as tx:
            return held_deletions.released(tx, self.run.company_id, entity)

    def held(self, entity: str) -> set[str]:
        with self.database.statement() as tx:
            return held_deletions.unreleased(tx, self.run.company_id, entity)

    def drop(self, entity: str, entity_ids: Sequence[str], progress: Progress) -> None:
        with self._held() as tx:
            source_state.drop_published(tx, self.run.company_id, entity, entity_ids)
            announcements.withdraw(tx, self.run.company_id)
            held_deletions.drop_held(tx, self.run.company_id, entity, entity_ids)
            self._save(tx, progress)

    def end_read(
        self, entity: str, end: CompleteRead | IncompleteRead | None, *, held: Sequence[str], returned: Collection[str]
    ) -> None:
        with self._held() as tx:
            held_deletions.drop_held(tx, self.run.company_id, entity, returned)
            held_deletions.drop_returned(tx, self.run, entity)
            held_deletions.hold(tx, self.run, entity, held)
            if isinstance(end, IncompleteRead):
                # A backfill's command gets the reason; a read of past days says nothing about what is complete now.
                if not self.republish:
                    put_incomplete(tx, self.run, end)
                state, reason = checkpoints.INCOMPLETE, end.message
                checkpoints.set_read_state(tx, self.run, entity=entity, state=state, incomplete_reason=reason)
                return
            if end is not None:
                put_complete(tx, self.run, end)
            state = checkpoints.HELD if held else checkpoints.COMPLETE
            checkpoints.set_read_state(tx, self.run, entity=entity, state=state)

    def _save(self, tx: Writing, progress: Progress) -> None:
        save_progress(tx, self.run, position=progress.position, counts=progress.counts)

    @contextmanager
    def _held(self) -> Iterator[Writing]:
        with self.database.sent_whole() as tx:
            hold_epoch(tx, self.lease)
            yield tx
