"""What a rebuild must find before it publishes anything: raw records that can be read, and few deletions. Pure.

A raw record that cannot be read makes its canonical record look like one that Buildertrend no longer has. Such records
are never deleted; those that no schema explains stop the rebuild, since then it is the registry that is wrong.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from core.errors import FatalError, InvalidRecordError
from core.topics import split_key
from schemas.catalogue import ENTITIES
from schemas.codec import schema_id_of
from streams.records import RawRecord

BRAKE_SHARE = 0.10
BRAKE_RECORDS = 20
# What a value's bytes are refused for, in contrast to what they state.
_UNREADABLE = frozenset({"undecodable", "unknown-schema", "wrong-schema"})
_SHOWN = 5
_ENTITY_OF = {entity.canonical_topic: entity.name for entity in ENTITIES}

Place = tuple[str, bytes]
"""A canonical topic and a key in it."""
Kind = tuple[str, str]
"""A company and an entity."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an operator lets pass: how many deletions beyond the brake, how many raw records that cannot be read."""

    deletions: int = 0
    unreadable: int = 0


NOTHING_ALLOWED = Allowed()


@dataclass(slots=True)
class Findings:
    """What the topics hold. `unreadable`: in words, by place; `refused`: where the newest raw record cannot be used."""

    unreadable: dict[Place, str] = field(default_factory=dict)
    refused: set[Place] = field(default_factory=set)
    strays: set[Place] = field(default_factory=set)
    living: Counter[Kind] = field(default_factory=Counter)

    def used(self, raw: RawRecord) -> None:
        """A raw record was taken in; what lay before it under its key does not matter any more."""
        place = _place(raw)
        self.unreadable.pop(place, None)
        self.refused.discard(place)

    def not_used(self, raw: RawRecord, error: InvalidRecordError) -> None:
        """A raw record cannot be used: what was published of it stays as it is."""
        place = _place(raw)
        self.refused.add(place)
        if error.error_class in _UNREADABLE:
            self.unreadable[place] = _where(raw, error)

    def compare(self, alive: set[Place], known: set[Place]) -> None:
        """Canonical records that live, and keys that raw records name: what only the first hold are strays."""
        self.living.update(map(kind_of, alive))
        self.strays |= alive - known - self.refused

    def merge(self, other: Findings) -> None:
        """Take over what another partition holds."""
        self.unreadable |= other.unreadable
        self.refused |= other.refused
        self.strays |= other.strays
        self.living += other.living


def check(found: Findings, allowed: Allowed) -> None:
    """Raises FatalError, with the way out, if publishing would delete what may still be there."""
    if len(found.unreadable) > allowed.unreadable:
        raise FatalError(_unreadable_words(found))
    beyond = beyond_the_brake(found)
    total = sum(beyond.values())
    if total > allowed.deletions:
        raise FatalError(_deletion_words(found, beyond, total))


def beyond_the_brake(found: Findings) -> Counter[Kind]:
    """Strays of companies and entities of which more than a tenth (and more than 20) would go, or all."""
    strays = Counter(map(kind_of, found.strays))
    return Counter({kind: count for kind, count in strays.items() if _too_many(count, found.living[kind])})


def kind_of(place: Place) -> Kind:
    """The company and the entity of a canonical record."""
    return split_key(place[1])[0], _ENTITY_OF[place[0]]


def _too_many(strays: int, living: int) -> bool:
    return strays >= living or (strays > BRAKE_RECORDS and strays > living * BRAKE_SHARE)


def _unreadable_words(found: Findings) -> str:
    places = sorted(found.unreadable.values())
    return (
        f"{len(places)} raw records cannot be read, and what was published of them would be deleted. Nothing is "
        f"published. {_some(places, '; ')}. If the registry was lost or set up again, first run `protiv-buildertrend "
        "topics restore-ids`; with `--allow-unreadable N` up to N such records are passed over and what was published "
        "of them stays as it is."
    )


def _deletion_words(found: Findings, beyond: Counter[Kind], total: int) -> str:
    kinds = [
        f"{company}: {count} of {found.living[company, entity]} {entity}"
        for (company, entity), count in beyond.most_common()
    ]
    return (
        f"{total} records that the raw topics do not hold would be deleted, many at once. Nothing is published. "
        f"{_some(kinds, '; ')}. If the raw topics have lost them, read them anew with `full-sync`; if they are really "
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


def _place(raw: RawRecord) -> Place:
    return raw.entity.canonical_topic, raw.key or b""
