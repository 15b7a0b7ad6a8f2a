"""A company's rows and records, written as the poller, streams and the sink write them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import Producer

from control.connections import PASSWORD, NewConnection, save_connection
from control.database import Database, Transaction
from control.vault import Sealer
from core.dead_letters.letter import RejectedRecord, dead_letter_headers
from core.errors import InvalidRecordError
from core.kafka.config import producer_config
from core.kafka.record_headers import RecordHeaders
from core.settings import Settings
from core.topics import DEAD_LETTERS, entity_key, partition_for
from schemas.avro_files import plain_schema
from schemas.codec import encoder, to_days, to_micros
from schemas.entities import TIME_ENTRIES
from schemas.registry import ConfluentRegistry
from tests import factories
from tests.fix_stack import Stack

AT = datetime.now(UTC) - timedelta(minutes=5)
DAY = AT.date()
RAW = TIME_ENTRIES.raw_topic
CANONICAL = TIME_ENTRIES.canonical_topic
# The raw record keeps amounts as the text that was stated.
AS_TEXT = {"builderCost": {"value": "336"}, "extras": {}, "costCodes": []}


@dataclass
class Company:
    """One company; every method writes one thing of it."""

    settings: Settings
    registry: ConfluentRegistry
    company_id: str = field(default_factory=factories.company_id)
    run_seq: int = 0

    def connect(self, **changes: Any) -> None:
        sealed = Sealer.from_settings(self.settings).seal(b"pw", company_id=self.company_id, kind=PASSWORD)
        database = Database(self.settings, max_connections=1)
        database.open()
        with database.transaction() as tx:
            save_connection(tx, NewConnection(self.company_id, "ana", "America/Denver", None), sealed)
        database.close()
        wanted = {"state": "connected", "next_due_at": AT + timedelta(hours=2)} | changes
        for name, value in wanted.items():
            self.sql(
                f"UPDATE integration.connections SET {name} = %(value)s WHERE company_id = %(company)s", value=value
            )

    def run(self, *, state: str = "completed", **changes: Any) -> str:
        """A run, its id; versions of it begin with `version`."""
        self.run_seq += 1
        run_id = str(uuid4())
        values = {"read": "full", "scope": "{}", "first_seq": self.run_seq} | changes
        self.sql(
            "INSERT INTO integration.runs (run_id, company_id, run_seq, first_seq, read, state, scope, started_at) "
            "VALUES (%(run_id)s, %(company)s, %(seq)s, %(first_seq)s, %(read)s, %(state)s, %(scope)s, %(at)s)",
            run_id=run_id,
            seq=self.run_seq,
            state=state,
            at=AT,
            **values,
        )
        return run_id

    def version(self, position: int) -> int:
        return (self.run_seq << 24) | position

    def source(self, entity_id: str, version: int, *, entity: str = "time-entries", **known: Any) -> None:
        values = {"day": None, "job": None, "minutes": None} | known
        self.sql(
            "INSERT INTO integration.source_state (company_id, entity, entity_id, fingerprint, version, local_day,"
            " job_id, minutes)"
            " VALUES (%(company)s, %(entity)s, %(id)s, 'f', %(version)s, %(day)s, %(job)s, %(minutes)s)",
            entity=entity,
            id=entity_id,
            version=version,
            **values,
        )

    def complete(self, run_id: str, entity: str = "time-entries", *, whole: bool = True) -> None:
        self.sql(
            "INSERT INTO integration.entity_reads (company_id, entity, complete_through, run_id, whole_through)"
            " VALUES (%(company)s, %(entity)s, %(at)s, %(run_id)s, %(whole)s)",
            entity=entity,
            at=AT,
            run_id=run_id,
            whole=AT if whole else None,
        )

    def hold(self, run_id: str, entity_id: str, **changes: Any) -> None:
        self.sql(
            "INSERT INTO integration.held_deletions (company_id, entity, entity_id, run_id, released_at, released_by)"
            " VALUES (%(company)s, 'time-entries', %(id)s, %(run_id)s, %(released_at)s, %(released_by)s)",
            id=entity_id,
            run_id=run_id,
            **({"released_at": None, "released_by": None} | changes),
        )

    def raw(self, entity_id: str, version: int, *, op: str = "CREATE", value: bytes | None = None, **shift: Any) -> int:
        """A raw record of a shift; its offset. A DELETE has its tombstone behind it."""
        change = {
            "op": op,
            "company_id": self.company_id,
            "entity_id": entity_id,
            "version": version,
            "observed_at": to_micros(AT),
            "run_id": "r",
            "time_zone": "America/Denver",
            "after": None if op == "DELETE" else factories.shift_row(int(entity_id), **(AS_TEXT | shift)),
        }
        offset = self.produce(RAW, entity_id, value or encoder(RAW, self.registry)(change), version)
        return self.produce(RAW, entity_id, None, version) if op == "DELETE" else offset

    def canonical(self, entity_id: str, version: int, **changes: Any) -> int:
        fields = plain_schema(CANONICAL)["fields"]
        empty: dict[str, Any] = {each["name"]: [] if each.get("default") == [] else None for each in fields}
        record = empty | {
            "company_id": self.company_id,
            "time_entry_id": entity_id,
            "version": version,
            "observed_at": to_micros(AT),
            "job_id": "123",
            "work_date": to_days(DAY),
            "total_minutes": 480,
            "link_status": "linked",
        }
        return self.produce(CANONICAL, entity_id, encoder(CANONICAL, self.registry)(record | changes), version)

    def row(self, entity_id: str, version: int, **changes: Any) -> None:
        values: dict[str, Any] = {
            "job_id": "123",
            "work_date": DAY,
            "total_minutes": 480,
            "link_status": "linked",
            "started_at": AT,
            "deleted_at": None,
        }
        values |= changes
        names = ", ".join(values)
        self.sql(
            f"INSERT INTO protiv.time_entries (company_id, time_entry_id, version, observed_at, source_generation,"
            f" source_offset, updated_at, {names}) VALUES (%(company)s, %(id)s, %(version)s, %(at)s, 1, 0, %(at)s,"
            f" {', '.join(f'%({name})s' for name in values)})",
            id=entity_id,
            version=version,
            at=AT,
            **values,
        )

    def dead_letter(self, entity_id: str, *, stage: str, topic: str, offset: int, version: int) -> None:
        headers = RecordHeaders(version, "r", self.company_id).encode()
        key = entity_key(self.company_id, entity_id)
        record = RejectedRecord(topic, self.partition, offset, key, b"x", list(headers))
        error = InvalidRecordError("The start is no time.", error_class="bad-time")
        made = dead_letter_headers(record, stage=stage, error=error, seen_at=AT)
        self._send(DEAD_LETTERS, key, b"x", made)

    def produce(self, topic: str, entity_id: str, value: bytes | None, version: int) -> int:
        headers = list(RecordHeaders(version, "r", self.company_id).encode())
        return self._send(topic, entity_key(self.company_id, entity_id), value, headers)

    def _send(self, topic: str, key: bytes, value: bytes | None, headers: list[Any]) -> int:
        producer = Producer(producer_config(self.settings))
        offsets: list[int] = []
        producer.produce(
            topic,
            key=key,
            value=value,
            headers=headers,
            partition=self.partition,
            on_delivery=lambda _error, message: offsets.append(message.offset() or 0),
        )
        assert producer.flush(30) == 0
        return offsets[0]

    def merged(self, next_offset: int, topic: str = CANONICAL) -> None:
        """The sink has merged this topic's partition up to here."""
        self.sql(
            "INSERT INTO protiv.sink_offsets (topic_id, topic, partition, next_offset, generation, claim)"
            " VALUES (%(id)s, %(topic)s, %(partition)s, %(next)s, 1, 1)",
            id=uuid4(),
            topic=topic,
            partition=self.partition,
            next=next_offset,
        )

    @property
    def partition(self) -> int:
        return partition_for(self.company_id, self.settings.entity_partitions)

    def sql(self, statement: str, **values: Any) -> None:
        url = self.settings.database_url.get_secret_value()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode(), {"company": self.company_id, **values})


@pytest.fixture
def company(stack: Stack, own_database: Settings) -> Company:
    """A company that is not connected yet."""
    return Company(own_database, stack.registry)


@pytest.fixture
def reading(own_database: Settings) -> Iterator[Transaction]:
    """A transaction as the reports get one."""
    with psycopg.connect(own_database.database_url.get_secret_value(), autocommit=False) as connection:
        yield connection
