"""The streams process as a child, a writer of raw records in transactions, and a reader of what was committed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

from core.dead_letters.letter import header_list
from core.kafka.config import consumer_config, transactional_config
from core.kafka.groups import STREAMS_GROUP
from core.kafka.record_headers import RecordHeaders
from core.settings import Settings, reveal
from core.topics import DEAD_LETTERS, partition_for
from schemas.codec import Decoder, Record, SchemaSource
from schemas.topics import CANONICAL_TOPICS, RAW_TOPICS
from streams.records import RawRecord
from tests.unit.streams.fakes import Published

DEADLINE_S = 60.0
_PROGRAM = "from core.settings import load_settings; from streams.main import run; run(load_settings())"
_PASSED_ON = ("kafka_bootstrap_servers", "schema_registry_url", "entity_partitions", "topic_replication")


class StreamsProcess:
    """A streams process; its log is kept in a file so that a failing test can show it."""

    def __init__(self, settings: Settings, **environment: str) -> None:
        self.port = _free_port()
        self.log = Path(tempfile.mkstemp(suffix=".log")[1])
        passed_on = {name.upper(): str(reveal(getattr(settings, name))) for name in _PASSED_ON}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM],
                env={**os.environ, **passed_on, "METRICS_PORT": str(self.port), **environment},
                stderr=log,
            )

    def wait_ready(self) -> StreamsProcess:
        eventually(self._ready, lambda: f"streams are not ready:\n{self.log.read_text()}")
        return self

    def wait_ended(self) -> int:
        return self.process.wait(DEADLINE_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """Its exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_ended()

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            return str(answer.read().decode())

    def close(self) -> None:
        """Stop it if it runs, with SIGTERM: a killed member would keep its partitions for ten seconds."""
        if self.process.poll() is None:
            self.terminate()
        self.log.unlink()

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return self.is_ready()

    def is_ready(self) -> bool:
        """Whether its readiness probe succeeds; False also where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ready"):
                return True
        except OSError:
            return False


class RawWriter:
    """Writes raw records as a poller does: in transactions that are committed, aborted or left open."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._producer = Producer(transactional_config(settings, f"test-{name}"))
        self._producer.init_transactions(30)

    def write(self, *records: RawRecord) -> None:
        """One committed transaction."""
        self._producer.begin_transaction()
        self._produce(records)
        self._producer.commit_transaction(30)

    def write_aborted(self, *records: RawRecord) -> None:
        """One transaction that reached the log and was given up."""
        self._producer.begin_transaction()
        self._produce(records)
        self._producer.flush(30)
        self._producer.abort_transaction(30)

    def _produce(self, records: tuple[RawRecord, ...]) -> None:
        for raw in records:
            self._producer.produce(
                raw.entity.raw_topic, key=raw.key, value=raw.value, headers=list(raw.headers), partition=raw.partition
            )
            self._producer.poll(0)


class CanonicalReader:
    """Reads one company's canonical records and dead letters from the beginning, committed ones only."""

    def __init__(self, settings: Settings, source: SchemaSource, company_id: str) -> None:
        self._settings = settings
        self._consumer = Consumer(consumer_config(settings, f"test-{company_id}"))
        self._partition = partition_for(company_id, settings.entity_partitions)
        self._consumer.assign(
            [TopicPartition(topic, self._partition, OFFSET_BEGINNING) for topic in (*CANONICAL_TOPICS, DEAD_LETTERS)]
        )
        self._prefix = f"{company_id}/".encode()
        self._decode = {topic: Decoder(topic, source) for topic in CANONICAL_TOPICS}
        self.published: list[Published] = []
        self.dead_letters: list[Any] = []

    def table(self) -> dict[tuple[str, str], Record]:
        """The records that are not deleted, by entity and its id."""
        rows: dict[tuple[str, str], Record] = {}
        for each in self.published:
            place = each.entity, each.key.partition("/")[2]
            if each.record is None:
                rows.pop(place, None)
            else:
                rows[place] = each.record
        return rows

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Read until the condition holds."""

        def look() -> bool:
            self.read()
            return condition()

        eventually(look, lambda: f"{what}; {self._standing()}")

    def close(self) -> None:
        self._consumer.close()

    def _standing(self) -> str:
        """What was read so far, and the partitions whose end an open transaction hides."""
        consumer = Consumer(consumer_config(self._settings, "test-ends") | {"isolation.level": "read_uncommitted"})
        try:
            ends = {
                f"{topic}-{self._partition}": [
                    each.get_watermark_offsets(TopicPartition(topic, self._partition), timeout=10)
                    for each in (self._consumer, consumer)
                ]
                for topic in (*RAW_TOPICS, *CANONICAL_TOPICS)
            }
        finally:
            consumer.close()
        held_back = {place: found for place, found in ends.items() if found[0] != found[1]}
        published = [(each.entity, each.key) for each in self.published[-20:]]
        return f"published so far: {published}; held back: {held_back}; ends: {ends}"

    def read(self) -> None:
        """Read what has arrived."""
        for message in self._consumer.consume(1000, timeout=0.2):
            key, topic, value = message.key(), message.topic() or "", message.value()
            if message.error() is not None:
                continue
            ours = isinstance(key, bytes) and key.startswith(self._prefix)
            if topic == DEAD_LETTERS:
                stated = dict(header_list(message.headers())).get("company_id")
                if ours or stated == self._prefix[:-1]:
                    self.dead_letters.append(message)
                continue
            if not isinstance(key, bytes) or not ours:
                continue
            assert not isinstance(value, str)
            record = None if value is None else self._decode[topic](value)
            headers = RecordHeaders.decode(header_list(message.headers()))
            self.published.append(Published(topic.removeprefix("protiv."), key.decode(), record, headers))


@contextmanager
def running(settings: Settings, **environment: str) -> Iterator[StreamsProcess]:
    """A streams process that is ready; it is stopped at the end."""
    process = StreamsProcess(settings, **environment)
    try:
        yield process.wait_ready()
    except BaseException:
        # pytest shows it with the failure.
        sys.stderr.write(process.log.read_text()[-3000:])
        raise
    finally:
        process.close()


def skip_what_waits(settings: Settings) -> None:
    """Streams begin at the ends of the raw topics: before them, other tests' records may be of schemas nobody has.

    Enough of these in a row end the process, as they should.
    """
    consumer = Consumer(consumer_config(settings, STREAMS_GROUP))
    places = [TopicPartition(topic, n) for topic in RAW_TOPICS for n in range(settings.entity_partitions)]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place, timeout=10)[1]

    def committed() -> bool:
        try:
            consumer.commit(offsets=places, asynchronous=False)
        except KafkaException:
            # A member of an earlier test is still leaving.
            return False
        return True

    try:
        eventually(committed, lambda: "the group of the streams still has members")
    finally:
        consumer.close()


def eventually(condition: Callable[[], bool], failure: Callable[[], str]) -> None:
    """Wait for a condition; fail with a message after the deadline."""
    give_up_at = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_at, failure()
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
