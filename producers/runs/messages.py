"""Changes as the messages of a raw topic, and the batch of them that one transaction publishes.

A change becomes a change record; a deletion is followed by a tombstone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from control.runs import RunId
from control.source_state import Published
from core.kafka.record_headers import HeaderList, RecordHeaders
from core.topics import entity_key
from producers.runs.compare import Change, unconfirmed
from schemas.codec import to_micros
from schemas.entities import Entity


class Message(msgspec.Struct, frozen=True):
    """One record to produce."""

    topic: str
    key: bytes
    value: bytes | None
    headers: HeaderList


Encoder = Callable[[Sequence[Mapping[str, Any]]], list[bytes]]
"""Encodes records of one topic to wire bytes, in the same order (see schemas.batch_codec)."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The circumstances of a page: which run read it, when, and in which time zone its local times are."""

    run: RunId
    observed_at: datetime
    time_zone: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction publishes.

    `published` is what to record once it is committed, `announcements` what to store before it begins. `letters` are
    dead letters and receipts that go with it.
    """

    entity: str
    messages: Sequence[Message] = ()
    published: Sequence[Published] = ()
    announcements: Sequence[Published] = ()
    letters: Sequence[Message] = ()


def batch_of(entity: Entity, changes: Sequence[Change], seen: Observation, *, first: int, encode: Encoder) -> Batch:
    """Changes, each under its own version, from the run's position `first` on."""
    numbered = [(seen.run.version(position), change) for position, change in enumerate(changes, start=first)]
    encoded = messages(numbered, seen, topic=entity.raw_topic, encode=encode)
    return Batch(entity.name, encoded, list(_state_rows(numbered)), list(_announcements(numbered)))


def messages(
    numbered: Sequence[tuple[int, Change]], seen: Observation, *, topic: str, encode: Encoder
) -> list[Message]:
    """The messages of changes with their versions, in order."""
    values = encode([change_record(change, seen, version) for version, change in numbered])
    found = []
    for (version, change), value in zip(numbered, values, strict=True):
        key = entity_key(seen.run.company_id, change.entity_id)
        headers = RecordHeaders(version, seen.run.run_id, seen.run.company_id).encode()
        found.append(Message(topic, key, value, headers))
        if change.op == "DELETE":
            found.append(Message(topic, key, None, headers))
    return found


def change_record(change: Change, seen: Observation, version: int) -> dict[str, Any]:
    """The raw topic's value, in plain values (see schemas.codec)."""
    return {
        "op": change.op,
        "company_id": seen.run.company_id,
        "entity_id": change.entity_id,
        "version": version,
        "observed_at": to_micros(seen.observed_at),
        "run_id": seen.run.run_id,
        "time_zone": seen.time_zone,
        "after": None if change.record is None else change.record.after,
    }


def _state_rows(numbered: Sequence[tuple[int, Change]]) -> Iterator[Published]:
    for version, change in numbered:
        if change.record is not None and change.fingerprint is not None:
            record = change.record
            yield Published(
                change.entity_id,
                change.fingerprint,
                version,
                record.local_day,
                record.parent_id,
                change.digest,
                record.job_id,
                record.minutes,
                change.filled,
            )


def _announcements(numbered: Sequence[tuple[int, Change]]) -> Iterator[Published]:
    for version, change in numbered:
        day, parent = (change.record.local_day, change.record.parent_id) if change.record else (None, None)
        yield Published(change.entity_id, unconfirmed(change), version, day, parent)
