"""Reads back what was published to the raw topics since an instant: how far the runs of companies got, and records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from control.restored_database import FoundRecord
from control.runs import run_seq_of
from core.dead_letters.letter import header_list
from core.errors import InvalidRecordError, RetriableError
from core.kafka.read_to_end import read_to_end, reading_config
from core.kafka.record_headers import RecordHeaders
from core.settings import Settings
from core.topics import split_key
from producers.buildertrend.reads.rows import local_day_of, parent_of
from schemas.codec import Decoder, SchemaSource
from schemas.entities import ENTITIES, Entity
from schemas.topics import RAW_TOPICS

_GROUP = "protiv-poller-looks-back"
_TIMEOUT_S = 30
# Above it there would be no room for runs to come; no poller gets there.
_HIGHEST_VERSION = 1 << 62
_ENTITY_OF = {entity.raw_topic: entity for entity in ENTITIES}

Found = dict[tuple[str, Entity], dict[str, FoundRecord]]
"""Records by company and entity, and by their id."""


class RawTopics:
    """Blocks while it reads, about 50,000 records a second; RetriableError when brokers or the registry are away."""

    def __init__(self, settings: Settings, source: SchemaSource) -> None:
        self._settings = settings
        self._decoders = {entity.name: Decoder(entity.raw_topic, source) for entity in ENTITIES}

    def highest_runs(self, since: datetime | None) -> dict[str, int]:
        """The highest run_seq of each company in records published since an instant (None: of all there are)."""
        highest: defaultdict[str, int] = defaultdict(int)
        for message in self._read(since):
            if (headers := _headers(message)) is not None:
                run_seq = run_seq_of(headers.version)
                highest[headers.company_id] = max(highest[headers.company_id], run_seq)
        return dict(highest)

    def records(self, since: datetime | None, company_ids: Collection[str]) -> Found:
        """What was published of these companies since, of each id the record with the highest version."""
        found: Found = defaultdict(dict)
        for message in self._read(since):
            headers = _headers(message)
            if headers is None or headers.company_id not in company_ids:
                continue
            entity = _ENTITY_OF[message.topic() or ""]
            entity_id = split_key(_bytes(message.key()))[1]
            known = found[headers.company_id, entity].get(entity_id)
            if known is None or known.version <= headers.version:
                record = self._found(entity, entity_id, headers.version, _bytes(message.value()))
                found[headers.company_id, entity][entity_id] = record
        return dict(found)

    def _found(self, entity: Entity, entity_id: str, version: int, value: bytes | None) -> FoundRecord:
        change = self._decoded(entity, value)
        if value is None or change.get("op") == "DELETE":
            return FoundRecord(entity_id, version, deleted=True)
        after = change.get("after") or {}
        return FoundRecord(
            entity_id, version, local_day=local_day_of(entity, after), parent_id=parent_of(entity, after)
        )

    def _decoded(self, entity: Entity, value: bytes | None) -> Mapping[str, Any]:
        """Of a record that cannot be read it is known all the same that it was published."""
        try:
            return {} if value is None else self._decoders[entity.name](value)
        except InvalidRecordError:
            return {}

    def _read(self, since: datetime | None) -> Iterator[Message]:
        with closing(Consumer(reading_config(self._settings, _GROUP))) as consumer:
            for batch in read_to_end(consumer, self._starts(consumer, since)):
                yield from batch

    def _starts(self, consumer: Consumer, since: datetime | None) -> list[TopicPartition]:
        start = OFFSET_BEGINNING if since is None else int(since.timestamp() * 1000)
        places = [
            TopicPartition(t, number, start) for t in RAW_TOPICS for number in range(self._settings.entity_partitions)
        ]
        if since is None:
            return places
        try:
            found = consumer.offsets_for_times(places, timeout=_TIMEOUT_S)
        except KafkaException as exc:
            raise RetriableError("Kafka does not tell what was published lately.") from exc
        return [place for place in found if place.offset != OFFSET_END]


def _headers(message: Message) -> RecordHeaders | None:
    """None for a record that is no poller's: its key and headers do not name one company."""
    try:
        headers = RecordHeaders.decode(header_list(message.headers()))
        company_id, _ = split_key(_bytes(message.key()))
    except InvalidRecordError:
        return None
    return headers if headers.company_id == company_id and 0 < headers.version < _HIGHEST_VERSION else None


def _bytes(content: bytes | str | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content
