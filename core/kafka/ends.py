"""Where partitions end for a reader of committed records: open transactions and markers of ended ones do not count."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from core.errors import RetriableError

# Beyond the request's own time limit, for the client to pass the answer on.
_EXTRA_S = 5.0


def readable_ends(
    admin: AdminClient, partitions: Iterable[tuple[str, int]], *, timeout_s: float
) -> dict[tuple[str, int], int]:
    """The end of each (topic, partition). Blocks; RetriableError while the brokers do not answer."""
    latest = OffsetSpec.latest()
    asked = {TopicPartition(topic, partition): latest for topic, partition in partitions}
    try:
        futures = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=timeout_s)
        return {
            (each.topic, each.partition): future.result(timeout_s + _EXTRA_S).offset for each, future in futures.items()
        }
    except (KafkaException, TimeoutError) as exc:
        raise RetriableError("The brokers do not say where the topics end.") from exc
