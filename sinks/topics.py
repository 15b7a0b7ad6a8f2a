"""What the sink asks the brokers about its topics: ids, ends, how long deletions are kept, and all keys of a partition.

A topic that was deleted and created again has another id, and its offsets start anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, Protocol
from uuid import UUID

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicCollection
from confluent_kafka import TopicPartition as Assigned
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from core.errors import FatalError, RetriableError
from core.kafka.access import admin_client
from core.kafka.read import offsets_held, read_to_end, readable_ends, reading_config
from core.log import get_logger
from core.settings import Settings
from schemas.topics import CANONICAL_TOPICS, TOPICS
from sinks.left_overs import TopicKeys
from sinks.messages import TopicPartition

log = get_logger(__name__)

_TIMEOUT_S = 10
# Never a member of a group; the prefix is the one that a sink has rights on.
_READER = "protiv-sink-overdue"
_SETTING = "delete.retention.ms"


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
            raise RetriableError("The brokers do not answer which topics they hold.") from exc
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
    return f"The brokers do not answer which topics they hold: {error.str()}."


class OverdueTopics(Protocol):
    """The topics, as the overdue check needs them. Each raises RetriableError when the brokers do not answer."""

    def ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Where committed records end now."""

    def deletions_kept_s(self) -> dict[str, float]:
        """How long each topic keeps deletions, in seconds."""

    def keys(self, at: TopicPartition, stopped: Callable[[], bool]) -> TopicKeys | None:
        """All keys of a partition; None where it could not be read from its first record to its end."""


class KafkaOverdueTopics:
    """Asks the brokers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = admin_client(settings)

    def ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """See OverdueTopics."""
        ends = readable_ends(self._admin, partitions, timeout_s=_TIMEOUT_S)
        return {TopicPartition(*at): end for at, end in ends.items()}

    def deletions_kept_s(self) -> dict[str, float]:
        """See OverdueTopics; what `setup` gives the topics where the brokers do not answer."""
        kept = {spec.name: float(spec.config().get(_SETTING, 0)) / 1000 for spec in TOPICS}
        try:
            asked = [ConfigResource(ResourceType.TOPIC, topic) for topic in CANONICAL_TOPICS]
            for resource, future in self._admin.describe_configs(asked, request_timeout=_TIMEOUT_S).items():
                kept[resource.name] = int(future.result(_TIMEOUT_S + 5)[_SETTING].value) / 1000
        except (KafkaException, TimeoutError, LookupError, TypeError, ValueError) as exc:
            log.warning("deletion_retention_unknown", reason=str(exc))
        return kept

    def keys(self, at: TopicPartition, stopped: Callable[[], bool]) -> TopicKeys | None:
        """See OverdueTopics."""
        keys, ended = TopicKeys(), False

        def on_end(*_: object) -> None:
            nonlocal ended
            ended = True

        with closing(Consumer(reading_config(self._settings, _READER))) as consumer:
            if offsets_held(consumer, Assigned(*at))[0] != 0:
                # Compaction never moves the first offset: somebody removed records that may be live.
                return None
            try:
                starts = [Assigned(*at, OFFSET_BEGINNING)]
                read: Iterator[list[Any]] = read_to_end(consumer, starts, on_end=on_end, stopped=stopped)
                for messages in read:
                    keys.add(messages)
            except FatalError as exc:
                log.warning("partition_not_read_to_end", topic=at.topic, partition=at.partition, reason=str(exc))
                return None
        return keys if ended else None
