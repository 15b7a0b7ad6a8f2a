"""A sink on the real broker, registry and Postgres: a database and a group of its own, companies of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from confluent_kafka import Producer
from psycopg.rows import DictRow

from core.clock import SystemClock
from core.errors import IntegrationError
from core.kafka.config import producer_config
from core.kafka.record_headers import RecordHeaders
from core.settings import Settings
from core.topics import entity_key, partition_for
from schemas.codec import Record, encoder
from schemas.entities import TIME_ENTRIES, Entity
from schemas.registry import ConfluentRegistry
from sinks.main import build_loop, dead_letter_share
from tests.contract.sinks.fix_postgres import rows
from tests.fix_stack import Stack

DEADLINE_S = 90.0
RUN = "from core.settings import load_settings; from sinks.main import run; run(load_settings())"


@dataclass(slots=True)
class Publisher:
    """Publishes canonical records of one company, as streams would."""

    settings: Settings
    registry: ConfluentRegistry
    company_id: str = field(default_factory=lambda: f"co-{uuid.uuid4().hex[:10]}")
    producer: Producer = field(init=False)

    def __post_init__(self) -> None:
        self.producer = Producer(producer_config(self.settings))

    def publish(self, content: Record, *, entity: Entity = TIME_ENTRIES) -> None:
        own = content | {"company_id": self.company_id}
        value = encoder(entity.canonical_topic, self.registry)(own)
        self.put(entity, str(own[entity.id_field]), value, int(own["version"]))

    def put(self, entity: Entity, entity_id: str, value: bytes | None, version: int) -> None:
        self.producer.produce(
            entity.canonical_topic,
            key=entity_key(self.company_id, entity_id),
            value=value,
            headers=list(RecordHeaders(version, "run-1", self.company_id).encode()),
            partition=partition_for(self.company_id, self.settings.entity_partitions),
        )

    def publish_many(self, contents: list[Record], *, entity: Entity = TIME_ENTRIES) -> None:
        encode = encoder(entity.canonical_topic, self.registry)
        for content in contents:
            own = content | {"company_id": self.company_id}
            self.put(entity, str(own[entity.id_field]), encode(own), int(own["version"]))
            self.producer.poll(0)
        self.flush()

    def flush(self) -> None:
        assert self.producer.flush(30) == 0

    def rows(self, *, table: str = "time_entries") -> list[DictRow]:
        url = self.settings.database_url.get_secret_value()
        return rows(url, f"SELECT * FROM protiv.{table} WHERE company_id = %s ORDER BY 1, 2", self.company_id)

    def count(self) -> int:
        return len(self.rows())


@pytest.fixture
def sink_settings(stack: Stack, database_url: str) -> Settings:
    """The stack with the database of the sink's tests."""
    return stack.with_settings(database_url=database_url)


@pytest.fixture
def publisher(sink_settings: Settings, stack: Stack) -> Publisher:
    return Publisher(sink_settings, stack.registry)


@dataclass(slots=True)
class RunningSink:
    """A sink in a thread of the test."""

    settings: Settings
    registry: ConfluentRegistry
    group: str
    stop: threading.Event = field(default_factory=threading.Event)
    failure: IntegrationError | None = None
    thread: threading.Thread = field(init=False)
    ready: Callable[[], bool] = field(init=False)
    why_not_ready: Callable[[], str] = field(init=False)

    def start(self) -> RunningSink:
        loop = build_loop(
            self.settings, self.registry, clock=SystemClock(), share=dead_letter_share(SystemClock()), group=self.group
        )
        self.ready, self.why_not_ready = loop.ready, loop.why_not_ready

        def run() -> None:
            try:
                loop.run(self.stop)
            except IntegrationError as exc:
                self.failure = exc

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        return self

    def end(self) -> None:
        self.stop.set()
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()


@pytest.fixture
def start_sink(sink_settings: Settings, stack: Stack) -> Iterator[Callable[[], RunningSink]]:
    """Starts sinks of one group; those still running at the end of the test are ended."""
    group = f"sink-test-{uuid.uuid4().hex[:8]}"
    started: list[RunningSink] = []

    def start() -> RunningSink:
        started.append(RunningSink(sink_settings, stack.registry, group).start())
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.fixture
def start_process(sink_settings: Settings) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts sinks as processes, by default the real one; those still there at the end of the test are killed."""
    secret = {"database_url", "schema_registry_url"}
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": sink_settings.kafka_bootstrap_servers,
        "ENTITY_PARTITIONS": str(sink_settings.entity_partitions),
        "TOPIC_REPLICATION": "1",
        "METRICS_PORT": "0",
        **{name.upper(): getattr(sink_settings, name).get_secret_value() for name in secret},
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(*program: str, **more: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, *(program or ("-c", RUN))], env=environment | more))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(DEADLINE_S)


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.05)
