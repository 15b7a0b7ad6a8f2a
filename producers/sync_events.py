"""Sync events: what the poller says about commands and runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import uuid4

from confluent_kafka import Producer

from control.commands import terminal_event_id
from core.clock import Clock
from core.errors import RetriableError
from core.kafka.config import producer_config
from core.kafka.delivery import TIMEOUT_S, Outgoing, send_acknowledged
from core.settings import Settings
from core.topics import SYNC_EVENTS
from schemas.codec import SchemaSource, encoder, to_days, to_micros
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
    """Where the same event may be told again; else the writer gives it one."""


class EventWriter(Protocol):
    """Where events go."""

    def write(self, event: SyncEvent) -> None:
        """Send an event; a terminal one is with the broker when this returns."""


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
            send_acknowledged(self._producer, Outgoing(SYNC_EVENTS, key, value))
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
