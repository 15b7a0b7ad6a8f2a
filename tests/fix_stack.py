"""One real Kafka, registry and Postgres for the whole session, set up as `setup` does it: containers where a Docker
engine answers, else the embedded stack. Tests share it and keep apart by company ids or a database of their own.
"""

from __future__ import annotations

import os
import socket
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from control.database import migrate_control
from control.vault import new_key_pair
from core.settings import Settings, load_settings
from embedded.stack import Addresses, EmbeddedStack
from schemas.registry import ConfluentRegistry, register_all
from schemas.topic_setup import create_topics
from sinks.migrate import migrate_protiv

KAFKA_IMAGE = "confluentinc/cp-kafka:7.9.0"
REGISTRY_IMAGE = "apicurio/apicurio-registry-mem:2.6.13.Final"
POSTGRES_IMAGE = "postgres:18"
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack with topics, schemas and tables. `template` is a migrated database that nobody uses."""

    settings: Settings
    registry: ConfluentRegistry
    template: str = field(repr=False)

    def with_settings(self, **changes: Any) -> Settings:
        """The stack's settings, some of them replaced and checked like those of the environment."""
        return load_settings(**{**dict(self.settings), **changes, "_env_file": None})


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The shared stack; starts with the first test that asks for it."""
    with running_stack() as running:
        yield running


@contextmanager
def running_stack() -> Iterator[Stack]:
    """A stack of one's own, for tests that cannot share brokers with others."""
    with ExitStack() as closing:
        yield set_up(closing, _in_docker(closing) if _docker_answers() else _embedded(closing))


def set_up(closing: ExitStack, addresses: Addresses) -> Stack:
    """Topics, schemas and tables on servers that run."""
    settings = _settings(addresses)
    create_topics(settings)
    registry = ConfluentRegistry(settings)
    closing.callback(registry.close)
    register_all(registry)
    url = addresses.database_url
    template = f"template_{uuid.uuid4().hex[:8]}"
    create_database(url, template)
    for each in (url, database_at(url, template)):
        migrate_control(each)
        migrate_protiv(each)
        compared_until_now(each)
    return Stack(settings, registry, template)


@pytest.fixture
def own_database(stack: Stack) -> Iterator[Settings]:
    """The stack's settings with a database of the test's own: both schemas, no rows. It goes with the test."""
    url = stack.settings.database_url.get_secret_value()
    name = f"test_{uuid.uuid4().hex[:12]}"
    create_database(url, name, template=stack.template)
    compared_until_now(database_at(url, name))
    yield stack.with_settings(database_url=database_at(url, name))
    drop_database(url, name)


@pytest.fixture
def empty_database_url(stack: Stack) -> Iterator[str]:
    """The address of a database with nothing in it. It goes with the test."""
    url = stack.settings.database_url.get_secret_value()
    name = f"empty_{uuid.uuid4().hex[:12]}"
    create_database(url, name)
    yield database_at(url, name)
    drop_database(url, name)


def create_database(server_url: str, name: str, *, template: str = "template1") -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )


def compared_until_now(database_url: str) -> None:
    """What other tests published to the shared topics is nothing that this database lost."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE integration.pulse SET at = now()")


def drop_database(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def database_at(server_url: str, name: str) -> str:
    """The address of another database of the same server."""
    part = conninfo_to_dict(server_url)
    return f"postgresql://{part['user']}:{part['password']}@{part['host']}:{part['port']}/{name}"


def _settings(addresses: Addresses) -> Settings:
    keys = new_key_pair("test")
    return load_settings(
        _env_file=None,
        kafka_bootstrap_servers=addresses.kafka_bootstrap_servers,
        schema_registry_url=addresses.schema_registry_url,
        database_url=addresses.database_url,
        entity_partitions=PARTITIONS,
        topic_replication=1,
        credential_public_key=keys.public,
        credential_private_keys=keys.private,
        buildertrend_min_request_gap_ms=0,
        console_secret="a-secret-for-tests-only-0123456789",
    )


def _docker_answers() -> bool:
    """True if something listens where the Docker client would look (its own ping leaks a socket when nothing does)."""
    address = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    family, target = (
        (socket.AF_UNIX, address.path)
        if address.scheme == "unix"
        else (socket.AF_INET, (address.hostname or "127.0.0.1", address.port or 2375))
    )
    with socket.socket(family) as probe:
        probe.settimeout(5)
        return probe.connect_ex(target) == 0


def _embedded(closing: ExitStack) -> Addresses:
    # Not in pytest's folder: that is closed to others, and Postgres runs as another user than root.
    folder = closing.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    return closing.enter_context(EmbeddedStack(Path(folder))).start()


def _in_docker(closing: ExitStack) -> Addresses:
    with warnings.catch_warnings():
        # Its modules warn on import about names of its own.
        warnings.simplefilter("ignore")
        from testcontainers.community.kafka import KafkaContainer
        from testcontainers.community.postgres import PostgresContainer
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.wait_strategies import HttpWaitStrategy

        broker = KafkaContainer(KAFKA_IMAGE).with_kraft()
        for name in ("TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "TRANSACTION_STATE_LOG_MIN_ISR"):
            broker.with_env(f"KAFKA_{name}", "1")
        kafka = closing.enter_context(broker)
        ready = HttpWaitStrategy(8080, "/apis/ccompat/v7/subjects")
        registry = closing.enter_context(DockerContainer(REGISTRY_IMAGE).with_exposed_ports(8080).waiting_for(ready))
        postgres = closing.enter_context(PostgresContainer(POSTGRES_IMAGE, dbname="protiv", driver=None))
    host, port = registry.get_container_host_ip(), registry.get_exposed_port(8080)
    return Addresses(
        kafka_bootstrap_servers=kafka.get_bootstrap_server(),
        schema_registry_url=f"http://{host}:{port}/apis/ccompat/v7",
        database_url=postgres.get_connection_url(),
    )
