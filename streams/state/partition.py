"""State of one partition, the pure heart of the stage: raw records in, a list of what is due for publication out.

It guarantees: a record older than what is held changes nothing; a parent's change makes exactly the children due whose
canonical record changes; a canonical version never decreases.

Loaded state runs ahead of the committed offsets: it holds records that are yet to be delivered. A delivered record of
the version that is held is therefore taken as a change, with all of its children; one that is older is skipped, its
successor is on the way.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from sys import intern
from typing import NamedTuple

import pyarrow as pa

from core.dead_letters.share import origin_of
from core.errors import IntegrationError, InvalidRecordError
from core.kafka.record_headers import RecordHeaders
from core.log import get_logger
from schemas.catalogue import COST_CODES, TIME_ENTRIES, Entity
from schemas.codec import Record
from streams.link import BudgetRefs, ShiftRefs
from streams.normalise import NORMALISE
from streams.normalise.time_entries import named_titles
from streams.records import Codecs, RawRecord, decode_change, key_parts, observed_by_broker, version_of
from streams.state.company import CHILDREN, Child, Company, EntityRef, Gone, links_before, mark_stale, remember_title


class Row(NamedTuple):
    """A canonical shift as a row of `shift_columns`."""

    columns: pa.RecordBatch
    number: int


class Due(NamedTuple):
    """An entity to publish: its own new canonical record, or its deletion, or (neither) as it is held.

    `row` stands for `canonical` where the record was normalised by column.
    """

    run_id: str
    canonical: Record | None = None
    deleted_at: int | None = None
    row: Row | None = None


class PlainShift(NamedTuple):
    """A delivered shift that is known to be right: what is held of it, and what is published."""

    company_id: str
    ref: EntityRef
    child: Child
    due: Due


log = get_logger(__name__)


class Outcome(Enum):
    """What became of a delivered record.

    OUTDATED: its successor was loaded and is yet to be delivered. OLDER: its successor lies before it in the topic, as
    no poller publishes unless the database that versions come from was set back; what it states is dropped.
    """

    APPLIED = "applied"
    OUTDATED = "outdated"
    OLDER = "refused-as-older"
    TOMBSTONE = "tombstone"


@dataclass(frozen=True, slots=True)
class _Change:
    """A change record with its place, validated; `canonical` is None for a deletion."""

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
        self._due: dict[tuple[str, EntityRef], Due] = {}
        self._next_offsets: dict[str, int] = {}

    def company(self, company_id: str) -> Company:
        """The state of a company; an empty one if nothing is known."""
        company = self._companies.get(company_id)
        if company is None:
            company = self._companies[company_id] = Company()
        return company

    def known_version(self, company_id: str, ref: EntityRef) -> int | None:
        """The version of what is known of an entity, also of its deletion; None if nothing is."""
        company = self._companies.get(company_id)
        return None if company is None else self._known(company, ref)

    def sizes(self) -> Counter[str]:
        """How many entities are held, by name."""
        total: Counter[str] = Counter()
        for company in self._companies.values():
            total.update(company.sizes())
        return total

    def next_offset(self, entity: Entity) -> int:
        """The offset behind the last record that was taken over, loaded or delivered."""
        return self._next_offsets.get(entity.name, 0)

    def note_offset(self, entity: Entity, offset: int) -> None:
        """All records up to this offset, and with it, are taken over."""
        self._next_offsets[entity.name] = max(self.next_offset(entity), offset + 1)

    def resume(self) -> None:
        """Go on with this state after a rebalance, before the records since `next_offset` are loaded.

        What was still to be delivered may have been delivered to another owner meanwhile, and what was published here
        may have been published again: nothing is awaited or known any more.
        """
        for company in self._companies.values():
            company.shifts.doubt_all()
            company.budgets.doubt_all()

    def take_due(self) -> dict[tuple[str, EntityRef], Due]:
        """What is to be published now, by company id and entity; the next call starts from nothing."""
        due, self._due = self._due, {}
        return due

    def load(self, raw: RawRecord, *, committed: int) -> None:
        """Take over a record of the compacted topic without publishing; `committed` is the next offset to be delivered.

        Raises InvalidRecordError for a record that was or will be dead-lettered; it changes nothing here.
        """
        self.note_offset(raw.entity, raw.offset)
        company_id, ref, company = self._place(raw)
        processed = raw.offset < committed
        if raw.value is None:
            self._load_tombstone(raw, ref, company, processed=processed)
            return
        if self._is_outdated(raw, company, ref):
            return
        try:
            change = self._change(raw, company_id, ref, company)
        except InvalidRecordError as error:
            mark_stale(company, ref, version_of(raw), error, seen_before=0)
            raise
        if change.version < (self._known(company, ref) or 0):
            return
        if not processed:
            remember_title(company, ref)
        self._hold(company, change)
        if change.child is not None:
            company.siblings(ref).loaded(ref.entity_id, processed=processed)
        if change.canonical is None:
            company.gone[ref] = Gone(change.version, published=processed)

    def load_child(self, company_id: str, ref: EntityRef, child: Child, *, processed: bool) -> None:
        """Take over a shift or budget that is known to be right, as `load` does; its offset is noted by the caller.

        `processed`: it was delivered before.
        """
        company = self.company(company_id)
        company.version = max(company.version, child.version)
        if child.version < (self._known(company, ref) or 0):
            return
        company.gone.pop(ref, None)
        company.put_child(ref, child)
        company.siblings(ref).loaded(ref.entity_id, processed=processed)

    def apply(self, raw: RawRecord) -> Outcome:
        """Take over a delivered record and note what is due. InvalidRecordError: it must be dead-lettered.

        RetriableError: the registry is away; nothing was changed and the same call may succeed later.
        """
        too_old = self._too_old(raw.entity, raw.offset)
        self.note_offset(raw.entity, raw.offset)
        company_id, ref, company = self._place(raw)
        if raw.value is None:
            return self._apply_tombstone(raw, company_id, ref, company) or too_old
        if self._is_outdated(raw, company, ref):
            return too_old
        seen_before = company.version
        try:
            change = self._change(raw, company_id, ref, company)
        except InvalidRecordError as error:
            self._note_refused(raw, company_id, ref, error, seen_before)
            raise
        known = self._known(company, ref)
        if known is not None and change.version < known:
            return too_old
        self._take(company_id, company, change, ran_ahead=change.version == known)
        return Outcome.APPLIED

    def hold_back(self, raw: RawRecord, error: InvalidRecordError) -> Outcome:
        """Leave a delivered record unread, for the time being: raises `error`, unless the record is outdated."""
        too_old = self._too_old(raw.entity, raw.offset)
        self.note_offset(raw.entity, raw.offset)
        company_id, ref, company = self._place(raw)
        if self._is_outdated(raw, company, ref):
            return too_old
        self._note_refused(raw, company_id, ref, error, company.version)
        raise error

    def apply_plain(self, offset: int, shift: PlainShift) -> Outcome:
        """Do what `apply` does, for a shift that is known to be right."""
        too_old = self._too_old(TIME_ENTRIES, offset)
        self.note_offset(TIME_ENTRIES, offset)
        company_id, ref, child, due = shift
        company = self.company(company_id)
        company.version = max(company.version, child.version)
        known = self._known(company, ref)
        if known is not None and child.version < known:
            return too_old
        company.gone.pop(ref, None)
        company.put_child(ref, child)
        company.shifts.settle(ref.entity_id)
        self._note_due(company_id, ref, due)
        return Outcome.APPLIED

    def _too_old(self, entity: Entity, offset: int) -> Outcome:
        """What a record of an older version than the one held is: everything up to the next offset was taken over."""
        return Outcome.OUTDATED if offset < self.next_offset(entity) else Outcome.OLDER

    def _place(self, raw: RawRecord) -> tuple[str, EntityRef, Company]:
        company_id, entity_id = key_parts(raw, self.partitions)
        return company_id, EntityRef(raw.entity.name, entity_id), self.company(company_id)

    def _is_outdated(self, raw: RawRecord, company: Company, ref: EntityRef) -> bool:
        """Whether something newer is held: then nobody looks at what it says."""
        known = self._known(company, ref)
        if known is None:
            return False
        if raw.decoded is None:
            self._codecs.look_into([raw])
        version = version_of(raw)
        return version is not None and version < known

    def _note_refused(
        self, raw: RawRecord, company_id: str, ref: EntityRef, error: InvalidRecordError, seen_before: int
    ) -> None:
        """The row of before says so from now on."""
        company = self.company(company_id)
        if mark_stale(company, ref, version_of(raw), error, seen_before=seen_before):
            company.siblings(ref).settle(ref.entity_id)
            self._note_due(company_id, ref, Due(origin_of(raw.key, raw.headers).run_id))

    def _change(self, raw: RawRecord, company_id: str, ref: EntityRef, company: Company) -> _Change:
        try:
            return self._normalised(raw, company_id, ref, company)
        except (IntegrationError, MemoryError):
            raise
        except Exception as exc:
            # Whatever one record can make its rules stumble over is that record's own affair.
            log.error("rule_failed", entity=ref.entity, exc_info=exc)
            raise InvalidRecordError(
                f"A rule failed on the record ({type(exc).__name__}); the log says where.", error_class="unforeseen"
            ) from exc

    def _normalised(self, raw: RawRecord, company_id: str, ref: EntityRef, company: Company) -> _Change:
        change = decode_change(raw, self._codecs, company_id=company_id, entity_id=ref.entity_id)
        company.version = max(company.version, change["version"])
        canonical = None if change["op"] == "DELETE" else NORMALISE[ref.entity](change)
        child = None
        if canonical is not None and ref.entity in CHILDREN:
            assert raw.value is not None
            child = Child(change["version"], _refs(canonical, change), raw.value)
        return _Change(ref, change["version"], change["run_id"], change["observed_at"], canonical, child)

    def _take(self, company_id: str, company: Company, change: _Change, *, ran_ahead: bool) -> None:
        if change.ref.entity in CHILDREN:
            self._hold(company, change)
            company.siblings(change.ref).settle(change.ref.entity_id)
            self._make_due(company_id, company, change)
            return
        # Cost codes have one, and no other parent.
        title = change.canonical.get("title") if change.canonical is not None else None
        before = links_before(company, change.ref, title, ran_ahead=ran_ahead)
        self._hold(company, change)
        self._make_due(company_id, company, change)
        for ref, link in before.items():
            if ran_ahead or company.link_of(ref) != link:
                company.siblings(ref).settle(ref.entity_id)
                self._due.setdefault((company_id, ref), Due(change.run_id))

    def _make_due(self, company_id: str, company: Company, change: _Change) -> None:
        if change.canonical is None:
            company.gone[change.ref] = Gone(change.version, published=True)
            due = Due(change.run_id, deleted_at=change.observed_at)
        else:
            due = Due(change.run_id, canonical=change.canonical)
        self._note_due(company_id, change.ref, due)

    def _note_due(self, company_id: str, ref: EntityRef, due: Due) -> None:
        place = company_id, ref
        # Taken out first, so that what is due is in the order of its last cause.
        self._due.pop(place, None)
        self._due[place] = due

    def _apply_tombstone(self, raw: RawRecord, company_id: str, ref: EntityRef, company: Company) -> Outcome | None:
        """None: something newer is held."""
        headers = _tombstone_headers(raw, company_id)
        company.version = max(company.version, headers.version)
        gone = company.gone.get(ref)
        held = company.version_of(ref)
        if (held is not None and held > headers.version) or (gone is not None and gone.version > headers.version):
            return None
        if gone is None or not gone.published or gone.version < headers.version:
            # Compaction removed the DELETE record before it was delivered: its tombstone does its work.
            deletion = _Change(ref, headers.version, headers.run_id, observed_by_broker(raw), None, None)
            self._take(company_id, company, deletion, ran_ahead=held is None)
        # Kept, as long as the topic keeps it: an older record that comes behind it must not bring the entity back.
        company.gone[ref] = Gone(headers.version, published=True)
        return Outcome.TOMBSTONE

    def _load_tombstone(self, raw: RawRecord, ref: EntityRef, company: Company, *, processed: bool) -> None:
        headers = _tombstone_headers(raw, raw.key.partition(b"/")[0].decode() if raw.key else "")
        company.version = max(company.version, headers.version)
        if headers.version < (self._known(company, ref) or 0):
            return
        if not processed:
            remember_title(company, ref)
        company.drop(ref)
        gone = company.gone.get(ref)
        deleted_before = gone is not None and gone.version == headers.version and gone.published
        company.gone[ref] = Gone(headers.version, published=processed or deleted_before)

    def _hold(self, company: Company, change: _Change) -> None:
        company.gone.pop(change.ref, None)
        if change.canonical is None:
            company.drop(change.ref)
        elif change.child is not None:
            company.put_child(change.ref, change.child)
        else:
            label = change.canonical["title" if change.ref.entity == COST_CODES.name else "name"]
            active = change.canonical.get("active") is not False
            company.put_parent(change.ref, change.version, label, active=active)

    @staticmethod
    def _known(company: Company, ref: EntityRef) -> int | None:
        gone = company.gone.get(ref)
        return gone.version if gone is not None else company.version_of(ref)


def _refs(canonical: Record, change: Record) -> ShiftRefs | BudgetRefs:
    if "time_entry_id" not in canonical:
        return BudgetRefs(intern(canonical["job_id"]), intern(canonical["cost_code_id"]), canonical["cost_code_title"])
    return ShiftRefs(
        intern(canonical["job_id"]),
        intern(canonical["user_id"]),
        named_titles(change["after"]),
        _shared(canonical["job_name"]),
        _shared(canonical["user_name"]),
    )


def _shared(name: str | None) -> str | None:
    """The same name is on thousands of shifts; it is kept once."""
    return None if name is None else intern(name)


def _tombstone_headers(raw: RawRecord, company_id: str) -> RecordHeaders:
    headers = RecordHeaders.decode(raw.headers)
    if headers.company_id != company_id:
        raise InvalidRecordError("The tombstone's key and headers name different companies.", error_class="bad-headers")
    return headers
