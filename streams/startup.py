"""What must be right before anything is read: topics as `setup` made them, the registry's schemas and their ids."""

from __future__ import annotations

import threading

from core.clock import Clock
from core.settings import Settings
from core.topics import DEAD_LETTERS
from schemas.catalogue import CANONICAL_TOPICS, RAW_TOPICS
from schemas.codec import SchemaSource
from schemas.stored_ids import check_stored_ids
from schemas.topic_setup import check_topics
from streams.records import Codecs
from streams.retry import Patience

# Services of a stack start in any order.
_START_PATIENCE_S = 120.0


def prepare(settings: Settings, registry: SchemaSource, clock: Clock, stop: threading.Event) -> Codecs:
    """Codecs for every topic. Blocks while a broker or the registry is away.

    Raises ConfigurationError for what somebody must set right, FatalError when something stays away.
    """

    def once() -> Codecs:
        check_topics(settings, [*RAW_TOPICS, *CANONICAL_TOPICS, DEAD_LETTERS])
        codecs = Codecs.load(registry)
        # The sink looks at the canonical ones: streams need not be let read them.
        check_stored_ids(settings, registry, RAW_TOPICS)
        return codecs

    return Patience(clock, stop, _START_PATIENCE_S).until_done(once)
