"""How much is left to fetch, asked of the brokers by a client of its own: a consumer that hangs cannot tell."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec

from core.settings import Settings
from schemas.topic_setup import admin_client

_TIMEOUT_S = 5.0

Positions = Mapping[tuple[str, int], int]


class ReadableLag:
    """Compares positions with what a committed reader can still read; markers of transactions do not count."""

    def __init__(self, settings: Settings) -> None:
        self._admin = admin_client(settings)

    def of(self, positions: Positions) -> int | None:
        """Records that are committed and not fetched yet; None while the brokers do not answer. Blocks for seconds."""
        if not positions:
            return 0
        spec = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the client types its results only
        latest = {TopicPartition(topic, partition): spec for topic, partition in positions}
        try:
            found = self._admin.list_offsets(
                latest, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_TIMEOUT_S
            )
            ends: dict[tuple[str, int], int] = {
                (place.topic, place.partition): answer.result().offset for place, answer in found.items()
            }
        except KafkaException:
            return None
        return sum(max(0, ends[place] - position) for place, position in positions.items())
