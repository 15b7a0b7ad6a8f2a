"""The five entities and the thirteen topics, declared once; everything else loops over these tables."""

from __future__ import annotations

from dataclasses import dataclass

from core import topics

MEBIBYTE = 1024 * 1024
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Entity:
    """One of the five kinds that Buildertrend keeps.

    `name` is used in topics, commands and pages, `table` in Postgres, `id_field` is the canonical record's own id.
    """

    name: str
    table: str
    id_field: str

    @property
    def raw_topic(self) -> str:
        return topics.RAW_PREFIX + self.name

    @property
    def canonical_topic(self) -> str:
        return topics.CANONICAL_PREFIX + self.name


JOBS = Entity("jobs", "jobs", "job_id")
TIME_ENTRIES = Entity("time-entries", "time_entries", "time_entry_id")
BUDGETS = Entity("budgets", "budgets", "budget_id")
USERS = Entity("users", "users", "user_id")
COST_CODES = Entity("cost-codes", "cost_codes", "cost_code_id")

ENTITIES = (JOBS, USERS, COST_CODES, BUDGETS, TIME_ENTRIES)
ENTITY_BY_NAME = {entity.name: entity for entity in ENTITIES}
RAW_TOPICS = tuple(entity.raw_topic for entity in ENTITIES)
CANONICAL_TOPICS = tuple(entity.canonical_topic for entity in ENTITIES)

# Every command gets exactly one event of these types.
TERMINAL_EVENTS = frozenset({"completed", "failed", "rejected", "cancelled"})


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
