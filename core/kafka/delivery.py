"""Sends records outside a transaction and waits until brokers have them: a failed delivery is never silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException

from core.dead_letters.letter import Headers
from core.errors import RetriableError
from core.kafka.errors import Meaning, meaning_of

TIMEOUT_S = 30.0
_BY_KEY = -1
# A person must change a right, a topic or a limit first.
_UNDELIVERABLE = frozenset({Meaning.RECORD_REFUSED, Meaning.NO_SUCH_TOPIC})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to send, partitioned by its key unless a partition is given."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)
    partition: int = _BY_KEY


class UndeliverableError(RetriableError):
    """Brokers do not take the record as things are: a person must change a right, a topic or a limit first."""


class Sender(Protocol):
    """What this needs of a producer."""

    @property
    def produce(self) -> Callable[..., None]: ...

    @property
    def flush(self) -> Callable[[float], int]: ...


def deliver(producer: Sender, records: Sequence[Outgoing], *, timeout_s: float = TIMEOUT_S) -> None:
    """Blocks until brokers have all records, and what was sent before them; RetriableError if they may not.

    Some may then be there twice later. UndeliverableError if trying again is in vain.
    """
    outcomes: list[KafkaError | None] = []

    def note(error: KafkaError | None, _message: Any) -> None:
        outcomes.append(error)

    for record in records:
        _send(producer, record, note)
    producer.flush(timeout_s)
    for error in outcomes:
        if error is not None:
            raise _refused(records[0].topic, error)
    if len(outcomes) < len(records):
        raise RetriableError(f"Kafka does not take records of {records[0].topic} now.")


def _send(producer: Sender, record: Outgoing, note: Callable[[KafkaError | None, Any], None]) -> None:
    try:
        producer.produce(
            record.topic,
            key=record.key,
            value=record.value,
            headers=record.headers,
            partition=record.partition,
            on_delivery=note,
        )
    except BufferError as exc:
        raise RetriableError("Kafka does not take records now: too many are waiting.") from exc
    except KafkaException as exc:
        raise _refused(record.topic, exc.args[0]) from exc


def _refused(topic: str, error: KafkaError) -> RetriableError:
    sentence = f"Kafka does not take a record of {topic} ({error.name()})."
    is_final = error.fatal() or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    if is_final or meaning_of(error) in _UNDELIVERABLE:
        return UndeliverableError(sentence)
    return RetriableError(sentence)
