"""A small company of its own in the demo's sandbox, and records of it written as services write them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer

from core.kafka.config import producer_config
from core.kafka.record_headers import RecordHeaders
from core.settings import Settings, load_settings
from core.topics import SYNC_COMMANDS, entity_key, partition_for
from reports.explain import explain
from reports.gather import Question, gather
from sandbox.client import SandboxControl
from schemas.codec import encoder, to_micros
from schemas.entities import ENTITY_BY_NAME
from schemas.registry import ConfluentRegistry
from tests import factories
from tests.fix_demo import Demo

_seeds = itertools.count(700)
_RUN_SEQ = 1 << 20


@dataclass
class Tenant:
    """One company, its account in the sandbox, and the product's commands about it."""

    demo: Demo
    sandbox: SandboxControl
    settings: Settings
    registry: ConfluentRegistry
    company_id: str
    _position: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def connect(self, **changes: str) -> tuple[int, dict[str, Any]]:
        """Connect and wait for the first read; exit code and final event."""
        profile = self.sandbox.company | changes
        options = [f"--username={profile['username']}", "--time-zone=America/Denver", "--password-stdin"]
        done = self.demo.cli("connect", self.company_id, *options, "--wait", "--json", stdin=f"{profile['password']}\n")
        return done.returncode, json.loads(done.stdout)

    def ask(self, kind: str, *options: str) -> dict[str, Any]:
        """The final event of a command about this company."""
        done = self.demo.cli(kind, self.company_id, *options, "--wait", "--json")
        assert done.stdout, done.stderr
        event = json.loads(done.stdout)
        assert isinstance(event, dict)
        assert done.returncode == (0 if event["type"] == "completed" else 1)
        return event

    def explain(self, entity: str, entity_id: str) -> dict[str, Any]:
        done = self.demo.cli("explain", self.company_id, entity, entity_id, "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    def code(self, entity: str, entity_id: str) -> str:
        """The cause that `explain` names, without the time that a process takes to start."""
        asked = Question(self.company_id, ENTITY_BY_NAME[entity], entity_id)
        with psycopg.connect(self.settings.database_url.get_secret_value()) as tx:
            return explain(gather(tx, self.settings, self.registry, asked, at=datetime.now(UTC))).conclusion.code

    def raw(self, entity: str, entity_id: str, after: dict[str, Any], *, value: bytes | None = None) -> None:
        """A raw record, as the poller would have published it."""
        topic = ENTITY_BY_NAME[entity].raw_topic
        version = (_RUN_SEQ << 24) | next(self._position)
        change = {
            "op": "CREATE",
            "company_id": self.company_id,
            "entity_id": entity_id,
            "version": version,
            "observed_at": to_micros(factories.NOW),
            "run_id": "r",
            "time_zone": "America/Denver",
            "after": {"extras": {}} | after,
        }
        self._send(topic, entity_id, value or encoder(topic, self.registry)(change), version)

    def canonical(self, entity: str, entity_id: str, record: dict[str, Any]) -> None:
        """A canonical record, as streams would have published it."""
        topic = ENTITY_BY_NAME[entity].canonical_topic
        version = (_RUN_SEQ << 24) | next(self._position)
        known = {"company_id": self.company_id, "version": version, "observed_at": to_micros(factories.NOW)}
        self._send(topic, entity_id, encoder(topic, self.registry)(record | known), version)

    def undecodable_command(self) -> None:
        self._produce(SYNC_COMMANDS, self.company_id.encode(), b"no avro", [])

    def _send(self, topic: str, entity_id: str, value: bytes, version: int) -> None:
        headers = list(RecordHeaders(version, "r", self.company_id).encode())
        self._produce(topic, entity_key(self.company_id, entity_id), value, headers)

    def _produce(self, topic: str, key: bytes, value: bytes, headers: list[Any]) -> None:
        producer = Producer(producer_config(self.settings))
        number = partition_for(self.company_id, self.settings.entity_partitions)
        producer.produce(topic, key=key, value=value, headers=headers, partition=number)
        assert producer.flush(30) == 0


TenantMaker = Callable[..., Tenant]


@pytest.fixture(scope="session")
def new_tenant(demo: Demo) -> Iterator[TenantMaker]:
    """Makes companies of a handful of jobs; nothing of them is connected yet."""
    settings = load_settings(
        _env_file=None,
        kafka_bootstrap_servers=demo.addresses["kafka"],
        schema_registry_url=demo.addresses["registry"],
        database_url=demo.addresses["database"],
        entity_partitions=4,
    )
    with closing(ConfluentRegistry(settings)) as registry:

        def make(**wanted: Any) -> Tenant:
            seed = next(_seeds)
            control = SandboxControl(demo.addresses["sandbox"], sender=demo.http)
            sandbox = control.create_company(**{"seed": seed, "jobs": 4, "shifts": 12} | wanted)
            return Tenant(demo, sandbox, settings, registry, f"tenant-{seed}")

        yield make


@pytest.fixture(scope="session")
def tenant(new_tenant: TenantMaker) -> Tenant:
    """One that is connected and read; for tests that only add records of their own."""
    made = new_tenant()
    code, last = made.connect()
    assert (code, last["type"]) == (0, "completed")
    return made
