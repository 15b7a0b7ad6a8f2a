"""Reads partitions from given offsets to the end that each has when it is reached: the end is known past markers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from core.errors import FatalError, RetriableError
from core.kafka.config import ClientConfig, bulk_consumer_config
from core.settings import Settings

BATCH = 5_000
_POLL_S = 0.05
_SILENCE_LIMIT_S = 60.0

Place = tuple[str, int]


def reading_config(settings: Settings, group_id: str) -> ClientConfig:
    """A committed reader for `read_to_end`; it joins no group and commits nothing."""
    # The end of a partition is reported with the answer to a fetch, which an idle broker would hold back for half a
    # second each time.
    return bulk_consumer_config(settings, group_id) | {"fetch.wait.max.ms": 10}


def read_to_end(
    consumer: Consumer,
    starts: Collection[TopicPartition],
    *,
    on_progress: Callable[[], None] = lambda: None,
    on_end: Callable[[Place, int], None] = lambda *_: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[list[Message]]:
    """Records in bulk; the consumer is assigned here and must report ends (`enable.partition.eof`).

    Blocks; ends early when `stopped` says so. `on_progress` is called after every look, `on_end` with each place's end,
    which may lie behind its last record. RetriableError when the brokers are silent for a minute, FatalError when they
    refuse.
    """
    consumer.assign(list(starts))
    open_places: set[Place] = {(start.topic, start.partition) for start in starts}
    heard_at = time.monotonic()
    while open_places and not stopped():
        heard = _consume(consumer)
        if heard:
            heard_at = time.monotonic()
        records = [message for message in heard if message.error() is None]
        if records:
            yield records
        if len(records) < len(heard):
            ended = _ended(heard)
            open_places -= ended.keys()
            for place, end in ended.items():
                on_end(place, end)
        on_progress()
        if time.monotonic() - heard_at > _SILENCE_LIMIT_S:
            raise RetriableError("Kafka is silent while topics are read.")


def _consume(consumer: Consumer) -> list[Message]:
    try:
        return consumer.consume(BATCH, timeout=_POLL_S)
    except KafkaException as exc:
        raise RetriableError(f"The topics cannot be read now ({exc.args[0].name()}).") from exc


def _ended(heard: Collection[Message]) -> dict[Place, int]:
    ended: dict[Place, int] = {}
    for message in heard:
        error = message.error()
        if error is None:
            continue
        if error.code() == KafkaError._PARTITION_EOF:
            ended[place_of(message)] = message.offset() or 0
        elif error.fatal() or not error.retriable():
            raise FatalError(_why_not(message.topic() or "", error))
    return ended


def _why_not(topic: str, error: KafkaError) -> str:
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        return (
            f"Topic {topic} does not hold the offsets from which it was to be read: it was made anew, or records were "
            "deleted before they were read. docs/runbooks/topic-recreated.md says how to go on."
        )
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return f"Topic {topic} may not be read: give the user of KAFKA_SASL_USERNAME an ACL (Read) on it."
    return f"The topics cannot be read ({error.name()})."


def place_of(message: Message) -> Place:
    """The topic and partition that a message was read from or written to."""
    return message.topic() or "", message.partition() or 0
