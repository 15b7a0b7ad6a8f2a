"""Changes as the messages of a raw topic: the change record, and behind a DELETE its tombstone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from control.runs import RunId
from core.kafka.record_headers import HeaderList, RecordHeaders
from core.topics import entity_key
from producers.runs.compare import Change
from schemas.codec import to_micros


class Message(msgspec.Struct, frozen=True):
    """One record to produce."""

    topic: str
    key: bytes
    value: bytes | None
    headers: HeaderList


Encoder = Callable[[Sequence[Mapping[str, Any]]], list[bytes]]
"""A topic's records to wire bytes, each in the place of its record (see schemas.batch_codec)."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The circumstances of a page: which run read it, when, and in which time zone its local times are."""

    run: RunId
    observed_at: datetime
    time_zone: str


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
