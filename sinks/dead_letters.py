"""Delivers dead letters and waits until the brokers have them, before any offset passes the records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import Producer

from core.clock import Clock
from core.dead_letters.letter import dead_letter
from core.errors import FatalError
from core.kafka.config import producer_config
from core.kafka.delivery import Outgoing, Sender, UndeliverableError, deliver
from core.settings import Settings
from core.topics import DEAD_LETTERS
from sinks.messages import rejected
from sinks.read_rows import Rejection

STAGE = "sink"
_DELIVERY_TIMEOUT_S = 10


class DeadLetters(Protocol):
    """Where refused records go."""

    def deliver(self, rejections: Sequence[Rejection]) -> None:
        """Block until all are safe; RetriableError if they may not be (then some may be there twice later)."""


def dead_letter_producer(settings: Settings) -> Producer:
    """A producer that gives a dead letter up before the transaction that waits for it has been idle too long."""
    return Producer(
        # The record was below the brokers' limit; our headers must not push it over the client's own.
        producer_config(settings) | {"delivery.timeout.ms": _DELIVERY_TIMEOUT_S * 1000, "message.max.bytes": 10_000_000}
    )


class KafkaDeadLetters:
    """The topic integration.dead-letters. A dead letter keeps its partition: a company's stay in order."""

    def __init__(self, producer: Sender, clock: Clock) -> None:
        """`producer`: see `dead_letter_producer`."""
        self._producer = producer
        self._clock = clock

    def deliver(self, rejections: Sequence[Rejection]) -> None:
        """See DeadLetters."""
        letters = [self._letter(rejection) for rejection in rejections]
        try:
            deliver(self._producer, letters, timeout_s=_DELIVERY_TIMEOUT_S + 5)
        except UndeliverableError as exc:
            raise FatalError(f"A dead letter cannot be delivered. {exc}") from exc

    def _letter(self, rejection: Rejection) -> Outgoing:
        record = rejected(rejection.message)
        letter = dead_letter(record, stage=STAGE, error=rejection.error, seen_at=self._clock.now())
        return Outgoing(DEAD_LETTERS, letter.key, letter.value, letter.headers, record.partition)
