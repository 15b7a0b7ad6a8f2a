"""Delivers dead letters and waits until the brokers have them, before any offset passes the records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from core.clock import Clock
from core.dead_letters.letter import dead_letter
from core.errors import FatalError, RetriableError
from core.kafka.config import producer_config
from core.settings import Settings
from core.topics import DEAD_LETTERS
from sinks.messages import rejected
from sinks.read_rows import Rejection

STAGE = "sink"
_DELIVERY_TIMEOUT_S = 10
_CANNOT_EVER = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART}


class DeadLetters(Protocol):
    """Where refused records go."""

    def deliver(self, rejections: Sequence[Rejection]) -> None:
        """Block until all are safe; RetriableError if they may not be (then some may be there twice later)."""


class Delivery(Protocol):
    """The part of confluent_kafka.Producer that is needed here."""

    def produce(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Any, partition: int, on_delivery: Any
    ) -> None: ...
    def flush(self, timeout: float) -> int: ...


def dead_letter_producer(settings: Settings) -> Producer:
    """A producer that gives a dead letter up before the transaction that waits for it has been idle too long."""
    return Producer(
        # The record was below the brokers' limit; our headers must not push it over the client's own.
        producer_config(settings) | {"delivery.timeout.ms": _DELIVERY_TIMEOUT_S * 1000, "message.max.bytes": 10_000_000}
    )


class KafkaDeadLetters:
    """The topic integration.dead-letters. A dead letter keeps its partition: a company's stay in order."""

    def __init__(self, producer: Delivery, clock: Clock) -> None:
        """`producer`: see `dead_letter_producer`."""
        self._producer = producer
        self._clock = clock

    def deliver(self, rejections: Sequence[Rejection]) -> None:
        """See DeadLetters."""
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Any) -> None:
            if error is not None:
                failures.append(error)

        for rejection in rejections:
            self._produce(rejection, delivered)
        unsent = self._producer.flush(_DELIVERY_TIMEOUT_S + 5)
        for error in failures:
            raise _failed(error)
        if unsent:
            raise RetriableError("The brokers do not take dead letters now.")

    def _produce(self, rejection: Rejection, delivered: Any) -> None:
        record = rejected(rejection.message)
        letter = dead_letter(record, stage=STAGE, error=rejection.error, seen_at=self._clock.now())
        try:
            self._producer.produce(
                DEAD_LETTERS,
                key=letter.key,
                value=letter.value,
                headers=letter.headers,
                partition=record.partition,
                on_delivery=delivered,
            )
        except BufferError as exc:
            raise RetriableError("The brokers do not take dead letters fast enough.") from exc
        except KafkaException as exc:
            raise _failed(exc.args[0]) from exc


def _failed(error: KafkaError) -> FatalError | RetriableError:
    if error.fatal() or error.code() in _CANNOT_EVER:
        return FatalError(f"A dead letter cannot be delivered to {DEAD_LETTERS}: {error.str()}")
    return RetriableError(f"A dead letter was not delivered: {error.str()}")
