"""What the tables must show: the fold of the topic up to the offsets that Postgres holds, computed by itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError
from confluent_kafka import TopicPartition as Assigned

from core.kafka.config import consumer_config
from core.kafka.record_headers import RecordHeaders
from core.settings import Settings
from core.topics import split_key
from schemas.codec import Decoder
from schemas.entities import TIME_ENTRIES
from schemas.registry import ConfluentRegistry

TOPIC = TIME_ENTRIES.canonical_topic
Key = tuple[str, str]


class Shown(NamedTuple):
    """What is compared of a row: minutes only of one that is not deleted.

    What a deleted row last said depends on the batches if an old version comes late, as it does in these tests.
    """

    version: int
    minutes: int | None
    deleted: bool


@dataclass(slots=True)
class Told:
    """One record of the log."""

    partition: int
    offset: int
    key: Key
    version: int
    minutes: int | None
    deleted: bool


@dataclass(slots=True)
class Log:
    """The records of some companies, read on as the topic grows."""

    settings: Settings
    registry: ConfluentRegistry
    companies: Sequence[str]
    told: list[Told] = field(default_factory=list)
    _next: dict[int, int] = field(default_factory=dict)

    def fold(self, offsets: dict[int, int]) -> dict[Key, Shown]:
        """The state after the records before these offsets, each key's newest (version, offset) winning."""
        self._read_on(offsets)
        shown: dict[Key, Shown] = {}
        for each in sorted(self.told, key=lambda each: (each.version, each.offset)):
            if each.offset < offsets.get(each.partition, 0):
                shown[each.key] = Shown(each.version, None if each.deleted else each.minutes, each.deleted)
        return shown

    def _read_on(self, offsets: dict[int, int]) -> None:
        decode = Decoder(TOPIC, self.registry)
        waiting = {at for at, offset in offsets.items() if offset > self._next.get(at, 0)}
        with closing(Consumer(consumer_config(self.settings, "sink-test-fold"))) as consumer:
            consumer.assign([Assigned(TOPIC, at, self._next.get(at, OFFSET_BEGINNING)) for at in waiting])
            while waiting:
                for message in consumer.consume(5_000, 1.0):
                    at = message.partition() or 0
                    error = message.error()
                    if error is None:
                        self._next[at] = (message.offset() or 0) + 1
                        self._take(message, decode)
                    elif error.code() == KafkaError._PARTITION_EOF:
                        waiting.discard(at)
                waiting = {at for at in waiting if self._next.get(at, 0) < offsets[at]}

    def _take(self, message: Any, decode: Decoder) -> None:
        key = split_key(message.key())
        if key[0] not in self.companies:
            return
        version = RecordHeaders.decode(message.headers()).version
        content = None if message.value() is None else decode(message.value())
        minutes = None if content is None else content["total_minutes"]
        deleted = content is None or content["deleted_at"] is not None
        self.told.append(Told(message.partition(), message.offset(), key, version, minutes, deleted))


def snapshot(database_url: str, companies: Sequence[str]) -> tuple[dict[int, int], dict[Key, Shown]]:
    """Offsets and rows as of one moment, however many sinks are writing."""
    with psycopg.connect(database_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        offsets = connection.execute(
            "SELECT partition, next_offset FROM protiv.sink_offsets WHERE topic = %s", [TOPIC]
        ).fetchall()
        found = connection.execute(
            "SELECT company_id, time_entry_id, version, CASE WHEN deleted_at IS NULL THEN total_minutes END, "
            "deleted_at IS NOT NULL FROM protiv.time_entries WHERE company_id = ANY(%s)",
            [list(companies)],
        ).fetchall()
    return dict(offsets), {(company, entry): Shown(*shown) for company, entry, *shown in found}
