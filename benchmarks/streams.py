"""Streams compared with two others on the same records: a plain consume, look up, produce loop, and Faust by event.

Each contender is a process that links the same shifts to the same parents from the same topics, one after another. Only
the first is the product: it also keeps state, versions and indexes, and publishes the affected children of a changed
parent again. Rates are taken from the first record that a contender writes to the last, start-up excluded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import psutil
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from rich.console import Console

from benchmarks._stack import is_ready
from benchmarks.figures import arguments, report
from benchmarks.streams_records import Volume, write_records
from core.errors import FatalError
from core.kafka.config import client_config, consumer_config
from core.settings import Settings, load_settings, reveal
from embedded.progress import ConsoleProgress
from embedded.stack import EmbeddedStack
from schemas.entities import TIME_ENTRIES
from schemas.registry import ConfluentRegistry, register_all
from schemas.topic_setup import create_topics

PARTITIONS = 4
PLAIN_TOPIC = "benchmark.plain"
FAUST_TOPIC = "benchmark.faust"
_PASSED_ON = ("kafka_bootstrap_servers", "schema_registry_url", "entity_partitions", "topic_replication")
_METRICS_PORT = 19_321
_CHECK_EVERY_S = 0.25
_LIMIT_S = 1800.0

# Name, the topic that it writes, and its command.
_Command = tuple[str, str, list[str]]


@dataclass(frozen=True, slots=True)
class Moment:
    """A contender at one moment: records written, seconds, CPU seconds of all its threads, resident bytes."""

    written: int
    at: float
    cpu_s: float
    rss: int


@dataclass(frozen=True, slots=True)
class Run:
    """What a contender did between its first records and its last."""

    first: Moment
    last: Moment
    loaded: Moment | None = None
    load_s: float = 0.0

    @property
    def per_s(self) -> float:
        return (self.last.written - self.first.written) / (self.last.at - self.first.at)

    @property
    def per_cpu_s(self) -> float:
        return (self.last.written - self.first.written) / (self.last.cpu_s - self.first.cpu_s)


def main() -> int:
    """Prints the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--shifts", type=int, default=400_000)
    parser.add_argument("--companies", type=int, default=20)
    parser.add_argument("--alone", action="store_true", help="leave out the two others")
    options = parser.parse_args()
    volume = Volume(options.companies, options.shifts)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, EmbeddedStack(Path(folder)) as stack:
        addresses = stack.start(ConsoleProgress(console))
        settings = load_settings(
            _env_file=None,
            kafka_bootstrap_servers=addresses.kafka_bootstrap_servers,
            schema_registry_url=addresses.schema_registry_url,
            entity_partitions=PARTITIONS,
            topic_replication=1,
        )
        contenders = _contenders(volume)[: 1 if options.alone else None]
        report(_measured(settings, volume, contenders, console), as_json=options.json)
    return 0


def _measured(settings: Settings, volume: Volume, contenders: Sequence[_Command], console: Console) -> dict[str, Any]:
    create_topics(settings)
    registry = ConfluentRegistry(settings)
    register_all(registry)
    _create_scratch_topics(settings)
    console.print(f"writing {volume.parents + volume.shifts:,} raw records")
    write_records(settings, registry, volume)
    registry.close()
    runs = {}
    for name, topic, command in contenders:
        console.print(f"{name} …")
        runs[name] = _run(settings, topic, command, volume.shifts)
        console.print(f"{name}: {runs[name].per_s:,.0f} records/s, {runs[name].per_cpu_s:,.0f} per CPU second")
    console.print("streams, killed …")
    _, topic, command = contenders[0]
    return _figures(runs, volume) | {"ready_again_s": round(_ready_again(settings, topic, command), 2)}


def _contenders(volume: Volume) -> list[_Command]:
    total = str(volume.shifts)
    return [
        ("streams", TIME_ENTRIES.canonical_topic, ["-m", "cli", "streams"]),
        ("plain", PLAIN_TOPIC, ["-m", "benchmarks.streams_plain", PLAIN_TOPIC, total]),
        ("faust", FAUST_TOPIC, ["-m", "benchmarks.streams_faust", FAUST_TOPIC]),
    ]


def _figures(runs: Mapping[str, Run], volume: Volume) -> dict[str, Any]:
    ours = runs["streams"]
    assert ours.loaded is not None
    held = volume.parents + volume.shifts
    others = _beside(ours, runs["plain"], runs["faust"]) if len(runs) > 1 else {}
    return {
        "shifts": volume.shifts,
        "companies": volume.companies,
        "linked_records_per_s": round(ours.per_s),
        "records_per_cpu_s": round(ours.per_cpu_s),
        **others,
        "recovery_records_per_s": round(held / ours.load_s),
        "recovery_s": round(ours.load_s, 2),
        "state_mb_at_400k": round(ours.loaded.rss / 1e6, 1) if volume.shifts == 400_000 else None,
    }


def _beside(ours: Run, plain: Run, faust: Run) -> dict[str, Any]:
    return {
        "plain_loop_records_per_s": round(plain.per_s),
        "plain_loop_records_per_cpu_s": round(plain.per_cpu_s),
        "faust_per_event_records_per_s": round(faust.per_s),
        "faust_per_event_records_per_cpu_s": round(faust.per_cpu_s),
        "ratio_to_plain_loop": round(ours.per_s / plain.per_s, 2),
        "ratio_to_faust_per_event": round(ours.per_s / faust.per_s, 2),
    }


def _run(settings: Settings, topic: str, command: Sequence[str], total: int) -> Run:
    with tempfile.TemporaryFile() as log, _Contender(settings, topic, command, log) as contender:
        first: Moment | None = None
        loaded: Moment | None = None
        give_up_at = time.monotonic() + _LIMIT_S
        while True:
            time.sleep(_CHECK_EVERY_S)
            if contender.ended() or time.monotonic() > give_up_at:
                log.seek(0)
                raise FatalError(f"{command} did not finish: {log.read().decode()[-2000:]}")
            now = contender.moment()
            if loaded is None and contender.metric("protiv_streams_load_seconds"):
                loaded = now
            if first is None and now.written > 0:
                first = now
            if first is not None and now.written >= total:
                return Run(first, now, loaded, contender.metric("protiv_streams_load_seconds"))


def _ready_again(settings: Settings, topic: str, command: Sequence[str]) -> float:
    """Seconds from the start of a worker whose predecessor was killed until it works with all of the state."""
    with tempfile.TemporaryFile() as log, _Contender(settings, topic, command, log) as killed:
        killed.wait_ready()
        killed.kill()
    began = time.monotonic()
    with tempfile.TemporaryFile() as log, _Contender(settings, topic, command, log) as again:
        again.wait_ready()
        return time.monotonic() - began


class _Contender:
    """A child process on one core, and its progress."""

    def __init__(self, settings: Settings, topic: str, command: Sequence[str], log: IO[bytes]) -> None:
        passed_on = {name.upper(): str(reveal(getattr(settings, name))) for name in _PASSED_ON}
        environment = {**os.environ, **passed_on, "METRICS_PORT": str(_METRICS_PORT)}
        # Not the benchmark's own output, which ends with its figures: Faust's worker writes terminal codes to stdout.
        self._child = subprocess.Popen(
            [sys.executable, *command], env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
        )
        self._process = psutil.Process(self._child.pid)
        if hasattr(self._process, "cpu_affinity"):
            self._process.cpu_affinity([0])
        self._consumer = Consumer(consumer_config(settings, "benchmark-watch"))
        self._topic = topic

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()
        self._child.terminate()
        self._child.wait()

    def ended(self) -> bool:
        return self._child.poll() is not None

    def kill(self) -> None:
        """As kill -9 does: the group learns of it when the session times out."""
        self._child.kill()
        self._child.wait()

    def wait_ready(self) -> None:
        """Blocks until the worker reports that it is ready."""
        give_up_at = time.monotonic() + _LIMIT_S
        while not is_ready(_METRICS_PORT):
            if self.ended() or time.monotonic() > give_up_at:
                raise FatalError("The worker did not become ready.")
            time.sleep(_CHECK_EVERY_S)

    def moment(self) -> Moment:
        times = self._process.cpu_times()
        rss = self._process.memory_info().rss
        return Moment(self._written(), time.monotonic(), times.user + times.system, rss)

    def metric(self, name: str) -> float:
        """A figure of the contender's metrics; 0 if it has none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{_METRICS_PORT}/metrics") as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return 0.0
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)

    def _written(self) -> int:
        """Records written; those of transactions cannot be counted by offsets, as commit markers take some, too."""
        if self._topic == TIME_ENTRIES.canonical_topic:
            counted = (f'protiv_streams_shift_links_total{{status="{each}"}}' for each in ("linked", "split"))
            return int(sum(map(self.metric, counted)))
        places = [TopicPartition(self._topic, number) for number in range(PARTITIONS)]
        return sum(self._consumer.get_watermark_offsets(place, timeout=30)[1] for place in places)


def _create_scratch_topics(settings: Settings) -> None:
    topics = [NewTopic(name, num_partitions=PARTITIONS, replication_factor=1) for name in (PLAIN_TOPIC, FAUST_TOPIC)]
    admin = AdminClient(client_config(settings))
    for created in admin.create_topics(topics).values():
        created.result()


if __name__ == "__main__":
    sys.exit(main())
