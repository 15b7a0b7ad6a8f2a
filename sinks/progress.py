"""How far the sink has merged and how it does. The offsets in Postgres are the true ones; Kafka's are a copy, which
carries the reason when the sink waits, so that it can be asked while Postgres is away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException

from core.errors import RetriableError
from core.postgres import connect
from core.settings import Settings
from schemas.catalogue import CANONICAL_TOPICS
from schemas.topic_setup import admin_client
from sinks.database_errors import sorted_error
from sinks.statements import STORED_OFFSETS
from sinks.status import GROUP, Waiting
from sinks.writer import SESSION

_TIMEOUT_S = 15


def stored_offsets(database_url: str) -> dict[tuple[str, int], int]:
    """The next offset to merge by (topic, partition), of the newest creation of each topic.

    Raises RetriableError if Postgres does not answer, ConfigurationError before `setup`.
    """
    try:
        with connect(database_url, SESSION) as connection:
            return {
                (str(topic), int(partition)): int(offset)
                for topic, partition, offset in connection.execute(STORED_OFFSETS)
            }
    except psycopg.Error as exc:
        raise sorted_error(exc) from exc


@dataclass(frozen=True, slots=True)
class SinkCondition:
    """How many sinks are in the group, and why one of them waits (the longest waiting one, if several do)."""

    members: int
    waiting: Waiting | None

    @property
    def sentence(self) -> str:
        """For people; empty while all is well."""
        if not self.members:
            return "No sink is running: nothing reaches the tables."
        if self.waiting is None:
            return ""
        return f"The sink waits since {self.waiting.since.isoformat(timespec='seconds')}: {self.waiting.reason}"


def sink_condition(settings: Settings, group: str = GROUP, *, now: datetime | None = None) -> SinkCondition:
    """Asks the brokers alone. RetriableError if they do not answer. `now`: an announcement has a lifetime."""
    # The client has to live until its answers are here.
    admin = admin_client(settings)
    try:
        found = admin.describe_consumer_groups([group], request_timeout=_TIMEOUT_S)[group].result(_TIMEOUT_S)
        request = [ConsumerGroupTopicPartitions(group)]
        kept = admin.list_consumer_group_offsets(request, request_timeout=_TIMEOUT_S)[group].result(_TIMEOUT_S)
    except KafkaException as exc:
        raise RetriableError("No Kafka broker of KAFKA_BOOTSTRAP_SERVERS answers.") from exc
    at = now or datetime.now(UTC)
    said = [Waiting.decode(each.metadata, at) for each in kept.topic_partitions if each.topic in CANONICAL_TOPICS]
    waiting = min((each for each in said if each is not None), key=lambda each: each.since, default=None)
    return SinkCondition(len(found.members), waiting)
