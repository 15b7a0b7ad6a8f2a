"""The records of the streams' benchmark: companies with their parents and many shifts, the same for every contender."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from confluent_kafka import Producer

from core.kafka.config import transactional_config
from core.kafka.record_headers import RecordHeaders
from core.settings import Settings
from core.topics import entity_key, partition_for
from schemas.codec import Record, SchemaSource, encoder
from schemas.entities import COST_CODES, ENTITIES, JOBS, TIME_ENTRIES, USERS, Entity

JOB_COUNT = 100
USER_COUNT = 30
CODE_COUNT = 60
_TRANSACTION = 20_000
# One shift in so many is split between two cost codes.
_SPLIT_EVERY = 20
_OBSERVED_AT = 1_780_000_000_000_000
_FIRST_DAY = datetime.fromisoformat("2024-01-01")
_ZONES = ("America/Denver", "America/New_York", "America/Chicago", "America/Los_Angeles")
_NOTES = ("", "", "", "Framing of the second floor, north side", "Left early, back tomorrow")


@dataclass(frozen=True, slots=True)
class Volume:
    """How much is written."""

    companies: int = 20
    shifts: int = 400_000

    @property
    def parents(self) -> int:
        return self.companies * (JOB_COUNT + USER_COUNT + CODE_COUNT)


def write_records(settings: Settings, source: SchemaSource, volume: Volume) -> None:
    """Write all parents, then all shifts, in transactions as a poller does. Blocks."""
    encoders = {entity.name: encoder(entity.raw_topic, source) for entity in ENTITIES}
    producer = Producer(transactional_config(settings, "benchmark-streams"))
    producer.init_transactions(30)
    producer.begin_transaction()
    for number, (entity, company, entity_id, version, after) in enumerate(_contents(volume), start=1):
        record = _change(company, entity_id, version, after)
        producer.produce(
            entity.raw_topic,
            key=entity_key(company, entity_id),
            value=encoders[entity.name](record),
            headers=list(RecordHeaders(version, "benchmark", company).encode()),
            partition=partition_for(company, settings.entity_partitions),
        )
        producer.poll(0)
        if number % _TRANSACTION == 0:
            producer.commit_transaction(60)
            producer.begin_transaction()
    producer.commit_transaction(60)


def company_id(number: int) -> str:
    """Ids of the benchmark's companies, spread over the partitions by murmur2."""
    return f"bench-{number:04}"


def _contents(volume: Volume) -> Iterator[tuple[Entity, str, str, int, Record]]:
    chance = random.Random(7)
    versions = dict.fromkeys(range(volume.companies), 0)
    for number in versions:
        for entity, entity_id, after in _parents():
            versions[number] += 1
            yield entity, company_id(number), entity_id, versions[number], after
    for shift_id in range(1, volume.shifts + 1):
        number = shift_id % volume.companies
        versions[number] += 1
        yield TIME_ENTRIES, company_id(number), str(shift_id), versions[number], _shift(shift_id, chance)


def _parents() -> Iterator[tuple[Entity, str, Record]]:
    for job in range(1, JOB_COUNT + 1):
        yield JOBS, str(job), {"jobId": job, "jobName": f"Job number {job}", "status": 1}
    for user in range(1, USER_COUNT + 1):
        yield USERS, str(user), {"userId": user, "firstName": "Ana", "lastName": f"Diaz {user}", "isActive": True}
    for code in range(1, CODE_COUNT + 1):
        yield COST_CODES, str(code), {"id": code, "title": code_title(code), "isActive": True}


def code_title(code: int) -> str:
    return f"{code // 10:02}.{code:02} Work of kind {code}"


def _shift(shift_id: int, chance: random.Random) -> Record:
    start = _FIRST_DAY + timedelta(
        days=chance.randrange(700), hours=chance.randrange(5, 11), minutes=chance.randrange(60)
    )
    minutes = chance.randrange(240, 600)
    job, user, code = chance.randint(1, JOB_COUNT), chance.randint(1, USER_COUNT), chance.randint(1, CODE_COUNT)
    rate = chance.randrange(2000, 6000)
    return {
        "id": shift_id,
        "jobId": job,
        "userID": user,
        "jobName": f"Job number {job}",
        "name": f"Ana Diaz {user}",
        "timeIn": {"timeStamp": start.isoformat()},
        "timeOut": {"timeStamp": (start + timedelta(minutes=minutes + 30)).isoformat()},
        "breakTime": {"breakTime": 30},
        "regularTime": min(minutes, 480),
        "overTime": max(0, minutes - 480),
        "builderCost": {"value": f"{rate * minutes / 6000:.2f}"},
        "rate": f"${rate / 100:.2f}",
        "approvalStatus": {"isApproved": chance.random() < 0.5, "updatedDate": f"{start:%Y-%m-%d}T19:43:54.66"},
        "doubleOverTime": 0,
        "personalTimeOff": 0,
        "costCodes": _named(code, minutes, shift_id),
        "notes": chance.choice(_NOTES),
        "tags": [],
    }


def _named(code: int, minutes: int, shift_id: int) -> list[Record]:
    """One code with all minutes, and of each twentieth shift two; minutes are hours with four decimals, times 60."""
    parts = [minutes // 3, minutes - minutes // 3] if shift_id % _SPLIT_EVERY == 0 else [minutes]
    return [
        {
            "id": own,
            "costCodeTitle": code_title(own),
            "totalMinutes": f"{round(part / 60, 4) * 60:.4f}".rstrip("0").rstrip("."),
        }
        for own, part in zip((code, code % CODE_COUNT + 1), parts, strict=False)
    ]


def _change(company: str, entity_id: str, version: int, after: Record) -> Record:
    return {
        "op": "SNAPSHOT",
        "company_id": company,
        "entity_id": entity_id,
        "version": version,
        "observed_at": _OBSERVED_AT + version,
        "run_id": "benchmark",
        "time_zone": _ZONES[sum(company.encode()) % len(_ZONES)],
        "after": after,
    }
