"""What happens before the first record: topics, schemas and their ids are checked, assigned partitions are opened."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from core.clock import Clock
from core.dead_letters.share import DeadLetterShare
from core.retry import Patience
from core.settings import Settings
from core.topics import DEAD_LETTERS
from schemas.codec import SchemaSource
from schemas.stored_ids import check_stored_ids
from schemas.topic_setup import check_topics
from schemas.topics import CANONICAL_TOPICS, RAW_TOPICS
from streams.publisher import PartitionPublisher
from streams.records import Codecs
from streams.stage import PartitionStage
from streams.state.loader import StateLoader
from streams.state.partition import PartitionState

# Services of a stack start in any order.
_START_PATIENCE_S = 120.0
# Longer than a broker's restart, shorter than an outage that somebody should have noticed.
PATIENCE_S = 900.0
# The broker takes up to half a second for each.
_FENCED_AT_ONCE = 8


def prepare(settings: Settings, registry: SchemaSource, clock: Clock, stop: threading.Event) -> Codecs:
    """Check topics, schemas and schema ids; returns the codecs. Blocks while a broker or the registry is unavailable.

    Raises ConfigurationError for what must be corrected, FatalError when something stays unavailable.
    """

    def once() -> Codecs:
        check_topics(settings, [*RAW_TOPICS, *CANONICAL_TOPICS, DEAD_LETTERS])
        codecs = Codecs.load(registry)
        # The sink checks the canonical topics, so that streams need no permission to read them.
        check_stored_ids(settings, registry, RAW_TOPICS)
        return codecs

    return Patience(clock, stop, _START_PATIENCE_S).until_done(once)


@dataclass(frozen=True, slots=True)
class StageOpener:
    """Opens partitions: first every older writer is fenced, then the state is read, which nobody can change then."""

    settings: Settings
    group_id: str
    codecs: Codecs
    share: DeadLetterShare
    clock: Clock
    on_wait: Callable[[], None]

    def __call__(
        self, partitions: Collection[int], kept: Mapping[int, PartitionState], stop: threading.Event
    ) -> dict[int, PartitionStage]:
        """The stages, ready to process, with the states in `kept` brought up to date. Blocks while state is loaded.

        Once `stop` is set it ends early: with StoppedError, or with stages that must not process anything.
        """
        patience = Patience(self.clock, stop, PATIENCE_S, self.on_wait)
        publishers = self._fence(partitions, patience)
        loader = StateLoader(self.settings, self.group_id, self.codecs)
        states = loader.load(partitions, kept, patience, stopped=stop.is_set)
        stages = {
            partition: PartitionStage(
                partition, states[partition], publishers[partition], self.codecs, self.share, patience, self.clock
            )
            for partition in partitions
        }
        for stage in stages.values():
            stage.report_sizes()
        # The state lives long and has no cycles: the garbage collector need not search it again and again.
        gc.freeze()
        return stages

    def _fence(self, partitions: Collection[int], patience: Patience) -> dict[int, PartitionPublisher]:
        def open_one(partition: int) -> PartitionPublisher:
            return PartitionPublisher.open(self.settings, f"{self.group_id}-{partition}", partition, patience)

        with ThreadPoolExecutor(_FENCED_AT_ONCE) as pool:
            return dict(zip(partitions, pool.map(open_one, partitions), strict=True))
