"""Sends one record and waits for the broker's word: a failed delivery is an outage, never silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException

from core.dead_letters.letter import Headers
from core.errors import RetriableError

TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to send, partitioned by its key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)


class Sender(Protocol):
    """What this needs of a producer."""

    @property
    def produce(self) -> Callable[..., None]: ...

    @property
    def flush(self) -> Callable[[float], int]: ...


def send_acknowledged(producer: Sender, record: Outgoing) -> None:
    """Blocks until the broker has the record, and what was sent before it; RetriableError if it does not take it."""
    outcome: list[KafkaError | None] = []
    try:
        producer.produce(
            record.topic,
            key=record.key,
            value=record.value,
            headers=record.headers,
            on_delivery=lambda error, _: outcome.append(error),
        )
        producer.flush(TIMEOUT_S)
    except BufferError as exc:
        raise RetriableError("Kafka does not take records now: too many are waiting.") from exc
    except KafkaException as exc:
        raise _refused(record, exc.args[0]) from exc
    if not outcome:
        raise RetriableError(f"Kafka does not take records of {record.topic} now.")
    if outcome[0] is not None:
        raise _refused(record, outcome[0])


def _refused(record: Outgoing, error: KafkaError) -> RetriableError:
    return RetriableError(f"Kafka does not take a record of {record.topic} ({error.name()}).")
