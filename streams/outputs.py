"""What is due as wire bytes: canonical records with their links, and for a deletion the record and its tombstone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from core.record_headers import RecordHeaders
from core.topics import entity_key
from schemas.avro_files import plain_schema
from schemas.catalogue import ENTITIES, ENTITY_BY_NAME, Entity
from schemas.codec import Encoder, Record
from streams.company import Company, EntityRef
from streams.link import ShiftLink
from streams.normalise import NORMALISE
from streams.records import Codecs, Output
from streams.state import Due, PartitionState


def _empty(entity: Entity) -> Record:
    """A canonical record whose columns are all null, tags empty."""
    fields = plain_schema(entity.canonical_topic)["fields"]
    return {field["name"]: [] if field.get("default") == [] else None for field in fields}


_EMPTY = {entity.name: _empty(entity) for entity in ENTITIES}


def render(
    state: PartitionState,
    due: Iterable[tuple[tuple[str, EntityRef], Due]],
    codecs: Codecs,
    links: Counter[str],
) -> Iterator[Output]:
    """The records to produce, in the order of their causes, each with its company's highest version seen.

    `links` counts the link status of each shift.
    """
    for (company_id, ref), cause in due:
        company = state.company(company_id)
        topic = ENTITY_BY_NAME[ref.entity].canonical_topic
        key = entity_key(company_id, ref.entity_id)
        headers = RecordHeaders(company.version, cause.run_id, company_id).encode()
        encode = codecs.encode[ref.entity]
        if cause.deleted_at is not None:
            yield Output(topic, key, _deletion(company, company_id, ref, cause.deleted_at, encode), headers)
            yield Output(topic, key, None, headers)
            continue
        record = _canonical(company, ref, cause, codecs)
        if "link_status" in record:
            links[record["link_status"]] += 1
        yield Output(topic, key, encode(record), headers)


def linked(company: Company, ref: EntityRef, record: Record) -> Record:
    """A normalised shift or budget with the columns that depend on its parents; any other record as it is."""
    if ref.entity not in ("time-entries", "budgets"):
        return record
    link = company.link_of(ref)
    if not isinstance(link, ShiftLink):
        return record | {"job_name": link.job_name, "cost_code_title": link.cost_code_title}
    return record | {
        "job_name": link.job_name,
        "user_name": link.user_name,
        "cost_code_id": link.cost_code_id,
        "cost_code_title": link.cost_code_title,
        "link_status": link.status,
        "link_detail": " ".join(part for part in (link.detail, record["link_detail"]) if part) or None,
    }


def _canonical(company: Company, ref: EntityRef, cause: Due, codecs: Codecs) -> Record:
    record = cause.canonical or NORMALISE[ref.entity](codecs.decode[ref.entity](company.child(ref).value))
    return linked(company, ref, record | {"version": company.version})


def _deletion(company: Company, company_id: str, ref: EntityRef, deleted_at: int, encode: Encoder) -> bytes:
    entity = ENTITY_BY_NAME[ref.entity]
    return encode(
        _EMPTY[ref.entity]
        | {
            "company_id": company_id,
            entity.id_field: ref.entity_id,
            "version": company.version,
            "observed_at": deleted_at,
            "deleted_at": deleted_at,
        }
    )
