"""Kafka's own ids of topics: a topic that was deleted and created again has another one, and its offsets start anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, TopicCollection

from core.errors import RetriableError
from core.settings import Settings
from schemas.topic_setup import admin_client

_TIMEOUT_S = 10


class TopicIds(Protocol):
    """Where topic ids come from."""

    def current(self) -> dict[str, UUID]:
        """The ids by topic, asked now; RetriableError if the brokers do not answer or a topic is missing."""


class KafkaTopicIds:
    """The brokers' answer for a fixed list of topics."""

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        self._admin = admin_client(settings)
        self._topics = list(topics)

    def current(self) -> dict[str, UUID]:
        """See TopicIds."""
        try:
            futures = self._admin.describe_topics(TopicCollection(self._topics), request_timeout=_TIMEOUT_S)
            found = {topic: future.result(_TIMEOUT_S + 5).topic_id for topic, future in futures.items()}
        except KafkaException as exc:
            raise RetriableError(_sentence(exc.args[0])) from exc
        except TimeoutError as exc:
            raise RetriableError("The brokers do not say which topics they hold.") from exc
        return {
            topic: _uuid(each.get_most_significant_bits(), each.get_least_significant_bits())
            for topic, each in found.items()
        }


def _uuid(high: int, low: int) -> UUID:
    mask = 2**64 - 1
    return UUID(int=(high & mask) << 64 | (low & mask))


def _sentence(error: KafkaError) -> str:
    if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return "A canonical topic does not exist: run `protiv-buildertrend setup`."
    return f"The brokers do not say which topics they hold: {error.str()}."
