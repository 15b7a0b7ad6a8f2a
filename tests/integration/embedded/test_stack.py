"""The real stack: each of the three answers, keeps its data over a restart, and listens on this machine alone."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.errors import ConfigurationError
from embedded.ports import HOST
from embedded.stack import Addresses, EmbeddedStack

TOPIC = "embedded-test"
SUBJECT = f"{TOPIC}-value"
SCHEMA = '{"type": "record", "name": "R", "fields": [{"name": "id", "type": "string"}]}'
DEADLINE_S = 30


@dataclass(frozen=True, slots=True)
class Running:
    stack: EmbeddedStack
    addresses: Addresses


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """Not below pytest's own folder, which every pytest run closes to the user that Postgres runs as under root."""
    with tempfile.TemporaryDirectory(prefix="embedded-stack-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def running(data: Path) -> Iterator[Running]:
    """Started, filled, stopped and started again: what every test sees is the second run."""
    with EmbeddedStack(data) as stack:
        first = stack.start()
        _fill(first)
        cluster_id = _cluster_id(first)
    with EmbeddedStack(data) as stack:
        second = stack.start()
        assert second == first
        assert _cluster_id(second) == cluster_id
        yield Running(stack, second)


def test_kafka_after_restart_has_the_record(running: Running) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": running.addresses.kafka_bootstrap_servers,
            "group.id": "embedded-test",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([TOPIC])
    message = consumer.poll(DEADLINE_S)
    consumer.close()
    assert message is not None
    assert (message.key(), message.value()) == (b"key", b"value")


def test_kafka_transaction_commits(running: Running) -> None:
    producer = Producer(
        {"bootstrap.servers": running.addresses.kafka_bootstrap_servers, "transactional.id": "embedded", "log_level": 0}
    )
    producer.init_transactions(DEADLINE_S)
    producer.begin_transaction()
    producer.produce(TOPIC, b"in a transaction")
    producer.commit_transaction(DEADLINE_S)


def test_kafka_unknown_topic_is_not_made_by_asking(running: Running) -> None:
    servers: dict[str, str | int | float | bool] = {"bootstrap.servers": running.addresses.kafka_bootstrap_servers}
    Producer(servers).list_topics("never-created", timeout=DEADLINE_S)  # a producer asks with leave to create
    assert "never-created" not in AdminClient(servers).list_topics(timeout=DEADLINE_S).topics


def test_registry_after_restart_has_the_schema(running: Running) -> None:
    answer = httpx.get(f"{running.addresses.schema_registry_url}/subjects/{SUBJECT}/versions/1", trust_env=False)
    assert answer.json()["schema"] == SCHEMA


def test_postgres_after_restart_has_the_row(running: Running) -> None:
    with psycopg.connect(running.addresses.database_url) as connection:
        assert connection.execute("SELECT name FROM kept").fetchall() == [("kept",)]
        assert connection.info.dbname == "protiv"


def test_postgres_settings_are_safe_and_utc(running: Running) -> None:
    with psycopg.connect(running.addresses.database_url) as connection:
        settings = connection.execute(
            "SELECT current_setting('fsync'), current_setting('timezone'), current_setting('server_encoding')"
        ).fetchone()
    assert settings == ("on", "UTC", "UTF8")


def test_postgres_wrong_password_is_refused(running: Running) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(make_conninfo(running.addresses.database_url, password="wrong"))


def test_password_file_is_for_its_owner_alone(running: Running, data: Path) -> None:
    path = data / "postgres.password"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert conninfo_to_dict(running.addresses.database_url)["password"] == path.read_text()


def test_every_process_listens_on_this_machine_alone(running: Running) -> None:
    listening = [
        connection.laddr
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 4
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {HOST}


def test_postgres_does_not_run_as_root(running: Running) -> None:
    (postgres,) = (child for child in running.stack.supervisor.children if child.name == "postgres")
    assert psutil.Process(postgres.pid).uids().real != 0


def test_second_stack_in_the_same_folder_is_refused(running: Running, data: Path) -> None:
    with (
        EmbeddedStack(data) as second,
        pytest.raises(ConfigurationError, match=f"is in use by process {os.getpid()}: stop it, or use another --data"),
    ):
        second.start()
    running.stack.supervisor.check()


def test_stop_leaves_no_process() -> None:
    before = set(psutil.Process().children(recursive=True))
    with tempfile.TemporaryDirectory(prefix="embedded-stack-") as folder, EmbeddedStack(Path(folder)) as stack:
        stack.start()
        assert len(set(psutil.Process().children(recursive=True)) - before) >= 6
        stack.stop()
        assert set(psutil.Process().children(recursive=True)) <= before


def _fill(addresses: Addresses) -> None:
    admin = AdminClient({"bootstrap.servers": addresses.kafka_bootstrap_servers})
    for created in admin.create_topics([NewTopic(TOPIC, num_partitions=1)]).values():
        created.result()
    producer = Producer({"bootstrap.servers": addresses.kafka_bootstrap_servers, "log_level": 0})
    producer.produce(TOPIC, b"value", key=b"key")
    assert producer.flush(DEADLINE_S) == 0
    subject = f"{addresses.schema_registry_url}/subjects/{SUBJECT}/versions"
    httpx.post(subject, json={"schema": SCHEMA}, trust_env=False).raise_for_status()
    with psycopg.connect(addresses.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'kept' AS name")


def _cluster_id(addresses: Addresses) -> str:
    admin = AdminClient({"bootstrap.servers": addresses.kafka_bootstrap_servers})
    return str(admin.list_topics(timeout=DEADLINE_S).cluster_id)
