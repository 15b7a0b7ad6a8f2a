"""What is due as wire bytes: canonical records with their links, and for a deletion the record and its tombstone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from core.kafka.record_headers import HeaderList, RecordHeaders
from core.topics import entity_key
from schemas.avro_files import plain_schema
from schemas.catalogue import ENTITIES, ENTITY_BY_NAME, TIME_ENTRIES, Entity
from schemas.codec import Record
from streams.link import ShiftLink
from streams.normalise import NORMALISE
from streams.records import Codecs, Output
from streams.shifts.columns import row_values
from streams.state.company import Company, EntityRef
from streams.state.partition import Due, PartitionState

# Decoded and encoded at once: much more saves nothing, and would be held in memory when a large job is renamed.
_AT_ONCE = 5_000

DueItem = tuple[tuple[str, EntityRef], Due]


def _empty(entity: Entity) -> Record:
    """A canonical record whose columns are all null, tags empty."""
    fields = plain_schema(entity.canonical_topic)["fields"]
    return {field["name"]: [] if field.get("default") == [] else None for field in fields}


_EMPTY = {entity.name: _empty(entity) for entity in ENTITIES}


def render(state: PartitionState, due: Iterable[DueItem], codecs: Codecs, links: Counter[str]) -> Iterator[Output]:
    """The records to produce, in the order of their causes, each with its company's highest version seen.

    `links` counts the link status of each shift.
    """
    waiting = iter(due)
    while part := list(islice(waiting, _AT_ONCE)):
        yield from _Rendering(state, codecs, links).outputs(part)


def linked(company: Company, ref: EntityRef, record: Record) -> Record:
    """A normalised shift or budget with the columns that depend on its parents; any other record as it is."""
    if ref.entity not in ("time-entries", "budgets"):
        return record
    link = company.link_of(ref)
    record["job_name"] = link.job_name
    record["cost_code_title"] = link.cost_code_title
    if isinstance(link, ShiftLink):
        record["user_name"] = link.user_name
        record["cost_code_id"] = link.cost_code_id
        record["link_status"] = link.status
        stale = company.stale.get(ref)
        parts = (stale and stale.reason, link.detail, record["link_detail"])
        record["link_detail"] = " ".join(part for part in parts if part) or None
    return record


@dataclass(slots=True)
class _Rendering:
    """One part of what is due."""

    state: PartitionState
    codecs: Codecs
    links: Counter[str]
    _headers: dict[tuple[str, int, str], HeaderList] = field(default_factory=dict)

    def outputs(self, due: Sequence[DueItem]) -> Iterator[Output]:
        for ((company_id, ref), cause), value in zip(due, self._values(due), strict=True):
            topic, key = ENTITY_BY_NAME[ref.entity].canonical_topic, entity_key(company_id, ref.entity_id)
            headers = self._headers_of(company_id, ref, cause.run_id)
            yield Output(topic, key, value, headers)
            if cause.deleted_at is not None:
                yield Output(topic, key, None, headers)

    def _values(self, due: Sequence[DueItem]) -> list[bytes]:
        """The canonical records as wire bytes, those that are rows of columns apart from the others."""
        rows = [(place[0], place[1].entity_id, cause.row) for place, cause in due if cause.row is not None]
        others = [item for item in due if item[1].row is None]
        by_column = iter(row_values(self.state, rows, self.codecs.encode[TIME_ENTRIES.name], self.links))
        one_by_one = iter(self._encoded(others, self._records(others)))
        return [next(one_by_one if cause.row is None else by_column) for _, cause in due]

    def _records(self, due: Sequence[DueItem]) -> list[Record]:
        held = iter(self._held([place for place, cause in due if cause.canonical is None and cause.deleted_at is None]))
        records = []
        for (company_id, ref), cause in due:
            company = self.state.company(company_id)
            if cause.deleted_at is not None:
                records.append(_deletion(company, company_id, ref, cause.deleted_at))
                continue
            record = linked(company, ref, next(held) if cause.canonical is None else cause.canonical)
            record["version"] = company.published_version(ref)
            records.append(record)
            if "link_status" in record:
                self.links[record["link_status"]] += 1
        return records

    def _held(self, places: Sequence[tuple[str, EntityRef]]) -> list[Record]:
        """Children as they are held, normalised anew."""
        by_entity: dict[str, list[int]] = defaultdict(list)
        for number, (_, ref) in enumerate(places):
            by_entity[ref.entity].append(number)
        found: list[Record] = [{}] * len(places)
        for entity, numbers in by_entity.items():
            values = [self.state.company(places[each][0]).child(places[each][1]).value for each in numbers]
            for number, change in zip(numbers, self.codecs.decode[entity](values), strict=True):
                # It was decoded and normalised before it was held.
                assert isinstance(change, dict)
                found[number] = NORMALISE[entity](change)
        return found

    def _encoded(self, due: Sequence[DueItem], records: Sequence[Record]) -> list[bytes]:
        by_entity: dict[str, list[int]] = defaultdict(list)
        for number, ((_, ref), _) in enumerate(due):
            by_entity[ref.entity].append(number)
        values = [b""] * len(records)
        for entity, numbers in by_entity.items():
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


def _deletion(company: Company, company_id: str, ref: EntityRef, deleted_at: int) -> Record:
    return _EMPTY[ref.entity] | {
        "company_id": company_id,
        ENTITY_BY_NAME[ref.entity].id_field: ref.entity_id,
        "version": company.version,
        "observed_at": deleted_at,
        "deleted_at": deleted_at,
    }
