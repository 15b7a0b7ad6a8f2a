"""A sixth entity, of a test's own catalogue, from its raw record through streams to its row in Postgres.

Its declaration, its schemas, its normaliser and its table are all that it has; no reader or writer was told of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from core.clock import SystemClock
from core.dead_letters.share import DeadLetterShare
from schemas.avro_files import schema_text
from sinks import columns, writer
from sinks.columns import canonical_table
from sinks.messages import TopicPartition
from sinks.read_columns import ColumnarReader
from sinks.read_rows import RowReader
from sinks.writer import PostgresStore
from streams.records import RawRecord
from tests.contract.sinks.fix_postgres import rows
from tests.unit.sinks.factories import FakeMessage, batch
from tests.unit.sinks.fakes import KeptDeadLetters
from tests.unit.streams import test_sixth_entity as sixth
from tests.unit.streams.test_sixth_entity import CATALOGUE, GADGETS, TEXTS, Schemas, Streams

AT = TopicPartition(GADGETS.canonical_topic, 0)
TABLE = """
CREATE TABLE protiv.gadgets (
  company_id text NOT NULL, gadget_id text NOT NULL, version bigint NOT NULL, observed_at timestamptz NOT NULL,
  deleted_at timestamptz, title text, source_generation integer NOT NULL, source_offset bigint NOT NULL,
  updated_at timestamptz NOT NULL, PRIMARY KEY (company_id, gadget_id))
"""

streams = sixth.streams


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    rows(database_url, TABLE)
    yield database_url
    rows(database_url, "DROP TABLE protiv.gadgets")


@pytest.fixture
def store(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresStore]:
    monkeypatch.setattr(columns, "schema_text", lambda topic: TEXTS.get(topic) or schema_text(topic))
    tables = tuple(canonical_table(entity) for entity in CATALOGUE if entity.table != "bills")
    monkeypatch.setattr(writer, "TABLES", tables)
    reader = ColumnarReader(Schemas(), RowReader(Schemas()))
    made = PostgresStore(url, reader=reader, dead_letters=KeptDeadLetters(), share=DeadLetterShare(SystemClock()))
    yield made
    made.close()


def test_sixth_entity_goes_from_raw_record_to_row_and_is_deleted(
    streams: Streams, store: PostgresStore, url: str
) -> None:
    claim = store.claim({AT.topic: UUID(int=99)}, [AT])[AT]
    next_offset = claim.next_offset

    def sink(*raw: RawRecord) -> None:
        nonlocal next_offset
        found = [
            FakeMessage(each.topic, each.key, each.value, next_offset + number, headers_=list(each.headers))
            for number, each in enumerate(streams.outputs(*raw))
        ]
        made = batch(found, claim, expected=next_offset)
        store.write(made, store.read(made))
        next_offset += len(found)

    sink(streams.raw.put(GADGETS, {"gadgetId": 7, "title": "Lumber & Co"}))
    sink(streams.raw.put(GADGETS, {"gadgetId": 7, "title": "Lumber & Sons"}))
    (row,) = rows(url, "SELECT * FROM protiv.gadgets")
    assert (row["company_id"], row["gadget_id"], row["title"]) == ("acme", "7", "Lumber & Sons")
    assert row["deleted_at"] is None
    sink(*streams.raw.delete(GADGETS, "7"))
    (row,) = rows(url, "SELECT * FROM protiv.gadgets")
    assert (row["title"], row["deleted_at"] is None) == ("Lumber & Sons", False)
