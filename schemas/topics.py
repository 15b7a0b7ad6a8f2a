"""The topics as they must exist: two for each entity, and those of commands, events and dead letters."""

from __future__ import annotations

from dataclasses import dataclass

from core import topics
from schemas.entities import ENTITIES

MEBIBYTE = 1024 * 1024
_DAY_MS = 86_400_000

RAW_TOPICS = tuple(entity.raw_topic for entity in ENTITIES)
CANONICAL_TOPICS = tuple(entity.canonical_topic for entity in ENTITIES)


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How a topic must exist: its partitions come from ENTITY_PARTITIONS, the rest from here.

    `retention_ms` is None for compacted topics. `has_schema` is false where values keep the schema of their origin.
    """

    name: str
    cleanup_policy: str
    retention_ms: int | None = None
    has_schema: bool = True
    max_message_bytes: int | None = None

    def config(self) -> dict[str, str]:
        """The topic's configuration as Kafka takes it."""
        config = {"cleanup.policy": self.cleanup_policy}
        if self.cleanup_policy == "compact":
            # A reader that was away for longer than this would never hear of a deletion.
            config["delete.retention.ms"] = str(30 * _DAY_MS)
        if self.retention_ms is not None:
            config["retention.ms"] = str(self.retention_ms)
        if self.max_message_bytes is not None:
            config["max.message.bytes"] = str(self.max_message_bytes)
        return config


TOPICS = (
    *(TopicSpec(name, "compact") for name in (*RAW_TOPICS, *CANONICAL_TOPICS)),
    TopicSpec(topics.SYNC_COMMANDS, "delete", 14 * _DAY_MS),
    TopicSpec(topics.SYNC_EVENTS, "delete", 30 * _DAY_MS),
    # A dead letter is its record and our headers: it must fit also where the record was as big as its topic takes.
    TopicSpec(topics.DEAD_LETTERS, "delete", 30 * _DAY_MS, has_schema=False, max_message_bytes=2 * MEBIBYTE),
)
SCHEMA_TOPICS = tuple(spec.name for spec in TOPICS if spec.has_schema)
