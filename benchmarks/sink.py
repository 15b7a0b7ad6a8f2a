"""The sink against its limit and against Kafka Connect, in one run on one machine: (a) plain COPY of the same rows into
the same indexed table, (b) our sink from Kafka to committed, (c) Kafka Connect with Debezium's JDBC sink.

For (b) and (c) the process runs and is warm; the records become visible to it at one moment, the commit of the
transaction that holds them, and the clock runs from there until the last row is committed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka.cimpl import NewTopic

from benchmarks._sink_connect import ConnectTarget, connect_worker
from benchmarks._sink_records import COMPANIES, COPY_COLUMNS, PARTITIONS, Load, publish, write_copy_text
from benchmarks._sink_tables import CONNECT_TABLE, OUR_TABLE, Target, check, connect_target, our_target
from benchmarks._stack import is_ready
from benchmarks.figures import arguments, report
from core.errors import FatalError
from core.kafka.access import admin_client
from core.settings import Settings, load_settings
from embedded.ports import choose_ports
from embedded.process import ChildProcess, Command
from embedded.progress import SilentProgress
from embedded.stack import EmbeddedStack
from schemas.codec import Record, encoder
from schemas.entities import TIME_ENTRIES
from schemas.registry import ConfluentRegistry, register_all
from schemas.topic_setup import create_topics

_TOPIC = TIME_ENTRIES.canonical_topic
_CONNECT_TOPIC = "bench.time-entries"
_CONNECT_TASKS = 2
_WARM_UP = 20_000
_COPY_CHUNK_BYTES = 1 << 20
_LATEST_S = 300.0
_READY_S = 120.0
_PROBE_S = 0.02


def main() -> int:
    """Prints the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--updates", type=int, default=40_000)
    parser.add_argument("--without-connect", action="store_true", help="leave Kafka Connect out")
    options = parser.parse_args()
    loads = (Load("bench", options.rows, 1), Load("bench", options.updates, 2))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, EmbeddedStack(Path(folder)) as stack:
        bench = _Bench(_settings(stack), Path(folder))
        limit = bench.copy(loads[0])
        inserts, updates, peak_mb = bench.ours(*loads)
        figures: dict[str, Any] = {
            "rows": options.rows,
            "updates": options.updates,
            "copy_rows_per_s": round(limit),
            "rows_per_s": round(inserts),
            "ratio_to_copy": round(inserts / limit, 2),
            "updates_per_s": round(updates),
            "peak_rss_mb": peak_mb,
        }
        if not options.without_connect:
            theirs, their_updates, their_peak_mb = bench.debezium(*loads)
            figures |= {
                "debezium_rows_per_s": round(theirs),
                "ratio_to_debezium": round(inserts / theirs, 2),
                "debezium_updates_per_s": round(their_updates),
                "debezium_peak_rss_mb": their_peak_mb,
            }
    report(figures, as_json=options.json)
    return 0


def _settings(stack: EmbeddedStack) -> Settings:
    addresses = stack.start(SilentProgress())
    settings = load_settings(
        _env_file=None,
        kafka_bootstrap_servers=addresses.kafka_bootstrap_servers,
        schema_registry_url=addresses.schema_registry_url,
        database_url=addresses.database_url,
        entity_partitions=PARTITIONS,
        topic_replication=1,
    )
    create_topics(settings)
    admin = admin_client(settings)
    (made,) = admin.create_topics([NewTopic(_CONNECT_TOPIC, PARTITIONS, 1)]).values()
    made.result(30)
    return settings


class _Bench:
    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        registry = ConfluentRegistry(settings)
        register_all(registry)
        self._encode = encoder(_TOPIC, registry)

    def copy(self, load: Load) -> float:
        """Rows a second of one COPY, its text ready beforehand, commit included."""
        target = our_target(self._server, "bench_copy")
        text = self._folder / "rows.copy"
        write_copy_text(load, text)
        target.checkpoint()
        began = time.monotonic()
        statement = f"COPY {OUR_TABLE} ({', '.join(COPY_COLUMNS)}) FROM STDIN".encode()
        with target.connect() as connection, text.open("rb") as lines, connection.cursor().copy(statement) as copy:
            while chunk := lines.read(_COPY_CHUNK_BYTES):
                copy.write(chunk)
        rate = load.count / (time.monotonic() - began)
        check(target, load)
        text.unlink()
        return rate

    def ours(self, *loads: Load) -> tuple[float, float, float]:
        """Rows a second of the inserts and of the updates, and the process's peak memory in MB."""
        target = our_target(self._server, "bench_ours")
        port = choose_ports(self._folder / "sink-port.json", {"sink": None})["sink"]
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": self._settings.kafka_bootstrap_servers,
            "SCHEMA_REGISTRY_URL": self._settings.schema_registry_url.get_secret_value(),
            "DATABASE_URL": target.database_url,
            "ENTITY_PARTITIONS": str(PARTITIONS),
            "METRICS_PORT": str(port),
        }
        sink = ChildProcess(
            Command(
                name="sink",
                argv=[sys.executable, "-m", "cli", "sink"],
                log_file=self._folder / "logs" / "sink.log",
                env={**os.environ, **environment},
                ready=lambda: is_ready(port),
            )
        )
        return self._measured(sink, _TOPIC, target, loads)

    def debezium(self, *loads: Load) -> tuple[float, float, float]:
        """The same of Kafka Connect."""
        target = connect_target(self._server, "bench_connect")
        port = choose_ports(self._folder / "connect-port.json", {"connect": None})["connect"]
        there = ConnectTarget(_CONNECT_TOPIC, CONNECT_TABLE, target.database_url, _CONNECT_TASKS)
        worker = connect_worker(self._settings, there, self._folder / "connect", port=port)
        return self._measured(worker, _CONNECT_TOPIC, target, loads)

    @property
    def _server(self) -> str:
        return self._settings.database_url.get_secret_value()

    def _measured(
        self, process: ChildProcess, topic: str, target: Target, loads: tuple[Load, ...]
    ) -> tuple[float, float, float]:
        process.start()
        try:
            process.wait_ready(_READY_S)
            contender = _Contender(process, target)
            rates = []
            for load in (Load("warm", _WARM_UP, 1), *loads):
                # Made up again from the first, so before the clock runs: it takes a core for seconds.
                last = load.last(COMPANIES)
                committing_at = publish(
                    self._settings, load, self._encode, topic=topic, before_commit=target.checkpoint
                )
                rates.append(load.count / (contender.done_at(last) - committing_at))
                check(target, load)
        finally:
            process.stop()
        return rates[1], rates[2], contender.peak_mb


@dataclass(slots=True)
class _Contender:
    """A process that fills a table, watched until it is done."""

    process: ChildProcess
    target: Target
    peak_mb: float = field(default=0.0)

    def done_at(self, last: Sequence[Record]) -> float:
        """The monotonic time at which a load's last rows were seen committed."""
        limit = time.monotonic() + _LATEST_S
        with self.target.connect() as connection:
            while time.monotonic() < limit:
                if self.target.count(connection, last) == len(last):
                    return time.monotonic()
                self._look_at_memory()
                time.sleep(_PROBE_S)
        raise FatalError(f"{self.process.name} is not done after {_LATEST_S:.0f} s. {self.process.tail_log()}")

    def _look_at_memory(self) -> None:
        if not self.process.alive:
            raise self.process.failure()
        rss = psutil.Process(self.process.pid).memory_info().rss
        self.peak_mb = max(self.peak_mb, round(rss / 1e6, 1))


if __name__ == "__main__":
    sys.exit(main())
