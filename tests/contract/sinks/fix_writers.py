"""A store over a real Postgres with either reader behind it, driven with the messages of one partition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from psycopg.rows import DictRow

from core.clock import SystemClock
from core.dead_letters.share import DeadLetterShare
from sinks.messages import PartitionClaim, TopicPartition
from sinks.read_columns import ColumnarReader
from sinks.read_rows import RecordReader, RowReader
from sinks.writer import PostgresStore, Written
from tests.contract.sinks.fix_postgres import rows
from tests.unit.sinks.factories import TOPIC_IDS, FakeMessage, TableOfSchemas, batch
from tests.unit.sinks.fakes import KeptDeadLetters

READERS = ("columnar", "one-by-one")


def reader_of(kind: str, schemas: TableOfSchemas) -> RecordReader:
    one_by_one = RowReader(schemas)
    return ColumnarReader(schemas, one_by_one) if kind == "columnar" else one_by_one


@dataclass(slots=True)
class Sink:
    """What a process holds: a store and its claims."""

    database_url: str
    kind: str
    schemas: TableOfSchemas = field(default_factory=TableOfSchemas)
    dead_letters: KeptDeadLetters = field(default_factory=KeptDeadLetters)
    share: DeadLetterShare = field(default_factory=lambda: DeadLetterShare(SystemClock()))
    store: PostgresStore = field(init=False)
    claims: dict[TopicPartition, PartitionClaim] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = PostgresStore(
            self.database_url,
            reader=reader_of(self.kind, self.schemas),
            dead_letters=self.dead_letters,
            share=self.share,
        )

    def claim(self, at: TopicPartition) -> PartitionClaim:
        claim = self.store.claim(TOPIC_IDS, [at])[at]
        self.claims[at] = claim
        self.positions[at] = claim.next_offset
        return claim

    def put(self, *messages: FakeMessage) -> Written:
        """Write messages of one partition of one topic as one batch, claiming the partition first if needed."""
        at = TopicPartition(messages[0].topic_, messages[0].partition_)
        if at not in self.claims:
            self.claim(at)
        made = batch(list(messages), self.claims[at], expected=self.positions[at])
        written = self.store.write(made, self.store.read(made))
        self.positions[at] = made.updates[0].next_offset
        return written

    def again_from_zero(self, at: TopicPartition) -> None:
        """Forget how far this partition is merged, as after a restore of the offsets alone."""
        rows(self.database_url, "UPDATE protiv.sink_offsets SET next_offset = 0 WHERE topic = %s", at.topic)
        self.claim(at)

    def table(self, name: str = "time_entries") -> list[DictRow]:
        return rows(self.database_url, f"SELECT * FROM protiv.{name} ORDER BY 1, 2")

    def close(self) -> None:
        self.store.close()


@pytest.fixture(params=READERS)
def sink(request: pytest.FixtureRequest, database_url: str) -> Iterator[Sink]:
    made = Sink(database_url, request.param)
    yield made
    made.close()
