"""The real topics in tests: a company's records as committed readers see them, commands as any service sends them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.cimpl import OFFSET_BEGINNING

from core.kafka.config import consumer_config, producer_config
from core.settings import Settings
from core.topics import SYNC_COMMANDS, SYNC_EVENTS
from schemas.codec import Decoder, SchemaSource, encoder

DEADLINE_S = 60


def committed(settings: Settings, topic: str) -> list[Message]:
    """Every record of a topic that a committed reader sees now."""
    consumer = Consumer(consumer_config(settings, "test-reader"))
    try:
        partitions = range(settings.entity_partitions)
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        return list(_until_all_ends(consumer, left=settings.entity_partitions))
    finally:
        consumer.close()


def _until_all_ends(consumer: Consumer, *, left: int) -> Iterator[Message]:
    deadline = time.monotonic() + DEADLINE_S
    while left and time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error() is None:
            yield message
        else:
            left -= 1
    assert not left, "The ends of the partitions did not come in time."


def of_company(messages: list[Message], company_id: str) -> list[Message]:
    """Those whose key is the company's, in the order of their partition."""
    prefix = company_id.encode()
    return [message for message in messages if (message.key() or b"").split(b"/")[0] == prefix]


def events_of(settings: Settings, source: SchemaSource, company_id: str) -> list[dict[str, Any]]:
    decode = Decoder(SYNC_EVENTS, source)
    return [decode(message.value() or b"") for message in of_company(committed(settings, SYNC_EVENTS), company_id)]


def send_command(settings: Settings, source: SchemaSource, body: dict[str, Any]) -> None:
    send_raw(settings, key=body["company_id"].encode(), value=encoder(SYNC_COMMANDS, source)(body))


def send_raw(settings: Settings, *, key: bytes | None, value: bytes | None) -> None:
    producer = Producer(producer_config(settings))
    producer.produce(SYNC_COMMANDS, key=key, value=value)
    assert producer.flush(30) == 0


def eventually(condition: Callable[[], bool], *, what: str) -> None:
    """Poll a condition until it holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"Not in time: {what}."
        time.sleep(0.05)


@contextmanager
def closing_consumer(consumer: Any) -> Iterator[Any]:
    try:
        yield consumer
    finally:
        consumer.close()
