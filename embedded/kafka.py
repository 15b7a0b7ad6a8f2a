"""One Apache Kafka broker in KRaft mode: broker and controller in a single process, on 127.0.0.1 alone, its log and
cluster id kept in the data folder.
"""

from __future__ import annotations

import base64
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from embedded.data_dir import DataDir
from embedded.java import QUICK_COMPILER, java_command, java_environment
from embedded.ports import HOST, answers
from embedded.process import Command, run_once

_HEAP_MB = 512
_LOG_OPTIONS = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)

# Broker session: after a crash the controller waits this long before it lets the broker register again.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log_dir}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.hours=168
log.segment.bytes=134217728
log.index.size.max.bytes=2097152
log.cleaner.dedupe.buffer.size=33554432
num.network.threads=2
num.io.threads=4
background.threads=4
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""


def kafka_command(data: DataDir, jars: Sequence[Path], *, port: int, controller_port: int) -> Command:
    """Formats the log folder the first time; the command then starts the broker."""
    folder = data.root / "kafka"
    folder.mkdir(exist_ok=True)
    properties = folder / "server.properties"
    log_dir = folder / "log"
    properties.write_text(
        _PROPERTIES.format(
            host=HOST, port=port, controller_port=controller_port, log_dir=property_value(log_dir.as_posix())
        ),
        encoding="ascii",
    )
    java = java_command(folder / "tmp", heap_mb=_HEAP_MB, options=(QUICK_COMPILER, *_LOG_OPTIONS))
    java += ["-cp", os.pathsep.join(map(str, jars))]
    if not (log_dir / "meta.properties").exists():
        _format(java, properties, data, log_dir)
    return Command(
        name="kafka",
        argv=[*java, "kafka.Kafka", str(properties)],
        log_file=data.logs / "kafka.log",
        env=java_environment(),
        folder=folder,
        ready=lambda: _answers_metadata(port),
        pass_fds=(data.lock_fd,),
    )


def _format(java: list[str], properties: Path, data: DataDir, log_dir: Path) -> None:
    """Gives the log folder its cluster id. A format that was interrupted left no meta.properties and begins again."""
    shutil.rmtree(log_dir, ignore_errors=True)
    cluster_id = new_cluster_id(uuid.uuid4().bytes)
    arguments = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties)]
    run_once([*java, *arguments], data, purpose=f"Preparing Kafka's folder {log_dir}", environment=java_environment())


def property_value(text: str) -> str:
    """A value as Java's property files have it: ASCII, and `\\uXXXX` for each UTF-16 unit that is not."""
    plain = text.replace("\\", "\\\\")
    units = plain.encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    return "".join(chr(code) if 0x20 <= code < 0x7F else f"\\u{code:04x}" for code in codes)


def _answers_metadata(port: int) -> bool:
    """A broker that accepts connections may still be loading: only an answered metadata request counts."""
    if not answers(port):
        return False
    admin = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=2).brokers)
    except KafkaException:
        return False


def new_cluster_id(random: bytes) -> str:
    """Kafka's form of 16 random bytes. Never with a hyphen in front, as one in 64 has by chance.

    Kafka would take it for an option.
    """
    # The upper bit decides about the first character, which is then one of A to f.
    return base64.urlsafe_b64encode(bytes([random[0] & 0x7F]) + random[1:]).decode().rstrip("=")
