"""Sends sync commands to the poller, and keeps in the audit who asked for them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

from confluent_kafka import KafkaException, Producer

from core.clock import Clock
from core.errors import RetriableError
from core.kafka.config import producer_config
from core.settings import Settings
from core.topics import SYNC_COMMANDS
from schemas.codec import Encoder, SchemaSource, encoder, to_days, to_micros

_SEND_S = 10
_AWAY = "Kafka does not take the command now: nothing was started. Try again in a moment."


@dataclass(frozen=True, slots=True)
class Order:
    """What to ask the poller for; `reason` is for pauses."""

    type: str
    company_id: str
    requested_by: str
    entities: tuple[str, ...] = ()
    from_date: date | None = None
    to_date: date | None = None
    reason: str | None = None


class Sender:
    """Usable by several threads. Connects at the first command, so that a console starts without Kafka."""

    def __init__(self, settings: Settings, registry: SchemaSource, clock: Clock) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self._encode: Encoder | None = None

    def send(self, order: Order, command_id: str) -> None:
        """Blocks until the broker has it; RetriableError if it does not take it in time."""
        with self._lock:
            if self._encode is None or self._producer is None:
                self._encode = encoder(SYNC_COMMANDS, self._registry)
                self._producer = Producer(producer_config(self._settings) | {"message.timeout.ms": _SEND_S * 1000})
            failed: list[object] = []
            value = self._encode(self._record(order, command_id))
            try:
                self._producer.produce(
                    SYNC_COMMANDS,
                    key=order.company_id.encode(),
                    value=value,
                    on_delivery=lambda error, _: failed.append(error) if error else None,
                )
            except (BufferError, KafkaException) as exc:
                raise RetriableError(_AWAY) from exc
            if self._producer.flush(_SEND_S + 1) or failed:
                raise RetriableError(_AWAY)

    def _record(self, order: Order, command_id: str) -> dict[str, Any]:
        return {
            "command_id": command_id,
            "type": order.type,
            "company_id": order.company_id,
            "entities": list(order.entities),
            "from_date": None if order.from_date is None else to_days(order.from_date),
            "to_date": None if order.to_date is None else to_days(order.to_date),
            "dry_run": False,
            "requested_by": order.requested_by,
            "requested_at": to_micros(self._clock.now()),
            # Where this version's schema has the field.
            "reason": order.reason,
        }


def new_command_id() -> str:
    return str(uuid4())
