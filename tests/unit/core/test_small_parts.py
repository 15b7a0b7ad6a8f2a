"""Kafka configurations, named statements and the signal event: what each promises."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.errors import ConfigurationError
from core.kafka.config import (
    bulk_consumer_config,
    client_config,
    consumer_config,
    producer_config,
    transactional_config,
)
from core.process import stop_event
from core.sql import read_statements
from sinks.buffer import Limits
from tests import factories


def test_client_config_with_sasl_carries_the_credentials() -> None:
    config = client_config(
        factories.settings(
            kafka_bootstrap_servers="k:9092",
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_username="poller",
            kafka_sasl_password="s3cret",
        )
    )
    assert config["sasl.username"] == "poller"
    assert config["sasl.password"] == "s3cret"


def test_client_config_without_sasl_has_no_credentials() -> None:
    config = client_config(factories.settings(kafka_bootstrap_servers="k:9092", kafka_sasl_password="s3cret"))
    assert not any(name.startswith("sasl") for name in config)


def test_client_config_without_brokers_names_the_setting() -> None:
    with pytest.raises(ConfigurationError, match="KAFKA_BOOTSTRAP_SERVERS"):
        client_config(factories.settings())


def test_producers_are_idempotent_and_consumers_never_guess_or_commit_by_themselves() -> None:
    known = factories.settings(kafka_bootstrap_servers="k:9092")
    assert producer_config(known)["enable.idempotence"] is True
    assert producer_config(known)["partitioner"] == "murmur2_random"
    assert transactional_config(known, "me")["transactional.id"] == "me"
    consumer = consumer_config(known, "group")
    assert consumer["isolation.level"] == "read_committed"
    assert consumer["enable.auto.commit"] is False
    assert consumer["auto.offset.reset"] == "error"


def test_reader_of_a_backlog_holds_little_and_is_given_more_before_a_batch_gets_old() -> None:
    config = bulk_consumer_config(factories.settings(kafka_bootstrap_servers="k:9092"), "group")
    assert config["isolation.level"] == "read_committed"
    assert config["queued.max.messages.kbytes"] * 1_000 <= Limits().bytes
    assert config["fetch.queue.backoff.ms"] / 1_000 < Limits().age_s


def test_read_statements_gives_each_by_name_without_its_semicolon(tmp_path: Path) -> None:
    path = tmp_path / "some.sql"
    path.write_text("-- name: one\n-- What it is for.\nSELECT 1;\n\n-- name: two_b\nSELECT 2\n")
    found = read_statements(path)
    assert list(found) == ["one", "two_b"]
    assert found["one"].endswith(b"SELECT 1")
    assert found["two_b"] == b"SELECT 2"


@pytest.fixture
def restored_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("restored_signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_event_is_set_by_the_signal(number: signal.Signals) -> None:
    stop = stop_event()
    assert not stop.is_set()
    os.kill(os.getpid(), number)
    assert stop.wait(5)


def test_system_clock_wait_ends_when_stopped() -> None:
    stop = threading.Event()
    stop.set()
    assert SystemClock().wait(3600, stop)


def test_system_clock_now_is_aware_and_monotonic_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is not None
    assert clock.monotonic() <= clock.monotonic()
