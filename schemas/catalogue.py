"""Where older modules import the declarations from; `schemas.entities` and `schemas.topics` have them."""

from __future__ import annotations

from schemas.entities import (
    BUDGETS,
    COST_CODES,
    ENTITIES,
    ENTITY_BY_NAME,
    JOBS,
    TIME_ENTRIES,
    USERS,
    Entity,
)
from schemas.sync_events import TERMINAL_EVENTS
from schemas.topics import CANONICAL_TOPICS, MEBIBYTE, RAW_TOPICS, SCHEMA_TOPICS, TOPICS, TopicSpec

__all__ = [
    "BUDGETS",
    "CANONICAL_TOPICS",
    "COST_CODES",
    "ENTITIES",
    "ENTITY_BY_NAME",
    "JOBS",
    "MEBIBYTE",
    "RAW_TOPICS",
    "SCHEMA_TOPICS",
    "TERMINAL_EVENTS",
    "TIME_ENTRIES",
    "TOPICS",
    "USERS",
    "Entity",
    "TopicSpec",
]
