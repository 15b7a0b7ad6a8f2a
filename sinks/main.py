"""The sink's process: checks what it needs, then merges until it is asked to end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pyarrow as pa
from confluent_kafka import Consumer

from core.clock import Clock, SystemClock
from core.dead_letters.share import DeadLetterShare
from core.errors import RetriableError
from core.interpreter import search_garbage_rarely, switch_threads_quickly
from core.kafka.config import bulk_consumer_config
from core.log import configure_logging, get_logger
from core.metrics import MetricsServer
from core.settings import Settings
from core.signals import stop_event
from core.topics import DEAD_LETTERS
from schemas.catalogue import CANONICAL_TOPICS
from schemas.registry import ConfluentRegistry
from schemas.stored_ids import check_stored_ids
from schemas.topic_setup import check_topics
from sinks import metrics
from sinks.consumer import SinkLoop
from sinks.dead_letters import KafkaDeadLetters, dead_letter_producer
from sinks.lanes import Lanes
from sinks.migrate import check_migrated
from sinks.overdue.check import OverdueCheck
from sinks.overdue.rows import PostgresOverdueRows
from sinks.overdue.topics import KafkaOverdueTopics
from sinks.read_columns import ColumnarReader
from sinks.read_rows import RowReader
from sinks.status import GROUP
from sinks.topic_ids import KafkaTopicIds
from sinks.writer import PostgresStore

log = get_logger(__name__)

# Two backends of Postgres at work; with more, a machine of few cores is busy with changing between them.
_LANES = 2
# Objects of them: a batch's all live until it is committed.
_A_FEW_BATCHES = 100_000
_START_PATIENCE_S = 60.0
_START_PAUSE_S = 1.0


def run(settings: Settings) -> None:
    """Merge the canonical topics into Postgres until SIGTERM or SIGINT.

    Raises ConfigurationError for what somebody must set right, RetriableError if something is not there a minute
    after the start, FencedError when another sink took over.
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
    lanes = Lanes([build_loop(settings, registry, clock=clock, share=share) for _ in range(_LANES)])
    server = MetricsServer(
        settings.metrics_port, ready=lanes.ready, host=settings.metrics_host, why_not=lanes.why_not_ready
    )
    try:
        log.info("sink_started", metrics_port=server.port)
        patiently(lambda: check(settings, registry), stop, clock)
        lanes.run(stop)
        log.info("sink_ended")
    finally:
        server.close()


def dead_letter_share(clock: Clock) -> DeadLetterShare:
    """The share of a process, which all its lanes count in."""
    return DeadLetterShare(clock, on_parked=metrics.PARKED.set)


def build_loop(
    settings: Settings, registry: ConfluentRegistry, *, clock: Clock, share: DeadLetterShare, group: str = GROUP
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


def patiently(work: Callable[[], None], stop: threading.Event, clock: Clock) -> None:
    """Do `work`, again while something does not answer, for a minute: services of a stack start in any order."""
    give_up_at = clock.monotonic() + _START_PATIENCE_S
    while not stop.is_set():
        try:
            work()
        except RetriableError as exc:
            if clock.monotonic() >= give_up_at:
                raise
            log.warning("sink_cannot_start_yet", reason=str(exc))
            clock.wait(_START_PAUSE_S, stop)
        else:
            return
