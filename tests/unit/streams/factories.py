"""Builders of raw records with valid defaults, and a source of schemas without a registry."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.errors import InvalidRecordError
from core.kafka.record_headers import RecordHeaders
from core.topics import entity_key, partition_for
from schemas.avro_files import Schema, plain_schema
from schemas.codec import Record, SchemaSource, encoder
from schemas.entities import COST_CODES, ENTITIES, JOBS, TIME_ENTRIES, USERS, Entity
from schemas.topics import SCHEMA_TOPICS
from streams.records import RawRecord

PARTITIONS = 4
ZONE = "America/New_York"
OBSERVED_AT = 1_780_000_000_000_000
OWN_ID = {JOBS: "jobId", USERS: "userId", COST_CODES: "id", TIME_ENTRIES: "id"}


class LocalSchemas:
    """The committed schemas under made-up ids."""

    def id_of(self, topic: str) -> int:
        return SCHEMA_TOPICS.index(topic) + 1

    def schema_by_id(self, schema_id: int) -> Schema:
        if not 0 < schema_id <= len(SCHEMA_TOPICS):
            raise InvalidRecordError(f"No schema has the id {schema_id}.", error_class="unknown-schema")
        return plain_schema(SCHEMA_TOPICS[schema_id - 1])


def company() -> str:
    """A company of the test's own."""
    return f"company-{uuid.uuid4().hex[:12]}"


def job(job_id: int = 1, **changes: Any) -> Record:
    return {
        "jobId": job_id,
        "jobName": f"Job {job_id}",
        "jobNumber": None,
        "status": 1,
        "isClosed": None,
        "dateOpened": None,
        "projectedStartDate": None,
        "actualStartDate": None,
        "projectedClosingDate": None,
        "street": None,
        "extras": {},
    } | changes


def user(user_id: int = 1, **changes: Any) -> Record:
    return {
        "userId": user_id,
        "firstName": "Ana",
        "lastName": f"Diaz {user_id}",
        "name": None,
        "email": None,
        "phone": None,
        "role": None,
        "isActive": True,
        "defaultLaborCost": None,
        "extras": {},
    } | changes


def cost_code(code_id: int = 1, title: str = "01.02 General Carpentry", **changes: Any) -> Record:
    return {
        "id": code_id,
        "code": None,
        "title": title,
        "category": None,
        "isActive": True,
        "statedBy": "list",
        "extras": {},
    } | changes


def budget(job_id: int = 1, code_id: int = 1, **changes: Any) -> Record:
    return {
        "jobId": job_id,
        "id": code_id,
        "title": "01.02 General Carpentry",
        "category": None,
        "originalBudgetCosts": "1000.0",
        "revisedBudgetCosts": None,
        "worksheetLines": [],
        "extras": {},
    } | changes


def worksheet_line(quantity: str | None, unit: str | None = "HR", line_type: int | None = 10) -> Record:
    return {
        "id": 1,
        "lineItemType": line_type,
        "itemTitle": None,
        "costCodeTitle": None,
        "unit": unit,
        "quantity": quantity,
        "unitCost": None,
        "builderCost": None,
    }


def named(title: str = "", code_id: int | None = None, minutes: str | None = None) -> Record:
    """A cost code as a shift names it."""
    return {"costCodeTitle": title, "id": code_id, "totalMinutes": minutes}


def shift(
    shift_id: int = 9001,
    *,
    start: str = "2026-05-20T09:19:00",
    end: str | None = "2026-05-20T17:49:00",
    titles: tuple[str, ...] = ("01.02 General Carpentry",),
    **changes: Any,
) -> Record:
    return {
        "id": shift_id,
        "jobId": 1,
        "userID": 1,
        "jobName": "Row job",
        "name": "Row worker",
        "timeIn": {"timeStamp": start},
        "timeOut": None if end is None else {"timeStamp": end},
        "breakTime": {"breakTime": 30},
        "regularTime": 480,
        "overTime": 0,
        "doubleOverTime": 0,
        "personalTimeOff": 0,
        "builderCost": {"value": "336.0"},
        "rate": "$42.00",
        "approvalStatus": {"isApproved": True, "updatedDate": None},
        "costCodes": [named(title) for title in titles],
        "notes": "",
        "tags": [],
        "extras": {},
    } | changes


def change(entity: Entity, after: Record | None, /, *, version: int = 1, **changes: Any) -> Record:
    """A change record as it is decoded."""
    return {
        "op": "DELETE" if after is None else "UPDATE",
        "company_id": "acme",
        "entity_id": "" if after is None else entity.stated_id(after),
        "version": version,
        "observed_at": OBSERVED_AT + version,
        "run_id": f"run-{version}",
        "time_zone": ZONE,
        "after": after,
    } | changes


class RawTopics:
    """Writes raw records of one company: versions and offsets count up as a poller and a broker count them."""

    def __init__(
        self, company_id: str = "acme", source: SchemaSource | None = None, entities: Sequence[Entity] = ENTITIES
    ) -> None:
        source = source or LocalSchemas()
        self.company_id = company_id
        self.partition = partition_for(company_id, PARTITIONS)
        self.version = 0
        self._encode: Mapping[str, Callable[[Mapping[str, Any]], bytes]] = {
            entity.name: encoder(entity.raw_topic, source) for entity in entities
        }
        self._offsets = dict.fromkeys(self._encode, 0)

    def put(self, entity: Entity, after: Record, /, **changes: Any) -> RawRecord:
        """A record of an entity's present content."""
        self.version += 1
        return self._record(entity, change(entity, after, **({"version": self.version} | changes)))

    def delete(self, entity: Entity, entity_id: str) -> tuple[RawRecord, RawRecord]:
        """The DELETE record and its tombstone."""
        self.version += 1
        gone = self._record(entity, change(entity, None, version=self.version, entity_id=entity_id))
        return gone, self._raw(entity, entity_id, None, self.version)

    def rubbish(self, entity: Entity, entity_id: str, value: bytes = b"rubbish") -> RawRecord:
        """A record that can never be decoded."""
        self.version += 1
        return self._raw(entity, entity_id, value, self.version)

    def _record(self, entity: Entity, content: Record) -> RawRecord:
        content = {**content, "company_id": self.company_id}
        return self._raw(entity, content["entity_id"], self._encode[entity.name](content), content["version"])

    def _raw(self, entity: Entity, entity_id: str, value: bytes | None, version: int) -> RawRecord:
        offset = self._offsets[entity.name]
        self._offsets[entity.name] += 1
        headers = RecordHeaders(version, f"run-{version}", self.company_id).encode()
        key = entity_key(self.company_id, entity_id)
        return RawRecord(entity, self.partition, offset, key, value, headers, 1_790_000_000_000 + version)
