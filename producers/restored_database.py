"""Notices that the database was restored to an earlier state, and makes it catch up with the raw topics first.

A database from yesterday knows nothing of what was published since: its next versions would be lower than those that
readers hold, edits made since would be dropped as old, and what Buildertrend has meanwhile changed back would never be
published. So a poller compares before it takes its first connection, after each outage of the database, and whenever
the beat in the database is lower than one that it saw. It reads back from the topics what was published since the last
beat. Companies with later runs there than the database knows get a run_seq above them, and a read of everything
publishes or deletes each of their records anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, Message, TopicPartition

from control import restored_database
from control.database import Database
from control.restored_database import FoundRecord, Pulse
from control.runs import run_seq_of
from core.clock import Clock
from core.dead_letters.letter import header_list
from core.errors import InvalidRecordError
from core.kafka.read import read_to_end, reading_config, starts_since
from core.kafka.record_headers import RecordHeaders
from core.log import get_logger
from core.settings import Settings
from core.topics import split_key
from producers import metrics
from producers.buildertrend.reads.rows import local_day_of, parent_of
from producers.runs.compare import UNCONFIRMED
from schemas.codec import Decoder, SchemaSource
from schemas.entities import ENTITIES, Entity
from schemas.topics import RAW_TOPICS

log = get_logger(__name__)
# By how much the clocks of the brokers' writers and of the database may differ; `doctor` allows 5 s.
MARGIN = timedelta(seconds=60)
BEAT_EVERY_S = 5.0
_SHUT_OUT_S = 300.0
_GROUP = "protiv-poller-looks-back"
# Above it there would be no room for runs to come; no poller gets there.
_HIGHEST_VERSION = 1 << 62
_ENTITY_OF = {entity.raw_topic: entity for entity in ENTITIES}

Found = dict[tuple[str, Entity], dict[str, FoundRecord]]
"""Records by company and entity, and by their id."""


class Published(Protocol):
    """What the raw topics hold (see RawTopics)."""

    def highest_runs(self, since: datetime | None) -> dict[str, int]: ...

    def records(self, since: datetime | None, company_ids: Collection[str]) -> Found: ...


@dataclass(slots=True)
class RestoreGuard:
    """To be called before connections are leased, by one thread."""

    database: Database
    published: Published
    clock: Clock
    _compared: bool = False
    _seen: int = 0
    _beat_at: float = field(default=0.0)

    def check(self) -> None:
        """Returns once the database is known to hold what the topics hold, and notes that every few seconds.

        Blocks while topics are read. RetriableError: an outage; nothing may be leased, the next call compares again.
        """
        try:
            self._check()
        except BaseException:
            # It may be another state of the database that answers next.
            self._compared = False
            raise

    def _check(self) -> None:
        with self.database.statement() as tx:
            pulse = restored_database.read_pulse(tx)
        set_back = pulse.beat < self._seen
        if set_back or not self._compared:
            self._compare(pulse, set_back=set_back)
            self._compared = True
            self._beat_at = 0.0
        now = self.clock.monotonic()
        if not self._beat_at or now - self._beat_at >= BEAT_EVERY_S:
            with self.database.statement() as tx:
                self._seen = restored_database.beat(tx, above=self._seen)
            self._beat_at = now

    def _compare(self, pulse: Pulse, *, set_back: bool) -> None:
        since = None if pulse.at is None else pulse.at - MARGIN
        highest = self.published.highest_runs(since)
        with self.database.transaction() as tx:
            known = restored_database.known_seqs(tx, highest)
        ahead = {company for company, run_seq in highest.items() if run_seq > known.get(company, 0)}
        # One company that it knows is proof: of the others it may have lost a part of a run.
        affected = set(highest) if set_back or ahead & known.keys() else ahead
        if affected:
            self._catch_up(since, {company: highest[company] for company in affected})

    def _catch_up(self, since: datetime | None, highest: dict[str, int]) -> None:
        with self.database.transaction() as tx:
            restored_database.shut_out(tx, highest, seconds=_SHUT_OUT_S)
        found = self.published.records(since, highest)
        unconfirmed = 0
        with self.database.transaction() as tx:
            for (company_id, entity), records in found.items():
                unconfirmed += restored_database.put_found(
                    tx, company_id, entity.name, list(records.values()), unconfirmed=UNCONFIRMED
                )
            restored_database.read_anew(tx, highest)
        metrics.SET_BACKS.inc()
        metrics.SET_BACK_RECORDS.inc(unconfirmed)
        log.error(
            "database_was_set_back",
            companies=len(highest),
            records_unconfirmed=unconfirmed,
            since="the beginning" if since is None else since.isoformat(),
        )


class RawTopics:
    """Reads back what was published since an instant, about 50,000 records a second.

    RetriableError when brokers or the registry are away.
    """

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
        places = [
            TopicPartition(topic, number, OFFSET_BEGINNING)
            for topic in RAW_TOPICS
            for number in range(self._settings.entity_partitions)
        ]
        if since is None:
            return places
        return [start for start in starts_since(consumer, places, since) if start.offset != OFFSET_END]


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
