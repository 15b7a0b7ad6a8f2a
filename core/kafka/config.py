"""Kafka client configurations: the safe values in one place, so that no caller forgets one."""

from __future__ import annotations

from typing import Any

from core.settings import Settings

ClientConfig = dict[str, Any]

_REQUEST_TIMEOUT_MS = 30_000
_BIGGEST_RECORD_BYTES = 2 * 1024 * 1024


def client_config(settings: Settings) -> ClientConfig:
    """What every client needs to reach the brokers."""
    settings.require("kafka_bootstrap_servers")
    config: ClientConfig = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "security.protocol": settings.kafka_security_protocol,
        # librdkafka would otherwise print connection attempts to stderr beside our own log.
        "log_level": 3,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        settings.require("kafka_sasl_username", "kafka_sasl_password")
        config["sasl.mechanism"] = settings.kafka_sasl_mechanism
        config["sasl.username"] = settings.kafka_sasl_username
        config["sasl.password"] = settings.kafka_sasl_password.get_secret_value()
    if settings.kafka_ssl_ca_location:
        config["ssl.ca.location"] = settings.kafka_ssl_ca_location
    return config


def producer_config(settings: Settings) -> ClientConfig:
    """An idempotent producer: no duplicate and no reordering by its own retries. The caller sets partitions."""
    return client_config(settings) | {
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 5,
        "compression.type": "lz4",
        # What a topic takes is the topic's to say; the default is less, and would refuse the biggest dead letters.
        "message.max.bytes": _BIGGEST_RECORD_BYTES,
        # Only matters for the keys that are a company id; entity records carry an explicit partition.
        "partitioner": "murmur2_random",
    }


def transactional_config(settings: Settings, transactional_id: str) -> ClientConfig:
    """A producer whose id fences any older instance with the same id."""
    return producer_config(settings) | {
        "transactional.id": transactional_id,
        "transaction.timeout.ms": 60_000,
        "message.timeout.ms": 50_000,
    }


def consumer_config(settings: Settings, group_id: str) -> ClientConfig:
    """A consumer that sees only committed transactions and never guesses an offset."""
    return client_config(settings) | {
        "group.id": group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 3_000,
        "socket.timeout.ms": _REQUEST_TIMEOUT_MS,
    }


def bulk_consumer_config(settings: Settings, group_id: str) -> ClientConfig:
    """`consumer_config` for a reader of backlogs: a few megabytes are fetched ahead, and the reader never waits."""
    return consumer_config(settings, group_id) | {
        "queued.max.messages.kbytes": 4_096,
        # A partition whose queue was full is asked again after this; by default after a second, in which it runs dry.
        "fetch.queue.backoff.ms": 5,
    }
