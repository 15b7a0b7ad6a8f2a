"""What goes into and comes out of the pure core: raw records as delivered, canonical records as they are produced.

Also the one rule for which of two versions wins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from core.errors import InvalidRecordError
from core.kafka.record_headers import RecordHeaders
from core.topics import partition_for, split_key
from schemas.batch_codec import BatchDecoder, BatchEncoder, Decoded
from schemas.codec import Record, SchemaSource
from schemas.entities import ENTITIES, Entity
from streams.rules import RULES, Rules, rules_of

_LONGEST_ID = 200
# The years 1990 to 2100 in microseconds: nothing that is observed lies outside.
FIRST_INSTANT, LAST_INSTANT = 631_152_000_000_000, 4_133_980_800_000_000

RawHeaders = Sequence[tuple[str, str | bytes | None]]


@dataclass(slots=True)
class RawRecord:
    """A record of a raw topic as it was read; `decoded`: its value, or what is wrong with it, after `decode_values`."""

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
    """What streams need of each entity, by its name: decoder of the raw topic, encoder of the canonical one, rules."""

    entities: dict[str, Entity]
    decode: dict[str, BatchDecoder]
    encode: dict[str, BatchEncoder]
    rules: Mapping[str, Rules]
    source: SchemaSource

    @classmethod
    def load(
        cls, source: SchemaSource, entities: Sequence[Entity] = ENTITIES, rules: Mapping[str, Rules] = RULES
    ) -> Codecs:
        """Fetch every schema ahead; raises what the source raises, and ValueError for an entity without its rules."""
        for entity in entities:
            source.id_of(entity.raw_topic)
        return cls(
            {entity.name: entity for entity in entities},
            {entity.name: BatchDecoder(entity.raw_topic, source, without=["extras"]) for entity in entities},
            {entity.name: BatchEncoder(entity.canonical_topic, source) for entity in entities},
            {entity.name: rules_of(entity, rules) for entity in entities},
            source,
        )

    def decode_values(self, batch: Iterable[RawRecord]) -> None:
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
    """(company_id, entity_id) of a record that is on its company's partition; else InvalidRecordError."""
    company_id, entity_id = split_key(raw.key)
    if "\x00" in company_id or "\x00" in entity_id:
        raise InvalidRecordError("The record's key holds a NUL character.", error_class="bad-key")
    if len(company_id) > _LONGEST_ID or len(entity_id) > _LONGEST_ID:
        raise InvalidRecordError(
            f"The record's key holds an id of more than {_LONGEST_ID} characters.", error_class="bad-key"
        )
    own = _partition_of(company_id, partitions)
    if own != raw.partition:
        raise InvalidRecordError(
            f"The record is on partition {raw.partition}, its company's is {own}: "
            "its producer must use murmur2 of the company id.",
            error_class="wrong-partition",
        )
    return company_id, entity_id


def is_on_own_partition(company_id: str, partition: int, partitions: int) -> bool:
    """Whether a key can hold this company's id, and `partition` is the company's."""
    if not 0 < len(company_id) <= _LONGEST_ID or {"/", "\x00"} & set(company_id):
        return False
    return _partition_of(company_id, partitions) == partition


def decode_change(raw: RawRecord, codecs: Codecs, *, company_id: str, entity_id: str) -> Record:
    """The change record of a value that belongs to this key; else InvalidRecordError. RetriableError: registry away."""
    if raw.decoded is None:
        codecs.decode_values([raw])
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
    if change["op"] != "DELETE" and (change["after"] is None or raw.entity.stated_id(change["after"]) != entity_id):
        raise InvalidRecordError(
            "The record holds no entity, or another one than its key names.", error_class="bad-entity"
        )
    return change


def observed_by_broker(raw: RawRecord) -> int:
    """The record's own time in microseconds, kept within bounds: producers may state any."""
    return min(max(raw.timestamp_ms * 1000, FIRST_INSTANT), LAST_INSTANT - 1)


def version_of(raw: RawRecord) -> int | None:
    """The version in the decoded value, else in the headers; None where neither has one."""
    if isinstance(raw.decoded, dict):
        version: int = raw.decoded["version"]
        return version
    try:
        return RecordHeaders.decode(raw.headers).version
    except InvalidRecordError:
        return None


def is_older(version: int | None, known: int | None) -> bool:
    """The newest wins: whether a record of `version` changes nothing because `known` is newer.

    A record of the very version that is known is taken again. False where either is None. Offsets decide nothing here:
    one partition holds a key's records in the order of their versions, save where `Outcome.OLDER` says otherwise.
    """
    return version is not None and known is not None and version < known


@lru_cache(maxsize=65_536)
def _partition_of(company_id: str, partitions: int) -> int:
    return partition_for(company_id, partitions)


class NewestVersions:
    """The newest version of each key in a batch, found only once one of its records is refused.

    A refused record that a newer one of its key follows in the same batch is not dead-lettered: its successor counts.
    """

    def __init__(self, batch: Iterable[RawRecord]) -> None:
        self._batch = batch
        self._newest: dict[tuple[Entity, bytes | None], int] | None = None

    def supersede(self, raw: RawRecord) -> bool:
        """Whether the batch holds a newer version of the record."""
        own = version_of(raw)
        if own is None:
            return False
        if self._newest is None:
            self._newest = {}
            for each in self._batch:
                version = version_of(each)
                if version is not None:
                    key = each.entity, each.key
                    self._newest[key] = max(version, self._newest.get(key, version))
        return is_older(own, self._newest.get((raw.entity, raw.key)))
