"""Pending outputs as wire bytes: canonical records with their links; of a deletion the record and its tombstone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

from core.kafka.record_headers import HeaderList, RecordHeaders
from core.topics import entity_key
from schemas.avro_files import plain_schema
from schemas.codec import Record
from schemas.entities import TIME_ENTRIES, Entity
from streams.records import Codecs, Output
from streams.shifts.columns import encode_rows
from streams.state.company import Company, EntityRef
from streams.state.partition import PartitionState, PendingOutput

# Decoded and encoded at once: much more saves nothing, and would be held in memory when a large job is renamed.
_AT_ONCE = 5_000

PendingItem = tuple[tuple[str, EntityRef], PendingOutput]


def render(
    state: PartitionState, pending: Iterable[PendingItem], codecs: Codecs, links: Counter[str]
) -> Iterator[Output]:
    """The records to produce, in the order of their causes, each with its company's highest version seen.

    `links` counts the link status of each shift.
    """
    waiting = iter(pending)
    while part := list(islice(waiting, _AT_ONCE)):
        yield from _Rendering(state, codecs, links).outputs(part)


def linked(company: Company, ref: EntityRef, record: Record) -> Record:
    """A normalised child with the columns that depend on its parents; a record without parents as it is."""
    if ref.entity not in company.children:
        return record
    own_detail = record.get("link_detail")
    record.update(company.link_of(ref)._asdict())
    if "link_detail" in record:
        stale = company.stale.get(ref)
        parts = (stale and stale.reason, record["link_detail"], own_detail)
        record["link_detail"] = " ".join(part for part in parts if part) or None
    return record


@dataclass(slots=True)
class _Rendering:
    """One part of what is pending."""

    state: PartitionState
    codecs: Codecs
    links: Counter[str]
    _headers: dict[tuple[str, int, str], HeaderList] = field(default_factory=dict)

    def outputs(self, pending: Sequence[PendingItem]) -> Iterator[Output]:
        for ((company_id, ref), output), value in zip(pending, self._values(pending), strict=True):
            topic, key = self.codecs.entities[ref.entity].canonical_topic, entity_key(company_id, ref.entity_id)
            headers = self._headers_of(company_id, ref, output.run_id)
            yield Output(topic, key, value, headers)
            if output.deleted_at is not None:
                yield Output(topic, key, None, headers)

    def _values(self, pending: Sequence[PendingItem]) -> list[bytes]:
        """The canonical records as wire bytes: rows of columns are encoded together, all others record by record."""
        rows = [
            (company_id, ref.entity_id, output.row) for (company_id, ref), output in pending if output.row is not None
        ]
        others = [item for item in pending if item[1].row is None]
        by_column = iter(encode_rows(self.state, rows, self.codecs.encode[TIME_ENTRIES.name], self.links))
        by_record = iter(self._encoded(others, self._records(others)))
        return [next(by_record if output.row is None else by_column) for _, output in pending]

    def _records(self, pending: Sequence[PendingItem]) -> list[Record]:
        held = iter(
            self._held([key for key, output in pending if output.canonical is None and output.deleted_at is None])
        )
        records = []
        for (company_id, ref), output in pending:
            company = self.state.company(company_id)
            if output.deleted_at is not None:
                entity = self.codecs.entities[ref.entity]
                records.append(_deletion_record(company, entity, company_id, ref.entity_id, output.deleted_at))
                continue
            record = linked(company, ref, next(held) if output.canonical is None else output.canonical)
            record["version"] = company.published_version(ref)
            records.append(record)
            if "link_status" in record:
                self.links[record["link_status"]] += 1
        return records

    def _held(self, keys: Sequence[tuple[str, EntityRef]]) -> list[Record]:
        """Children as they are held, normalised again."""
        found: list[Record] = [{}] * len(keys)
        for entity, numbers in _by_entity(ref for _, ref in keys).items():
            values = [self.state.company(keys[number][0]).child(keys[number][1]).value for number in numbers]
            for number, change in zip(numbers, self.codecs.decode[entity](values), strict=True):
                # It was decoded and normalised before it was held.
                assert isinstance(change, dict)
                found[number] = self.codecs.rules[entity].normalise(change)
        return found

    def _encoded(self, pending: Sequence[PendingItem], records: Sequence[Record]) -> list[bytes]:
        values = [b""] * len(records)
        for entity, numbers in _by_entity(ref for (_, ref), _ in pending).items():
            encoded = self.codecs.encode[entity]([records[number] for number in numbers])
            for number, value in zip(numbers, encoded, strict=True):
                values[number] = value
        return values

    def _headers_of(self, company_id: str, ref: EntityRef, run_id: str) -> HeaderList:
        company = self.state.company(company_id)
        version = company.published_version(ref) if company.stale else company.version
        found = self._headers.get((company_id, version, run_id))
        if found is None:
            headers = RecordHeaders(version, run_id, company_id)
            found = self._headers[company_id, version, run_id] = headers.encode()
        return found


def _by_entity(refs: Iterable[EntityRef]) -> dict[str, list[int]]:
    """The numbers of records, by entity."""
    found: dict[str, list[int]] = defaultdict(list)
    for number, ref in enumerate(refs):
        found[ref.entity].append(number)
    return found


@cache
def _empty_record(entity: Entity) -> Record:
    """A canonical record whose columns are all null, tags empty."""
    fields = plain_schema(entity.canonical_topic)["fields"]
    return {field["name"]: [] if field.get("default") == [] else None for field in fields}


def _deletion_record(company: Company, entity: Entity, company_id: str, entity_id: str, deleted_at: int) -> Record:
    return _empty_record(entity) | {
        "company_id": company_id,
        entity.id_field: entity_id,
        "version": company.version,
        "observed_at": deleted_at,
        "deleted_at": deleted_at,
    }
