"""What the sink's benchmark merges: plausible time entries of eight companies, two on each of four partitions, as
canonical records on a topic and as COPY's text.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, Producer

from core.errors import FatalError
from core.kafka.config import transactional_config
from core.kafka.record_headers import RecordHeaders
from core.settings import Settings
from core.topics import entity_key, partition_for
from schemas.codec import Encoder, Record, from_days, from_micros
from schemas.entities import TIME_ENTRIES
from sinks.columns import CanonicalTable, Column, Form, canonical_table

PARTITIONS = 4
_COMPANIES_A_PARTITION = 2
COMPANIES = PARTITIONS * _COMPANIES_A_PARTITION
_JOBS, _USERS, _CODES = 60, 40, 25
_DAY_MICROS = 86_400_000_000
_LAST_DAY = 20_780  # 2026-11-23
_SHIFTS_A_DAY = COMPANIES * 70
_TRANSACTION_TIMEOUT_MS = 600_000
TABLE: CanonicalTable = canonical_table(TIME_ENTRIES)
COPY_COLUMNS = (*(column.name for column in TABLE.columns), "source_generation", "source_offset", "updated_at")


@dataclass(frozen=True, slots=True)
class Load:
    """A deterministic set of records: the first `count` shifts of the companies `<name>-…`, as of `version`."""

    name: str
    count: int
    version: int

    def records(self) -> Iterator[Record]:
        """In the order in which a first read would publish them: company by company in turn, newest shift first."""
        companies, chance = companies_named(self.name), random.Random(7)
        for number in range(self.count):
            yield _shift(companies[number % len(companies)], number, self.version, chance)

    def last(self, count: int) -> list[Record]:
        """The last of them."""
        return list(deque(self.records(), count))


def companies_named(name: str) -> list[str]:
    """Company ids that fill every partition equally, partition by partition in turn."""
    found: dict[int, list[str]] = {partition: [] for partition in range(PARTITIONS)}
    for number in count():
        company_id = f"{name}-{number}"
        held = found[partition_for(company_id, PARTITIONS)]
        if len(held) < _COMPANIES_A_PARTITION:
            held.append(company_id)
        if all(len(each) == _COMPANIES_A_PARTITION for each in found.values()):
            break
    return [each[rank] for rank in range(_COMPANIES_A_PARTITION) for each in found.values()]


def publish(settings: Settings, load: Load, encode: Encoder, *, topic: str, before_commit: Callable[[], None]) -> float:
    """Put the records on `topic` in one transaction: readers of committed records see all of them at the same moment.

    Returns the monotonic time just before its commit.
    """
    producer = Producer(
        transactional_config(settings, f"bench-{topic}") | {"transaction.timeout.ms": _TRANSACTION_TIMEOUT_MS}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    failures: list[KafkaError] = []
    for content in load.records():
        _produce(producer, content, encode(content), topic, failures)
    if producer.flush(120) or failures:
        raise FatalError(f"The records of the benchmark were not published: {failures[:1] or 'the brokers are slow'}.")
    before_commit()
    began = time.monotonic()
    producer.commit_transaction(60)
    return began


def _produce(producer: Producer, content: Record, value: bytes, topic: str, failures: list[KafkaError]) -> None:
    def delivered(error: KafkaError | None, _message: Any) -> None:
        if error is not None:
            failures.append(error)

    company_id = str(content["company_id"])
    while True:
        try:
            producer.produce(
                topic,
                key=entity_key(company_id, str(content[TIME_ENTRIES.id_field])),
                value=value,
                headers=list(RecordHeaders(int(content["version"]), "run-1", company_id).encode()),
                partition=partition_for(company_id, PARTITIONS),
                on_delivery=delivered,
            )
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def write_copy_text(load: Load, path: Path) -> None:
    """The same rows in COPY's text format, as the table holds them."""
    with path.open("w") as lines:
        for offset, content in enumerate(load.records()):
            values = [_text(column, content[column.field]) for column in TABLE.columns]
            lines.write("\t".join([*values, "1", str(offset), "2026-11-24 00:00:00+00"]) + "\n")


def _text(column: Column, value: Any) -> str:
    if value is None:
        return "\\N"
    match column.form:
        case Form.MILLIONTHS:
            return f"{value // 1_000_000}.{value % 1_000_000:06d}"
        case Form.DAY:
            return from_days(value).isoformat()
        case Form.INSTANT:
            return from_micros(value).isoformat()
        case Form.TEXTS | Form.WHOLES:
            return "{" + ",".join(map(str, value)) + "}"
        case _:
            return str(value)


# One shift in so many is split.
_SPLIT_EVERY = 20


def _shift(company_id: str, number: int, version: int, chance: random.Random) -> Record:
    day = _LAST_DAY - number // _SHIFTS_A_DAY
    start = day * _DAY_MICROS + chance.randrange(360, 600) * 60_000_000
    minutes, hourly = chance.randrange(240, 660), chance.randrange(18, 60) * 1_000_000
    job, user, code = chance.randrange(_JOBS), chance.randrange(_USERS), chance.randrange(_CODES)
    return {
        "company_id": company_id,
        "time_entry_id": str(90_000_000 - number),
        "version": (version << 24) | number,
        "observed_at": start + 7 * _DAY_MICROS,
        "deleted_at": None,
        "job_id": str(4_000_000 + job),
        "job_name": f"Lot {job} Aspen Ridge",
        "user_id": str(700_000 + user),
        "user_name": f"Worker Number {user}",
        "cost_code_id": str(55_000 + code),
        "cost_code_title": f"{100 + code} - Framing labor",
        "started_at": start,
        "ended_at": start + (minutes + 30) * 60_000_000,
        "time_zone": "America/Denver",
        "work_date": day,
        "break_minutes": 30,
        "regular_minutes": min(minutes, 480),
        "overtime_minutes": max(0, minutes - 480),
        "total_minutes": minutes,
        "hourly_cost_micros": hourly,
        "labor_cost_micros": hourly * minutes // 60,
        "approved": minutes % 2 == 0,
        "notes": "second floor walls, north side" if minutes % 3 == 0 else None,
        "tags": ["crew-a"] if minutes % 5 == 0 else [],
        "link_status": "linked",
        "link_detail": None,
        "double_overtime_minutes": 0,
        "pto_minutes": 0,
        "approved_at": None,
        "split_cost_code_ids": [],
        "split_minutes": [],
    } | (_split(code, minutes) if number % _SPLIT_EVERY == 0 else {})


def _split(code: int, minutes: int) -> Record:
    return {
        "cost_code_id": None,
        "split_cost_code_ids": [str(55_000 + code), str(55_000 + _CODES)],
        "split_minutes": [minutes // 3, minutes - minutes // 3],
        "link_status": "split",
    }
