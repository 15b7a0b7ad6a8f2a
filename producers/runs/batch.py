"""Changes made ready for one transaction: numbered, encoded, and what to remember of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from control.source_state import Published
from producers.runs.compare import Change, unconfirmed
from producers.runs.messages import Encoder, Message, Observation, messages
from schemas.entities import Entity


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be published in one transaction, and what to remember once that is committed or in doubt."""

    entity: str
    messages: Sequence[Message] = ()
    published: Sequence[Published] = ()
    announcements: Sequence[Published] = ()
    letters: Sequence[Message] = ()
    """What the topic of dead letters is to have with it."""


def prepared(entity: Entity, changes: Sequence[Change], seen: Observation, *, first: int, encode: Encoder) -> Batch:
    """Changes under versions of their own, from the run's position `first` on."""
    numbered = [(seen.run.version(position), change) for position, change in enumerate(changes, start=first)]
    encoded = messages(numbered, seen, topic=entity.raw_topic, encode=encode)
    return Batch(entity.name, encoded, list(_state_rows(numbered)), list(_announcements(numbered)))


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
            )


def _announcements(numbered: Sequence[tuple[int, Change]]) -> Iterator[Published]:
    for version, change in numbered:
        day, parent = (change.record.local_day, change.record.parent_id) if change.record else (None, None)
        yield Published(change.entity_id, unconfirmed(change), version, day, parent)
