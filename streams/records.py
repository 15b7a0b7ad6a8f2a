"""What goes into and comes out of the pure core: raw records as delivered, canonical records as they are produced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from core.errors import InvalidRecordError
from core.kafka.record_headers import RecordHeaders
from core.topics import partition_for, split_key
from schemas.batch_codec import BatchDecoder, BatchEncoder, Decoded
from schemas.catalogue import ENTITIES, Entity
from schemas.codec import Record, SchemaSource

_LONGEST_ID = 200
# The years 1990 to 2100 in microseconds: nothing that is observed lies outside.
FIRST_INSTANT, LAST_INSTANT = 631_152_000_000_000, 4_133_980_800_000_000

RawHeaders = Sequence[tuple[str, str | bytes | None]]


@dataclass(slots=True)
class RawRecord:
    """A record of a raw topic as it was read; `decoded` is its value, or what is wrong with it, after `look_into`."""

    entity: Entity
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: RawHeaders
    timestamp_ms: int
    decoded: Decoded | None = field(default=None, compare=False, repr=False)


class Output(NamedTuple):
    """A record to produce to the partition that its causes came from; `value` None is a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: RawHeaders


@dataclass(frozen=True, slots=True)
class Codecs:
    """Decoders of the raw topics and encoders of the canonical ones, by entity name, and where schemas come from."""

    decode: dict[str, BatchDecoder]
    encode: dict[str, BatchEncoder]
    source: SchemaSource

    @classmethod
    def load(cls, source: SchemaSource) -> Codecs:
        """Fetch every schema ahead; raises what the source raises."""
        for entity in ENTITIES:
            source.id_of(entity.raw_topic)
        return cls(
            {entity.name: BatchDecoder(entity.raw_topic, source, without=["extras"]) for entity in ENTITIES},
            {entity.name: BatchEncoder(entity.canonical_topic, source) for entity in ENTITIES},
            source,
        )

    def look_into(self, batch: Iterable[RawRecord]) -> None:
        """Decode the values of a batch, all at once. RetriableError if the registry is away."""
        by_entity: dict[str, list[RawRecord]] = defaultdict(list)
        for raw in batch:
            if raw.value is not None and raw.decoded is None:
                by_entity[raw.entity.name].append(raw)
        for name, raws in by_entity.items():
            values = [raw.value for raw in raws if raw.value is not None]
            for raw, decoded in zip(raws, self.decode[name](values), strict=True):
                raw.decoded = decoded


def key_parts(raw: RawRecord, partitions: int) -> tuple[str, str]:
    """(company_id, entity_id) of a record that lies on its company's partition; else InvalidRecordError."""
    company_id, entity_id = split_key(raw.key)
    if "\x00" in company_id or "\x00" in entity_id:
        raise InvalidRecordError("The record's key holds a NUL character.", error_class="bad-key")
    if len(company_id) > _LONGEST_ID or len(entity_id) > _LONGEST_ID:
        raise InvalidRecordError(
            f"The record's key holds an id of more than {_LONGEST_ID} characters.", error_class="bad-key"
        )
    home = _home(company_id, partitions)
    if home != raw.partition:
        raise InvalidRecordError(
            f"The record lies on partition {raw.partition}, its company's is {home}: "
            "its producer must use murmur2 of the company id.",
            error_class="wrong-partition",
        )
    return company_id, entity_id


def is_at_home(company_id: str, partition: int, partitions: int) -> bool:
    """Whether a key can name this company, and names it on its own partition."""
    if not 0 < len(company_id) <= _LONGEST_ID or {"/", "\x00"} & set(company_id):
        return False
    return _home(company_id, partitions) == partition


def decode_change(raw: RawRecord, codecs: Codecs, *, company_id: str, entity_id: str) -> Record:
    """The change record of a value that belongs to this key; else InvalidRecordError. RetriableError: registry away."""
    if raw.decoded is None:
        codecs.look_into([raw])
    change = raw.decoded
    if not isinstance(change, dict):
        assert change is not None
        raise change
    if change["company_id"] != company_id or change["entity_id"] != entity_id:
        raise InvalidRecordError("The record's key and its value name different entities.", error_class="bad-key")
    if change["version"] < 0 or not FIRST_INSTANT <= change["observed_at"] < LAST_INSTANT:
        raise InvalidRecordError(
            "The record's version is negative, or it was not observed in 1990 to 2100.", error_class="bad-entity"
        )
    if change["op"] != "DELETE" and (change["after"] is None or stated_id(raw.entity, change["after"]) != entity_id):
        raise InvalidRecordError(
            "The record holds no entity, or another one than its key names.", error_class="bad-entity"
        )
    return change


def observed_by_broker(raw: RawRecord) -> int:
    """The record's own time in microseconds, brought into bounds: producers may state any."""
    return min(max(raw.timestamp_ms * 1000, FIRST_INSTANT), LAST_INSTANT - 1)


def version_of(raw: RawRecord) -> int | None:
    """The version by the decoded value, else by the headers; None where neither says one."""
    if isinstance(raw.decoded, dict):
        version: int = raw.decoded["version"]
        return version
    try:
        return RecordHeaders.decode(raw.headers).version
    except InvalidRecordError:
        return None


def stated_id(entity: Entity, after: Record) -> str:
    """The entity's id as Buildertrend's own fields state it; a budget's is `<job id>:<cost code id>`."""
    if entity.name == "budgets":
        return f"{after['jobId']}:{after['id']}"
    return str(after[_ID_FIELD[entity.name]])


_ID_FIELD = {"jobs": "jobId", "users": "userId", "cost-codes": "id", "time-entries": "id"}


@lru_cache(maxsize=65_536)
def _home(company_id: str, partitions: int) -> int:
    return partition_for(company_id, partitions)


class NewestVersions:
    """The newest version of each entity in a batch; looked for only once one of its records is refused."""

    def __init__(self, batch: Iterable[RawRecord]) -> None:
        self._batch = batch
        self._newest: dict[tuple[Entity, bytes | None], int] | None = None

    def supersede(self, raw: RawRecord) -> bool:
        """Whether the batch holds a newer version of the record's entity."""
        own = version_of(raw)
        if own is None:
            return False
        if self._newest is None:
            self._newest = {}
            for each in self._batch:
                version = version_of(each)
                if version is not None:
                    place = each.entity, each.key
                    self._newest[place] = max(version, self._newest.get(place, version))
        return self._newest.get((raw.entity, raw.key), own) > own
