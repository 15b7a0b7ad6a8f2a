"""What stops a rebuild before it publishes anything: unreadable raw records, or too many deletions. Pure.

Where a raw record cannot be read, its canonical record looks like one that Buildertrend no longer has. Such canonical
records are never deleted, and raw records whose schema is missing or wrong stop the rebuild: then the registry is at
fault.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from core.errors import FatalError, InvalidRecordError
from core.topics import split_key
from schemas.codec import schema_id_of
from schemas.entities import ENTITIES
from streams.records import RawRecord

BRAKE_SHARE = 0.10
BRAKE_RECORDS = 20
# Error classes of values that cannot be decoded, in contrast to those with invalid content.
_UNREADABLE = frozenset({"undecodable", "unknown-schema", "wrong-schema"})
_SHOWN = 5
_ENTITY_OF = {entity.canonical_topic: entity.name for entity in ENTITIES}

CanonicalKey = tuple[str, bytes]
"""A canonical topic and a key in it."""
CompanyEntity = tuple[str, str]
"""A company's id and an entity's name."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an operator permits: so many deletions beyond the brake, so many raw records that cannot be read."""

    deletions: int = 0
    unreadable: int = 0


NOTHING_ALLOWED = Allowed()


@dataclass(slots=True)
class Findings:
    """What the topics hold, by canonical key.

    `unreadable` describes the raw records that cannot be decoded; `refused` are the keys whose newest raw record is
    invalid; `living` counts the canonical records that are not deleted.
    """

    unreadable: dict[CanonicalKey, str] = field(default_factory=dict)
    refused: set[CanonicalKey] = field(default_factory=set)
    strays: set[CanonicalKey] = field(default_factory=set)
    living: Counter[CompanyEntity] = field(default_factory=Counter)

    def add_valid(self, raw: RawRecord) -> None:
        """A raw record was loaded; earlier ones of its key do not matter any more."""
        key = _key(raw)
        self.unreadable.pop(key, None)
        self.refused.discard(key)

    def add_invalid(self, raw: RawRecord, error: InvalidRecordError) -> None:
        """A raw record cannot be loaded: what was published of it stays as it is."""
        key = _key(raw)
        self.refused.add(key)
        if error.error_class in _UNREADABLE:
            self.unreadable[key] = _where(raw, error)

    def compare(self, alive: set[CanonicalKey], known: set[CanonicalKey]) -> None:
        """Note the keys of living canonical records, and as strays those that no raw record has."""
        self.living.update(map(_company_entity, alive))
        self.strays |= alive - known - self.refused

    def merge(self, other: Findings) -> None:
        """Add what another partition holds."""
        self.unreadable |= other.unreadable
        self.refused |= other.refused
        self.strays |= other.strays
        self.living += other.living


def check(found: Findings, allowed: Allowed) -> None:
    """Raises FatalError, saying what to do, if publishing would delete what may still exist."""
    if len(found.unreadable) > allowed.unreadable:
        raise FatalError(_unreadable_message(found))
    beyond = beyond_the_brake(found)
    total = sum(beyond.values())
    if total > allowed.deletions:
        raise FatalError(_deletion_message(found, beyond, total))


def beyond_the_brake(found: Findings) -> Counter[CompanyEntity]:
    """Strays by company and entity, where more than a tenth (and more than 20), or all, would be deleted."""
    strays = Counter(map(_company_entity, found.strays))
    return Counter({group: count for group, count in strays.items() if _too_many(count, found.living[group])})


def _company_entity(key: CanonicalKey) -> CompanyEntity:
    """The company and the entity of a canonical record."""
    return split_key(key[1])[0], _ENTITY_OF[key[0]]


def _too_many(strays: int, living: int) -> bool:
    return strays >= living or (strays > BRAKE_RECORDS and strays > living * BRAKE_SHARE)


def _unreadable_message(found: Findings) -> str:
    places = sorted(found.unreadable.values())
    return (
        f"{len(places)} raw records cannot be read, and what was published of them would be deleted. Nothing is "
        f"published. {_some(places, '; ')}. If the registry was lost or set up again, first run `protiv-buildertrend "
        "topics restore-ids`; with `--allow-unreadable N` up to N such records are skipped and what was published of "
        "them stays as it is."
    )


def _deletion_message(found: Findings, beyond: Counter[CompanyEntity], total: int) -> str:
    groups = [
        f"{company}: {count} of {found.living[company, entity]} {entity}"
        for (company, entity), count in beyond.most_common()
    ]
    return (
        f"{total} records that the raw topics do not hold would be deleted, many at once. Nothing is published. "
        f"{_some(groups, '; ')}. If the raw topics have lost them, read them anew with `full-sync`; if they are really "
        f"gone, repeat with `--allow-deletions {total}`."
    )


def _some(parts: list[str], separator: str) -> str:
    more = len(parts) - _SHOWN
    return separator.join(parts[:_SHOWN]) + (f"{separator}and {more} more" if more > 0 else "")


def _where(raw: RawRecord, error: InvalidRecordError) -> str:
    try:
        schema = f"schema id {schema_id_of(raw.value or b'')}"
    except InvalidRecordError:
        schema = "no schema id"
    return f"{raw.entity.raw_topic} partition {raw.partition} offset {raw.offset}, {schema}: {error.reason.rstrip('.')}"


def _key(raw: RawRecord) -> CanonicalKey:
    return raw.entity.canonical_topic, raw.key or b""
