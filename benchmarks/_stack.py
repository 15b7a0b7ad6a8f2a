"""The embedded stack with topics and tables, for benchmarks that start their own processes on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from cli.setup import set_up
from control.vault import new_key_pair
from core.settings import Settings, load_settings
from embedded.ports import HOST
from embedded.stack import EmbeddedStack

PARTITIONS = 4


def is_ready(port: int) -> bool:
    """Whether the service whose metrics are on `port` reports that it is ready."""
    try:
        with urlopen(f"http://{HOST}:{port}/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def running_stack(folder: Path) -> Iterator[tuple[Settings, dict[str, str]]]:
    """Settings, and an environment with the same ones for child processes; everything ends with the block."""
    with EmbeddedStack(folder) as stack:
        addresses = stack.start()
        keys = new_key_pair("bench")
        values = {
            "KAFKA_BOOTSTRAP_SERVERS": addresses.kafka_bootstrap_servers,
            "SCHEMA_REGISTRY_URL": addresses.schema_registry_url,
            "DATABASE_URL": addresses.database_url,
            "ENTITY_PARTITIONS": str(PARTITIONS),
            "TOPIC_REPLICATION": "1",
            "CREDENTIAL_PUBLIC_KEY": keys.public,
            "CREDENTIAL_PRIVATE_KEYS": keys.private,
        }
        settings = load_settings(**{name.lower(): value for name, value in values.items()})
        set_up(settings)
        yield settings, os.environ | values
