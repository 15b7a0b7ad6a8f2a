"""State of one partition, the pure heart of the stage: raw records in, a list of what is to be published out.

It guarantees: a record older than what is held changes nothing; a parent's change publishes exactly the children whose
canonical record changes; a canonical version never decreases.

Loaded state runs ahead of the committed offsets: it holds records that are yet to be delivered. A delivered record of
the version that is held is therefore taken as a change, with all of its children; an older one is skipped, because its
successor will be delivered, too.

This is the way of one record at a time. `streams.shifts` finds the ordinary shifts of a batch by column and hands them
to `load_child` and `apply_ordinary`; both ways must leave the same state and publish the same, which
`tests/unit/streams/test_by_column.py` and `test_bulk_load.py` compare.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import pyarrow as pa

from core.dead_letters.share import origin_of
from core.errors import IntegrationError, InvalidRecordError
from core.kafka.record_headers import RecordHeaders
from core.log import get_logger
from schemas.codec import Record
from schemas.entities import TIME_ENTRIES, Entity
from streams.link import Parent
from streams.records import Codecs, RawRecord, decode_change, key_parts, observed_by_broker, version_of
from streams.state.company import (
    Child,
    Company,
    Deletion,
    EntityRef,
    affected_children,
    mark_stale,
    remember_title,
)

log = get_logger(__name__)


class Row(NamedTuple):
    """A canonical shift as a row of `shift_columns`."""

    columns: pa.RecordBatch
    number: int


class PendingOutput(NamedTuple):
    """A record to publish: its own new canonical record, or its deletion, or (neither) as it is held.

    `row` takes the place of `canonical` where the record was normalised by column.
    """

    run_id: str
    canonical: Record | None = None
    deleted_at: int | None = None
    row: Row | None = None


# By company id and record, in the order of their last causes.
PendingOutputs = dict[tuple[str, EntityRef], PendingOutput]


class OrdinaryShift(NamedTuple):
    """A delivered shift that is known to be valid: what is held of it, and what is published."""

    company_id: str
    ref: EntityRef
    child: Child
    output: PendingOutput


class Outcome(Enum):
    """What became of a delivered record.

    OUTDATED: its successor was loaded and will be delivered. OLDER: its successor is before it in the topic, which
    happens only if the database that versions come from was set back; what the record states is dropped.
    """

    APPLIED = "applied"
    OUTDATED = "outdated"
    OLDER = "refused-as-older"
    TOMBSTONE = "tombstone"


@dataclass(frozen=True, slots=True)
class _Change:
    """A validated change record; `canonical` is None for a deletion."""

    ref: EntityRef
    version: int
    run_id: str
    observed_at: int
    canonical: Record | None
    child: Child | None


class PartitionState:
    """Companies of one partition. Not thread-safe: its owner applies one batch at a time."""

    def __init__(self, codecs: Codecs, *, partitions: int) -> None:
        self._codecs = codecs
        self.partitions = partitions
        self._companies: dict[str, Company] = {}
        self._pending: PendingOutputs = {}
        self._next_offsets: dict[str, int] = {}

    def company(self, company_id: str) -> Company:
        """The state of a company; an empty one if nothing is known."""
        company = self._companies.get(company_id)
        if company is None:
            company = self._companies[company_id] = Company(self._codecs.entities.values())
        return company

    def known_version(self, company_id: str, ref: EntityRef) -> int | None:
        """The version of what is known of a record, also of its deletion; None if nothing is."""
        company = self._companies.get(company_id)
        return None if company is None else company.known_version(ref)

    def sizes(self) -> Counter[str]:
        """How many records are held, by entity."""
        total: Counter[str] = Counter()
        for company in self._companies.values():
            total.update(company.sizes())
        return total

    def next_offset(self, entity: Entity) -> int:
        """The offset behind the last record that was taken over, loaded or delivered."""
        return self._next_offsets.get(entity.name, 0)

    def note_offset(self, entity: Entity, offset: int) -> None:
        """All records up to and including this offset are taken over."""
        self._next_offsets[entity.name] = max(self.next_offset(entity), offset + 1)

    def resume(self) -> None:
        """Go on with this state after a rebalance, before the records since `next_offset` are loaded.

        What was still to be delivered may have been delivered to another owner meanwhile, and what was published here
        may have been published again: nothing that is held is confirmed any more.
        """
        for company in self._companies.values():
            for children in company.children.values():
                children.mark_all_unconfirmed()

    def take_pending(self) -> PendingOutputs:
        """What is to be published now; the next call starts from nothing."""
        pending, self._pending = self._pending, {}
        return pending

    def load(self, raw: RawRecord, *, committed: int) -> None:
        """Take over a record of the compacted topic without publishing; `committed` is the next offset to be delivered.

        Raises InvalidRecordError for a record that was or will be dead-lettered; it changes nothing here.
        """
        self.note_offset(raw.entity, raw.offset)
        company_id, ref, company = self._address(raw)
        processed = raw.offset < committed
        if raw.value is None:
            self._load_tombstone(raw, company_id, ref, company, processed=processed)
            return
        if self._is_outdated(raw, company, ref):
            return
        try:
            change = self._change(raw, company_id, ref, company)
        except InvalidRecordError as error:
            mark_stale(company, ref, version_of(raw), error, seen_before=0)
            raise
        if company.knows_newer(ref, change.version):
            return
        if not processed:
            remember_title(company, ref)
        self._hold(company, change)
        if change.child is not None:
            company.children[ref.entity].mark_loaded(ref.entity_id, processed=processed)
        if change.canonical is None:
            company.deletions[ref] = Deletion(change.version, published=processed)

    def load_child(self, company_id: str, ref: EntityRef, child: Child, *, processed: bool) -> None:
        """Take over an ordinary shift, as `load` does; its offset is noted by the caller.

        `processed`: it was delivered before.
        """
        company = self.company(company_id)
        company.version = max(company.version, child.version)
        if company.knows_newer(ref, child.version):
            return
        company.deletions.pop(ref, None)
        company.put_child(ref, child)
        company.children[ref.entity].mark_loaded(ref.entity_id, processed=processed)

    def apply(self, raw: RawRecord) -> Outcome:
        """Take over a delivered record and note what is to be published. InvalidRecordError: it must be dead-lettered.

        RetriableError: the registry is away; nothing was changed and the same call may succeed later.
        """
        if_older = self._outcome_if_older(raw.entity, raw.offset)
        self.note_offset(raw.entity, raw.offset)
        company_id, ref, company = self._address(raw)
        if raw.value is None:
            return self._apply_tombstone(raw, company_id, ref, company) or if_older
        if self._is_outdated(raw, company, ref):
            return if_older
        seen_before = company.version
        try:
            change = self._change(raw, company_id, ref, company)
        except InvalidRecordError as error:
            self._note_refused(raw, company_id, ref, error, seen_before)
            raise
        if company.knows_newer(ref, change.version):
            return if_older
        self._take(company_id, company, change, ran_ahead=change.version == company.known_version(ref))
        return Outcome.APPLIED

    def park(self, raw: RawRecord, error: InvalidRecordError) -> Outcome:
        """Leave a delivered record of a parked company unread: raises `error`, unless the record is outdated."""
        if_older = self._outcome_if_older(raw.entity, raw.offset)
        self.note_offset(raw.entity, raw.offset)
        company_id, ref, company = self._address(raw)
        if self._is_outdated(raw, company, ref):
            return if_older
        self._note_refused(raw, company_id, ref, error, company.version)
        raise error

    def apply_ordinary(self, offset: int, shift: OrdinaryShift) -> Outcome:
        """Do what `apply` does, for a shift that was normalised by column."""
        if_older = self._outcome_if_older(TIME_ENTRIES, offset)
        self.note_offset(TIME_ENTRIES, offset)
        company_id, ref, child, output = shift
        company = self.company(company_id)
        company.version = max(company.version, child.version)
        if company.knows_newer(ref, child.version):
            return if_older
        company.deletions.pop(ref, None)
        company.put_child(ref, child)
        company.shifts.confirm(ref.entity_id)
        self._add_pending(company_id, ref, output)
        return Outcome.APPLIED

    def _outcome_if_older(self, entity: Entity, offset: int) -> Outcome:
        """The outcome of a record older than the one held: everything before the next offset was taken over already."""
        return Outcome.OUTDATED if offset < self.next_offset(entity) else Outcome.OLDER

    def _address(self, raw: RawRecord) -> tuple[str, EntityRef, Company]:
        company_id, entity_id = key_parts(raw, self.partitions)
        return company_id, EntityRef(raw.entity.name, entity_id), self.company(company_id)

    def _is_outdated(self, raw: RawRecord, company: Company, ref: EntityRef) -> bool:
        """Whether something newer is known: then its content does not matter, even if it is invalid."""
        known = company.known_version(ref)
        if known is None:
            return False
        if raw.decoded is None:
            self._codecs.decode_values([raw])
        return company.knows_newer(ref, version_of(raw))

    def _note_refused(
        self, raw: RawRecord, company_id: str, ref: EntityRef, error: InvalidRecordError, seen_before: int
    ) -> None:
        """Publish the row that is kept with a note that its update was refused."""
        company = self.company(company_id)
        if mark_stale(company, ref, version_of(raw), error, seen_before=seen_before):
            company.children[ref.entity].confirm(ref.entity_id)
            self._add_pending(company_id, ref, PendingOutput(origin_of(raw.key, raw.headers).run_id))

    def _change(self, raw: RawRecord, company_id: str, ref: EntityRef, company: Company) -> _Change:
        try:
            return self._normalised(raw, company_id, ref, company)
        except (IntegrationError, MemoryError):
            raise
        except Exception as exc:
            # An unexpected failure on one record must not stop the others.
            log.error("rule_failed", entity=ref.entity, exc_info=exc)
            raise InvalidRecordError(
                f"A rule failed on the record ({type(exc).__name__}); the log says where.", error_class="unforeseen"
            ) from exc

    def _normalised(self, raw: RawRecord, company_id: str, ref: EntityRef, company: Company) -> _Change:
        change = decode_change(raw, self._codecs, company_id=company_id, entity_id=ref.entity_id)
        company.version = max(company.version, change["version"])
        rules = self._codecs.rules[ref.entity]
        canonical = None if change["op"] == "DELETE" else rules.normalise(change)
        child = None
        if canonical is not None and rules.refs is not None:
            assert raw.value is not None
            child = Child(change["version"], rules.refs(canonical, change), raw.value)
        return _Change(ref, change["version"], change["run_id"], change["observed_at"], canonical, child)

    def _take(self, company_id: str, company: Company, change: _Change, *, ran_ahead: bool) -> None:
        if change.ref.entity in company.children:
            self._hold(company, change)
            company.children[change.ref.entity].confirm(change.ref.entity_id)
            self._publish(company_id, company, change)
            return
        before = affected_children(company, change.ref, self._label(change), ran_ahead=ran_ahead)
        self._hold(company, change)
        self._publish(company_id, company, change)
        for ref, link in before.items():
            if ran_ahead or company.link_of(ref) != link:
                company.children[ref.entity].confirm(ref.entity_id)
                self._pending.setdefault((company_id, ref), PendingOutput(change.run_id))

    def _publish(self, company_id: str, company: Company, change: _Change) -> None:
        if change.canonical is None:
            company.deletions[change.ref] = Deletion(change.version, published=True)
            output = PendingOutput(change.run_id, deleted_at=change.observed_at)
        else:
            output = PendingOutput(change.run_id, canonical=change.canonical)
        self._add_pending(company_id, change.ref, output)

    def _add_pending(self, company_id: str, ref: EntityRef, output: PendingOutput) -> None:
        # Removed first, so that it moves to the end: the order is that of the last causes.
        self._pending.pop((company_id, ref), None)
        self._pending[company_id, ref] = output

    def _apply_tombstone(self, raw: RawRecord, company_id: str, ref: EntityRef, company: Company) -> Outcome | None:
        """None if something newer is known."""
        headers = _tombstone_headers(raw, company_id)
        company.version = max(company.version, headers.version)
        if company.knows_newer(ref, headers.version):
            return None
        deletion = company.deletions.get(ref)
        if deletion is None or not deletion.published or deletion.version < headers.version:
            # Compaction removed the DELETE record before it was delivered: the tombstone takes its place.
            change = _Change(ref, headers.version, headers.run_id, observed_by_broker(raw), None, None)
            self._take(company_id, company, change, ran_ahead=company.held_version(ref) is None)
        # Kept as long as the topic keeps it: an older record behind it must not bring the deleted one back.
        company.deletions[ref] = Deletion(headers.version, published=True)
        return Outcome.TOMBSTONE

    def _load_tombstone(
        self, raw: RawRecord, company_id: str, ref: EntityRef, company: Company, *, processed: bool
    ) -> None:
        headers = _tombstone_headers(raw, company_id)
        company.version = max(company.version, headers.version)
        if company.knows_newer(ref, headers.version):
            return
        if not processed:
            remember_title(company, ref)
        company.drop(ref)
        deletion = company.deletions.get(ref)
        published = deletion == Deletion(headers.version, published=True)
        company.deletions[ref] = Deletion(headers.version, published=processed or published)

    def _hold(self, company: Company, change: _Change) -> None:
        company.deletions.pop(change.ref, None)
        if change.canonical is None:
            company.drop(change.ref)
        elif change.child is not None:
            company.put_child(change.ref, change.child)
        else:
            active = change.canonical.get("active") is not False
            company.put_parent(change.ref, Parent(change.version, self._label(change), active))

    def _label(self, change: _Change) -> str | None:
        """The name or title by which children show a parent; None of a deletion."""
        if change.canonical is None:
            return None
        label: str | None = change.canonical[self._codecs.entities[change.ref.entity].label]
        return label


def _tombstone_headers(raw: RawRecord, company_id: str) -> RecordHeaders:
    headers = RecordHeaders.decode(raw.headers)
    if headers.company_id != company_id:
        raise InvalidRecordError("The tombstone's key and headers name different companies.", error_class="bad-headers")
    return headers
