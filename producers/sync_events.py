"""Sync events: what the poller reports about commands, runs and the reads of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol
from uuid import uuid4

from confluent_kafka import Producer

from control.commands import terminal_event_id
from control.entity_reads import CompleteRead
from control.runs import RunId
from core.clock import Clock
from core.errors import RetriableError
from core.kafka.config import producer_config
from core.kafka.delivery import TIMEOUT_S, Outgoing, deliver
from core.settings import Settings
from core.topics import SYNC_EVENTS
from schemas.codec import SchemaSource, encoder, to_days, to_micros
from schemas.faults import SOURCE_INCOMPLETE
from schemas.sync_events import LONGEST_MESSAGE, TERMINAL_EVENTS


@dataclass(frozen=True, slots=True)
class SyncEvent:
    """An event without what the writer adds (its id and time). See the field docs of the schema."""

    company_id: str
    type: str
    command_id: str | None = None
    run_id: str | None = None
    entity: str | None = None
    counts: dict[str, int] | None = None
    pages_done: int | None = None
    pages_total: int | None = None
    seconds_left: int | None = None
    from_date: date | None = None
    to_date: date | None = None
    complete_through: datetime | None = None
    message: str | None = None
    fault: str | None = None
    event_id: str | None = None
    """Given where the same event may be sent more than once; else the writer gives it one."""


class EventWriter(Protocol):
    """Where events go."""

    def write(self, event: SyncEvent) -> None:
        """Send an event; a terminal one is with the broker when this returns."""


class Silence:
    """Tells nobody: for what is no run that people follow."""

    def write(self, event: SyncEvent) -> None:
        """See EventWriter."""


class KafkaEventWriter:
    """Writes to `integration.sync-events`, keyed by company. Usable by several threads."""

    def __init__(self, settings: Settings, source: SchemaSource, clock: Clock) -> None:
        self._producer = Producer(producer_config(settings))
        self._encode = encoder(SYNC_EVENTS, source)
        self._clock = clock

    def write(self, event: SyncEvent) -> None:
        """See EventWriter; RetriableError if the broker does not take a terminal event."""
        value = self._encode(event_record(event, self._clock.now()))
        key = event.company_id.encode()
        if event.type in TERMINAL_EVENTS:
            deliver(self._producer, [Outgoing(SYNC_EVENTS, key, value)])
            return
        try:
            self._producer.produce(SYNC_EVENTS, key=key, value=value)
        except BufferError as exc:
            raise RetriableError("Kafka does not take events now: too many are waiting.") from exc
        self._producer.poll(0)

    def close(self) -> None:
        """Wait for what is under way."""
        self._producer.flush(TIMEOUT_S)


def event_record(event: SyncEvent, at: datetime) -> dict[str, Any]:
    """The event topic's value, in plain values (see schemas.codec)."""
    return {
        "event_id": _event_id(event),
        "command_id": event.command_id,
        "run_id": event.run_id,
        "company_id": event.company_id,
        "type": event.type,
        "entity": event.entity,
        "at": to_micros(at),
        "counts": None if event.counts is None else {"dead_lettered": 0, **event.counts},
        "pages_done": event.pages_done,
        "pages_total": event.pages_total,
        "seconds_left": event.seconds_left,
        "from_date": None if event.from_date is None else to_days(event.from_date),
        "to_date": None if event.to_date is None else to_days(event.to_date),
        "complete_through": None if event.complete_through is None else to_micros(event.complete_through),
        "message": None if event.message is None else event.message[:LONGEST_MESSAGE],
        "fault": event.fault,
    }


def _event_id(event: SyncEvent) -> str:
    """A command's last event has the same id wherever it is made, so that readers see it once."""
    if event.type in TERMINAL_EVENTS and event.command_id:
        return terminal_event_id(event.command_id)
    return event.event_id or str(uuid4())


class ReadSpeed:
    """How fast one read goes. It counts from `pages_done`: pages of an earlier attempt say nothing about the time."""

    def __init__(self, clock: Clock, pages_done: int) -> None:
        self._clock = clock
        self._first = pages_done
        self._began_at = clock.monotonic()

    def seconds_left(self, pages_done: int, pages_total: int | None) -> int | None:
        """Until the read's pages are done; None while the number of pages or the speed is not known."""
        taken = pages_done - self._first
        if pages_total is None or taken <= 0:
            return None
        each_s = (self._clock.monotonic() - self._began_at) / taken
        return math.ceil(each_s * (pages_total - pages_done))


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """Writes the events of one entity's read, for the command that the run is for."""

    events: EventWriter
    run: RunId
    command_id: str | None
    entity: str
    speed: ReadSpeed

    def progress(self, counts: Mapping[str, int], *, pages_done: int, pages_total: int | None) -> None:
        """A page is published and recorded."""
        total = None if pages_total is None else max(pages_total, pages_done)
        left = self.speed.seconds_left(pages_done, total)
        event = replace(self._event("progress", counts), pages_done=pages_done, pages_total=total, seconds_left=left)
        self.events.write(event)

    def complete(self, read: CompleteRead, counts: Mapping[str, int], *, pages: int) -> None:
        """The read is complete."""
        event = replace(self._event("entity-complete", counts), pages_done=pages, pages_total=pages)
        through = None if read.to_day else read.through
        self.events.write(replace(event, from_date=read.from_day, to_date=read.to_day, complete_through=through))

    def incomplete(self, message: str, counts: Mapping[str, int]) -> None:
        """The read ended, but Buildertrend did not show everything."""
        self.events.write(replace(self._event("progress", counts), message=message, fault=SOURCE_INCOMPLETE.name))

    def held(self, counts: Mapping[str, int], *, missing: int, published: int) -> None:
        """Deletions are held, as too many records are missing at once."""
        message = (
            f"{missing} of {published} {self.entity} are no longer shown by Buildertrend. "
            "Nothing was deleted: check them, then release the deletions or wait for the records' return."
        )
        self.events.write(replace(self._event("held", counts), message=message))

    def _event(self, kind: str, counts: Mapping[str, int]) -> SyncEvent:
        return SyncEvent(
            company_id=self.run.company_id,
            type=kind,
            command_id=self.command_id,
            run_id=self.run.run_id,
            entity=self.entity,
            counts=dict(counts),
        )
