"""Delivery: returns only when the broker has said yes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from core.errors import RetriableError
from core.kafka.delivery import Outgoing, deliver

RECORD = Outgoing("integration.dead-letters", b"k", b"v", [("a", b"1")])
Delivery = Callable[[KafkaError | None, object], None]


class FakeProducer:
    """Delivers at the flush with `error`, or never."""

    def __init__(self, *outcomes: KafkaError | None, refusal: Exception | None = None) -> None:
        self._outcomes = list(outcomes)
        self._refusal = refusal
        self._waiting: list[Delivery] = []
        self.produced: list[dict[str, Any]] = []

    def produce(self, topic: str, **record: Any) -> None:
        if self._refusal is not None:
            raise self._refusal
        self._waiting.append(record.pop("on_delivery"))
        self.produced.append({"topic": topic, **record})

    def flush(self, timeout: float) -> int:
        assert timeout > 0
        for report, error in zip(self._waiting, self._outcomes, strict=False):
            report(error, None)
        return len(self._waiting) - len(self._outcomes)


def test_deliver_returns_when_the_broker_has_it() -> None:
    producer = FakeProducer(None)
    deliver(producer, [RECORD])
    assert producer.produced == [
        {"topic": "integration.dead-letters", "key": b"k", "value": b"v", "headers": [("a", b"1")], "partition": -1}
    ]


@pytest.mark.parametrize(
    "producer",
    [
        FakeProducer(),
        FakeProducer(KafkaError(KafkaError._MSG_TIMED_OUT)),
        FakeProducer(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)),
        FakeProducer(refusal=BufferError()),
        FakeProducer(refusal=KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))),
    ],
)
def test_deliver_without_the_brokers_yes_is_an_outage(producer: FakeProducer) -> None:
    with pytest.raises(RetriableError, match="Kafka does not take"):
        deliver(producer, [RECORD])
