"""The ledger in schema `integration`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from control import announcements, checkpoints, held_deletions, refused_rows, source_state
from control.checkpoints import Checkpoint
from control.connections import Lease, hold_epoch
from control.database import Database, Writing
from control.entity_reads import CompleteRead, IncompleteRead, put_complete, put_incomplete
from control.left_overs import take_left_overs
from control.refused_rows import RefusedRow
from control.runs import RunId, save_progress
from control.source_state import Known, Published, ReadRange
from producers.runs.compare import Change, unconfirmed
from producers.runs.ledger import Missing, PageRecord, Progress, outside

# Somebody has the record, nobody knows what of it: whatever is read of it is news.
_LEFT_OVER = unconfirmed(Change("DELETE", "", None, None))


@dataclass(frozen=True, slots=True)
class PostgresLedger:
    """See producers.runs.ledger.Ledger."""

    database: Database
    lease: Lease
    run: RunId

    def checkpoints(self) -> dict[str, Checkpoint]:
        with self.database.statement() as tx:
            return checkpoints.checkpoints(tx, self.run)

    def begin_read(self, read: str, began_at: datetime) -> None:
        with self._held() as tx:
            checkpoints.begin_read(tx, self.run, entity=read, began_at=began_at)

    def known(self, entity: str, entity_ids: Sequence[str], *, asked_for: bool = True) -> dict[str, Known]:  # noqa: ARG002 - the same either way, save in a backfill
        with self.database.statement() as tx:
            return source_state.known(tx, self.run.company_id, entity, entity_ids)

    def count(self, entity: str) -> int:
        with self.database.statement() as tx:
            return source_state.counts_published(tx, self.run.company_id).get(entity, 0)

    def seen(self, read: str, *, among: Collection[str] | None = None) -> set[str]:
        with self.database.statement() as tx:
            return checkpoints.seen_ids(tx, self.run, entity=read, among=among)

    def refused(self, entity: str) -> dict[str, RefusedRow]:
        with self.database.statement() as tx:
            return refused_rows.refused_rows(tx, self.run.company_id, entity)

    def announce(self, entity: str, changes: Sequence[Published]) -> None:
        # On disk before Kafka has the first of them: unlike a page, an announcement must outlive the database's crash.
        with self._held() as tx:
            announcements.announce(tx, self.run.company_id, entity, changes)

    def mark_unconfirmed(self) -> int:
        with self.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            unconfirmed = announcements.mark_unconfirmed(tx, self.run.company_id)
            return unconfirmed + take_left_overs(tx, self.run.company_id, unconfirmed=_LEFT_OVER)

    def record_page(self, taken: PageRecord) -> None:
        with self._held() as tx:
            if not taken.announce_next:
                # Nobody waits for the disk: should the database crash, its last pages are published again, since they
                # are announced still.
                tx.execute(b"SET LOCAL synchronous_commit = off")
            if taken.published or taken.refused:
                announcements.withdraw(tx, self.run.company_id)
            if taken.published:
                source_state.put_published(tx, self.run.company_id, taken.entity, taken.published)
            if taken.announce_next:
                announcements.announce(tx, self.run.company_id, taken.entity, taken.announce_next)
            if taken.digests:
                source_state.put_digests(tx, self.run.company_id, taken.entity, taken.digests)
            if taken.understood:
                refused_rows.drop_refused(tx, self.run.company_id, taken.entity, taken.understood)
            if taken.refused:
                refused_rows.put_refused(tx, self.run, taken.entity, taken.refused)
            if taken.checkpoint is not None:
                checkpoints.save_page(
                    tx, self.run, entity=taken.checkpoint.entity, page=taken.number, entity_ids=taken.entity_ids
                )
                if taken.outside_ids:
                    name = outside(taken.checkpoint.entity)
                    checkpoints.save_page(tx, self.run, entity=name, page=taken.number, entity_ids=taken.outside_ids)
                checkpoints.save_checkpoint(tx, self.run, taken.checkpoint)
            self._save(tx, taken.progress)

    def end_pages(self, read: str) -> None:
        with self._held() as tx:
            checkpoints.set_read_state(tx, self.run, entity=read, state=checkpoints.READ)

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
        self, read: str, end: CompleteRead | IncompleteRead | None, *, held: Sequence[str], returned: Collection[str]
    ) -> None:
        with self._held() as tx:
            if end is not None:
                held_deletions.drop_held(tx, self.run.company_id, end.entity, returned)
                held_deletions.drop_returned(tx, self.run, end.entity)
                held_deletions.hold(tx, self.run, end.entity, held)
            if isinstance(end, IncompleteRead):
                self._note_incomplete(tx, end)
                state, reason = checkpoints.INCOMPLETE, end.message
                checkpoints.set_read_state(tx, self.run, entity=read, state=state, incomplete_reason=reason)
                return
            if end is not None:
                put_complete(tx, self.run, end)
            state = checkpoints.HELD if held else checkpoints.COMPLETE
            checkpoints.set_read_state(tx, self.run, entity=read, state=state)

    def _note_incomplete(self, tx: Writing, end: IncompleteRead) -> None:
        put_incomplete(tx, self.run, end)

    def _save(self, tx: Writing, progress: Progress) -> None:
        save_progress(tx, self.run, position=progress.position, counts=progress.counts)

    @contextmanager
    def _held(self) -> Iterator[Writing]:
        with self.database.sent_whole() as tx:
            hold_epoch(tx, self.lease)
            yield tx
