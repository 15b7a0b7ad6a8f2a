"""The sink's process: checks what it needs, then merges until it is asked to end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Protocol

import pyarrow as pa
from confluent_kafka import Consumer

from core.clock import Clock, SystemClock
from core.dead_letters.share import DeadLetterShare
from core.errors import StoppedError
from core.kafka.config import bulk_consumer_config
from core.kafka.groups import SINK_GROUP
from core.log import configure_logging, get_logger
from core.metrics import MetricsServer
from core.process import search_garbage_rarely, stop_event, switch_threads_quickly
from core.retry import Patience
from core.settings import Settings
from core.topics import DEAD_LETTERS
from schemas.registry import ConfluentRegistry
from schemas.stored_ids import check_stored_ids
from schemas.topic_setup import check_topics
from schemas.topics import CANONICAL_TOPICS
from sinks import metrics
from sinks.consumer import SinkLoop
from sinks.dead_letters import KafkaDeadLetters, dead_letter_producer
from sinks.left_overs import PostgresOverdueRows
from sinks.migrate import check_migrated
from sinks.overdue_check import OverdueCheck
from sinks.read_columns import ColumnarReader
from sinks.read_rows import RowReader
from sinks.topics import KafkaOverdueTopics, KafkaTopicIds
from sinks.writer import PostgresStore

log = get_logger(__name__)

# Two backends of Postgres at work; with more, a machine of few cores spends its time switching between them.
_LOOPS = 2
# Objects of so many batches: all of a batch live until it is committed.
_A_FEW_BATCHES = 100_000
_START_PATIENCE_S = 60.0


def run(settings: Settings) -> None:
    """Merge the canonical topics into Postgres until SIGTERM or SIGINT.

    Raises ConfigurationError for what somebody must correct, FatalError if something is not there a minute after the
    start, FencedError when another sink took over.
    """
    settings.require("kafka_bootstrap_servers", "schema_registry_url", "database_url")
    configure_logging(settings, process="sink")
    switch_threads_quickly()
    search_garbage_rarely(_A_FEW_BATCHES)
    # Arrow's own allocator keeps what it freed for the next batch: a seventh of the process's memory.
    pa.set_memory_pool(pa.system_memory_pool())
    stop = stop_event()
    clock = SystemClock()
    registry = ConfluentRegistry(settings)
    share = dead_letter_share(clock)
    loops = ParallelLoops([build_loop(settings, registry, clock=clock, share=share) for _ in range(_LOOPS)])
    server = MetricsServer(
        settings.metrics_port, ready=loops.ready, host=settings.metrics_host, why_not=loops.why_not_ready
    )
    try:
        log.info("sink_started", metrics_port=server.port)
        # Services of a stack start in any order.
        Patience(clock, stop, _START_PATIENCE_S).until_done(lambda: check(settings, registry))
        loops.run(stop)
        log.info("sink_ended")
    except StoppedError:
        log.info("sink_ended_before_start")
    finally:
        server.close()


class Loop(Protocol):
    """The part of SinkLoop that is run here."""

    @property
    def waits(self) -> bool: ...
    def why_not_ready(self) -> str: ...
    def run(self, stop: threading.Event) -> None: ...


class ParallelLoops:
    """Loops that begin and end together: when one ends, all end, and the process with them.

    Each is a member of the group with its own partitions, consumer and connection. A merge is one backend's work:
    two backends merge twice as much, as two tasks of Kafka Connect do.
    """

    def __init__(self, loops: Sequence[Loop]) -> None:
        self._loops = loops

    def ready(self) -> bool:
        """Whether every loop has its partitions (be it none) and nothing that one of them needs is away."""
        return self.why_not_ready() == ""

    def why_not_ready(self) -> str:
        """A sentence about what is waited for; empty when all loops are at work."""
        return next((reason for loop in self._loops if (reason := loop.why_not_ready())), "")

    def run(self, stop: threading.Event) -> None:
        """Merge until `stop` is set, here or because a loop failed. Raises what the first one raised."""
        metrics.OUTAGE.set_function(lambda: float(any(loop.waits for loop in self._loops)))
        with ThreadPoolExecutor(len(self._loops), thread_name_prefix="sink-loop") as threads:
            for ended in as_completed([threads.submit(_run_until, stop, loop) for loop in self._loops]):
                ended.result()


def _run_until(stop: threading.Event, loop: Loop) -> None:
    try:
        loop.run(stop)
    finally:
        stop.set()


def dead_letter_share(clock: Clock) -> DeadLetterShare:
    """The share of a process, which all its loops count in."""
    return DeadLetterShare(clock, on_parked=metrics.PARKED.set)


def build_loop(
    settings: Settings, registry: ConfluentRegistry, *, clock: Clock, share: DeadLetterShare, group: str = SINK_GROUP
) -> SinkLoop:
    """A sink from settings, as a member of `group`. Two groups must not write to one database."""
    store = PostgresStore(
        settings.database_url.get_secret_value(),
        reader=ColumnarReader(registry, RowReader(registry)),
        dead_letters=KafkaDeadLetters(dead_letter_producer(settings), clock),
        share=share,
    )
    topic_ids = KafkaTopicIds(settings, CANONICAL_TOPICS)
    rows = PostgresOverdueRows(store, settings.entity_partitions)
    return SinkLoop(
        Consumer(bulk_consumer_config(settings, group)),
        store,
        topic_ids,
        clock=clock,
        overdue=OverdueCheck(KafkaOverdueTopics(settings), rows, topic_ids, clock),
    )


def check(settings: Settings, registry: ConfluentRegistry) -> None:
    """Raises ConfigurationError if `setup` must be run, RetriableError if something does not answer."""
    check_migrated(settings.database_url.get_secret_value())
    check_topics(settings, [*CANONICAL_TOPICS, DEAD_LETTERS])
    for topic in CANONICAL_TOPICS:
        registry.schema_by_id(registry.id_of(topic))
    check_stored_ids(settings, registry, CANONICAL_TOPICS)
