"""Finds what changed: pure functions from what was read and what was published to the changes to publish."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

from producers.source import SourceRecord

Op = Literal["CREATE", "UPDATE", "DELETE", "SNAPSHOT"]

BRAKE_SHARE = 0.10
BRAKE_RANGE_SHARE = 0.50
BRAKE_RECORDS = 20
_INCOMPLETE = b"i"


@dataclass(frozen=True, slots=True)
class Change:
    """A difference from what was last published; `record` and `fingerprint` are None for DELETE."""

    op: Op
    entity_id: str
    record: SourceRecord | None
    fingerprint: bytes | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a page comes to. Every id stands at most once in `changes`."""

    changes: list[Change]
    created: int
    updated: int
    unchanged: int


def fingerprint(after: Mapping[str, Any], time_zone: str) -> bytes:
    """16 bytes that differ when a known field or the time zone differs; `extras` do not count."""
    known = {name: value for name, value in after.items() if name != "extras"}
    text = json.dumps([time_zone, known], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).digest()


def compare(
    records: Iterable[SourceRecord], published: Mapping[str, bytes], *, time_zone: str, new_op: Op
) -> Comparison:
    """Changes against the published fingerprints; of an id that a page shows twice the last row counts.

    `new_op` is the op of records that are new: SNAPSHOT in a connection's initial read, else CREATE.
    """
    last = {record.entity_id: record for record in records}
    changes = []
    for entity_id, record in last.items():
        before = published.get(entity_id)
        now = _state(record, time_zone)
        if _is_news(now, before):
            changes.append(Change("UPDATE" if before is not None else new_op, entity_id, record, now))
    created = sum(change.op == new_op for change in changes)
    return Comparison(changes, created, len(changes) - created, len(last) - len(changes))


def _state(record: SourceRecord, time_zone: str) -> bytes:
    """What the state keeps: the fingerprint, with a mark behind it for a record that a part was missing of."""
    return fingerprint(record.after, time_zone) + (_INCOMPLETE if record.incomplete else b"")


def _is_news(now: bytes, before: bytes | None) -> bool:
    """An incomplete record changes an incomplete one, never a whole one: its missing part would seem to be gone."""
    if before is None:
        return True
    if now.endswith(_INCOMPLETE, 16) and not before.endswith(_INCOMPLETE, 16):
        return False
    return now[:16] != before[:16]


def deletions(entity_ids: Iterable[str]) -> list[Change]:
    """DELETE changes of ids that a complete read and a second look both did not show."""
    return [Change("DELETE", entity_id, None, None) for entity_id in entity_ids]


def brake_is_pulled(missing: int, *, published: int, in_range: int) -> bool:
    """True when so much would go at once that a person has to look first: over 20 records, and over 10 % of all.

    Also when they are most of those in the range of the read: an answer that wrongly shows nothing of the last weeks
    is a small part of an old account, and the whole of the current pay period.
    """
    too_many = missing > published * BRAKE_SHARE or missing > in_range * BRAKE_RANGE_SHARE
    return missing > BRAKE_RECORDS and too_many
