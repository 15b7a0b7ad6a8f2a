"""How far streams and sink are behind: counted in records that a committed reader can still read, markers left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from core.errors import RetriableError
from core.kafka import consumer_config
from core.settings import Settings
from schemas.catalogue import CANONICAL_TOPICS, RAW_TOPICS
from schemas.topic_setup import admin_client
from sinks.progress import stored_offsets

STREAMS_GROUP = "protiv-streams"
_TIMEOUT_S = 15

Position = tuple[str, int]


def streams_are_behind(settings: Settings) -> bool:
    """True while a raw record is not processed yet."""
    return has_unread(settings, committed_offsets(settings, STREAMS_GROUP, RAW_TOPICS))


def sink_is_behind(settings: Settings) -> bool:
    """True while a canonical record is not in Postgres yet."""
    stored = stored_offsets(settings.database_url.get_secret_value())
    partitions = range(settings.entity_partitions)
    return has_unread(settings, {(t, p): stored.get((t, p)) for t in CANONICAL_TOPICS for p in partitions})


def committed_offsets(settings: Settings, group: str, topics: Collection[str]) -> dict[Position, int | None]:
    """What a consumer group has committed, by partition; None where nothing is."""
    wanted = [TopicPartition(topic, p) for topic in topics for p in range(settings.entity_partitions)]
    try:
        request = ConsumerGroupTopicPartitions(group, wanted)
        # The client has to live until its answer is here: a future of one that is gone never ends.
        admin = admin_client(settings)
        answer = admin.list_consumer_group_offsets([request], request_timeout=_TIMEOUT_S)
        found = answer[group].result(_TIMEOUT_S).topic_partitions
    except KafkaException as exc:
        raise RetriableError("No Kafka broker of KAFKA_BOOTSTRAP_SERVERS answers.") from exc
    return {(item.topic, item.partition): item.offset if item.offset >= 0 else None for item in found}


def has_unread(settings: Settings, positions: Mapping[Position, int | None]) -> bool:
    """True if a committed record stands at or behind one of the positions (None: the beginning).

    The end offset does not tell: behind the last record of a transaction stands a marker that nobody ever reads.
    """
    waiting = set(positions)
    # The end of a partition is reported with the answer to a fetch, which an idle broker holds back for this long.
    config = consumer_config(settings, "protiv-cli-lag") | {"fetch.wait.max.ms": 10}
    with closing(Consumer(config)) as consumer:
        consumer.assign(
            [TopicPartition(t, p, OFFSET_BEGINNING if at is None else at) for (t, p), at in positions.items()]
        )
        while waiting:
            message = consumer.poll(_TIMEOUT_S)
            if message is None:
                raise RetriableError("No Kafka broker of KAFKA_BOOTSTRAP_SERVERS answers.")
            error = message.error()
            if error is None:
                return True
            if error.code() == KafkaError._PARTITION_EOF:
                waiting.discard((message.topic() or "", message.partition() or 0))
            elif error.fatal():
                raise RetriableError(f"Offsets cannot be read now ({error.name()}).")
    return False
