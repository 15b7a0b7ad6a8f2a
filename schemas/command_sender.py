"""Sends sync commands to the poller: for the command line and for the console."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import uuid4

from confluent_kafka import Producer

from core.clock import Clock
from core.errors import RetriableError
from core.kafka.config import producer_config
from core.kafka.delivery import Outgoing, deliver
from core.settings import Settings
from core.topics import SYNC_COMMANDS
from schemas.codec import Encoder, Record, SchemaSource, encoder, to_days, to_micros

_SEND_S = 10


@dataclass(frozen=True, slots=True)
class CommandOrder:
    """What to ask for. Without a `command_id` it gets one when it is sent."""

    type: str
    company_id: str
    entities: tuple[str, ...] = ()
    command_id: str = ""
    from_day: date | None = None
    to_day: date | None = None
    dry_run: bool = False
    reason: str | None = None
    target_id: str | None = None


def new_command_id() -> str:
    """An id that nobody has used."""
    return str(uuid4())


def command_record(order: CommandOrder, *, requested_by: str, at: datetime) -> Record:
    """The record that asks for it."""
    return {
        "command_id": order.command_id,
        "type": order.type,
        "company_id": order.company_id,
        "entities": list(order.entities),
        "from_date": None if order.from_day is None else to_days(order.from_day),
        "to_date": None if order.to_day is None else to_days(order.to_day),
        "dry_run": order.dry_run,
        "requested_by": requested_by,
        "requested_at": to_micros(at),
        "reason": order.reason,
        "target_id": order.target_id,
    }


class CommandSender:
    """Usable by several threads. Connects at the first command, so that a console starts without Kafka."""

    def __init__(self, settings: Settings, source: SchemaSource, clock: Clock) -> None:
        self._settings = settings
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self._encode: Encoder | None = None

    def send(self, order: CommandOrder, *, requested_by: str) -> str:
        """Blocks until the broker has it; its id. RetriableError if the broker does not take it in time."""
        order = replace(order, command_id=order.command_id or new_command_id())
        with self._lock:
            if self._encode is None or self._producer is None:
                self._encode = encoder(SYNC_COMMANDS, self._source)
                self._producer = Producer(producer_config(self._settings) | {"message.timeout.ms": _SEND_S * 1000})
            value = self._encode(command_record(order, requested_by=requested_by, at=self._clock.now()))
            record = Outgoing(SYNC_COMMANDS, order.company_id.encode(), value)
            try:
                deliver(self._producer, [record], timeout_s=_SEND_S + 1)
            except RetriableError as exc:
                raise RetriableError(
                    "Kafka does not take the command now: nothing was started. Try again in a moment."
                ) from exc
        return order.command_id
