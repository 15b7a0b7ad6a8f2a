"""Reads partitions to the end that each has when it is reached, committed records only.

That end is reported by the client (`enable.partition.eof`), so it is known also where markers of transactions, or
records of open ones, lie behind the last record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from core.errors import FatalError, RetriableError
from core.kafka.access import NO_BROKER
from core.kafka.config import ClientConfig, bulk_consumer_config
from core.kafka.errors import Meaning, meaning_of
from core.settings import Settings

BATCH = 5_000
_POLL_S = 0.05
_SILENCE_LIMIT_S = 60.0
_TIMEOUT_S = 15
# Beyond the request's own time limit, for the client to pass the answer on.
_EXTRA_S = 5.0

PartitionKey = tuple[str, int]
"""A topic and the number of one of its partitions."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies, and when its producer sent it."""

    topic: str
    partition: int
    offset: int
    at: datetime


def place_of(message: Message) -> Place:
    """The place of a record that was read."""
    at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
    return Place(message.topic() or "", message.partition() or 0, message.offset() or 0, at)


def partition_of(message: Message) -> PartitionKey:
    """The topic and partition that a message was read from or written to."""
    return message.topic() or "", message.partition() or 0


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
    on_end: Callable[[PartitionKey, int], None] = lambda *_: None,
    stopped: Callable[[], bool] = lambda: False,
    silence_limit_s: float = _SILENCE_LIMIT_S,
) -> Iterator[list[Message]]:
    """Records in bulk; the consumer is assigned here and must report ends (`enable.partition.eof`).

    Blocks; ends early when `stopped` says so. `on_progress` is called after every look, `on_end` with each partition's
    end, which may lie behind its last record. RetriableError when no broker answers or all are silent for so long,
    FatalError when they refuse.
    """
    consumer.assign(list(starts))
    unread: set[PartitionKey] = {(start.topic, start.partition) for start in starts}
    heard_at = time.monotonic()
    while unread and not stopped():
        heard = _consume(consumer)
        if heard:
            heard_at = time.monotonic()
        records = [message for message in heard if message.error() is None]
        if records:
            yield records
        if len(records) < len(heard):
            ended = _ended(heard)
            unread -= ended.keys()
            for each, end in ended.items():
                on_end(each, end)
        on_progress()
        if time.monotonic() - heard_at > silence_limit_s:
            raise RetriableError("Kafka is silent while topics are read.")


def _consume(consumer: Consumer) -> list[Message]:
    try:
        return consumer.consume(BATCH, timeout=_POLL_S)
    except KafkaException as exc:
        raise RetriableError(f"The topics cannot be read now ({exc.args[0].name()}).") from exc


def _ended(heard: Collection[Message]) -> dict[PartitionKey, int]:
    ended: dict[PartitionKey, int] = {}
    for message in heard:
        error = message.error()
        if error is None:
            continue
        meaning = meaning_of(error)
        if meaning is Meaning.END_OF_PARTITION:
            ended[partition_of(message)] = message.offset() or 0
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            raise RetriableError(f"{NO_BROKER} ({error.name()})")
        elif meaning is not Meaning.OUTAGE:
            raise FatalError(_why_not(message.topic() or "", error))
    return ended


def _why_not(topic: str, error: KafkaError) -> str:
    if meaning_of(error) is Meaning.OFFSET_LOST:
        return (
            f"Topic {topic} does not hold the offsets from which it was to be read: it was made anew, or records were "
            "deleted before they were read. docs/runbooks/topic-recreated.md says how to go on."
        )
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return f"Topic {topic} may not be read: give the user of KAFKA_SASL_USERNAME an ACL (Read) on it."
    return f"The topics cannot be read ({error.name()})."


def read_partition(
    settings: Settings, topic: str, partition: int, *, since: datetime | None = None
) -> Iterator[Message]:
    """Every committed record up to the end that the partition has now, from `since` (its producer's clock) on.

    Blocks; RetriableError if the brokers do not let it be read. About 50,000 records a second.
    """
    with closing(Consumer(reading_config(settings, "protiv-partition"))) as consumer:
        place = TopicPartition(topic, partition)
        try:
            starts = [beginning(consumer, place)] if since is None else starts_since(consumer, [place], since)
            for batch in read_to_end(consumer, starts, silence_limit_s=_TIMEOUT_S):
                yield from batch
        except FatalError as exc:
            raise RetriableError(str(exc)) from exc


def starts_since(consumer: Consumer, places: Collection[TopicPartition], since: datetime) -> list[TopicPartition]:
    """The first record of each partition that was sent at `since` or later; where there is none, its end.

    RetriableError if the brokers do not answer.
    """
    since_ms = int(since.timestamp() * 1000)
    wanted = [TopicPartition(place.topic, place.partition, since_ms) for place in places]
    try:
        return consumer.offsets_for_times(wanted, timeout=_TIMEOUT_S)
    except KafkaException as exc:
        raise RetriableError(NO_BROKER) from exc


def beginning(consumer: Consumer, place: TopicPartition) -> TopicPartition:
    """The first record there is. RetriableError if the brokers do not answer.

    Asked for at once: a client that is told to find it by itself first waits for half a second.
    """
    return TopicPartition(place.topic, place.partition, offsets_held(consumer, place)[0])


def offsets_held(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """The offsets of a partition's first record and behind its last. RetriableError if the brokers do not answer."""
    try:
        found = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
    except KafkaException as exc:
        raise RetriableError(NO_BROKER) from exc
    if found is None:
        raise RetriableError(NO_BROKER)
    return found


def readable_ends(
    admin: AdminClient, partitions: Iterable[PartitionKey], *, timeout_s: float
) -> dict[PartitionKey, int]:
    """The end of each partition for a reader of committed records. Blocks; RetriableError: the brokers do not answer.

    Open transactions and markers of ended ones do not count.
    """
    latest = OffsetSpec.latest()
    asked = {TopicPartition(topic, partition): latest for topic, partition in partitions}
    try:
        futures = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=timeout_s)
        return {
            (each.topic, each.partition): future.result(timeout_s + _EXTRA_S).offset for each, future in futures.items()
        }
    except (KafkaException, TimeoutError) as exc:
        raise RetriableError("The brokers do not say where the topics end.") from exc
