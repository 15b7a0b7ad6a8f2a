"""The sink killed, frozen, or cut off from Postgres: every record lands once, and nobody is thrown out of the group."""

from __future__ import annotations

import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from confluent_kafka import KafkaException
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from core.kafka.access import admin_client
from core.kafka.groups import SINK_GROUP
from core.settings import Settings
from sinks.status import sink_status
from tests.contract.sinks.fix_postgres import rows
from tests.faults.sinks import troubles
from tests.fix_stack import Stack
from tests.integration.sinks.fix_sinks import DEADLINE_S, Publisher, RunningSink, until
from tests.unit.sinks.factories import record

StartProcess = Callable[[], subprocess.Popen[bytes]]
MANY = 20_000


def generation_of(settings: Settings, version: int, count: int = MANY) -> list[dict[str, object]]:
    return [record(entity_id=str(n), version=version, total_minutes=version) for n in range(count)]


def right(publisher: Publisher, version: int, count: int = MANY) -> bool:
    url = publisher.settings.database_url.get_secret_value()
    (found,) = rows(
        url,
        "SELECT count(*), count(*) FILTER (WHERE version = %s AND total_minutes = %s) AS newest "
        "FROM protiv.time_entries WHERE company_id = %s",
        version,
        version,
        publisher.company_id,
    )
    return bool((found["count"], found["newest"]) == (count, count))


@contextmanager
def postgres_away(stack: Stack, settings: Settings) -> Iterator[None]:
    """The database takes no connection, and those that were there are cut."""
    name = str(conninfo_to_dict(settings.database_url.get_secret_value())["dbname"])
    with psycopg.connect(stack.settings.database_url.get_secret_value(), autocommit=True) as admin:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        admin.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        yield
        admin.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def test_sink_killed_while_it_writes_lands_every_record(start_process: StartProcess, publisher: Publisher) -> None:
    first = start_process()
    publisher.publish_many(generation_of(publisher.settings, 1))
    until(lambda: publisher.count() > 0)
    first.kill()
    first.wait(DEADLINE_S)
    publisher.publish_many(generation_of(publisher.settings, 2))
    start_process()
    until(lambda: right(publisher, 2))


def test_frozen_sink_that_wakes_up_changes_nothing_behind_its_successor(
    start_process: StartProcess, publisher: Publisher
) -> None:
    zombie = start_process()
    publisher.publish_many(generation_of(publisher.settings, 1))
    until(lambda: publisher.count() > 0)
    zombie.send_signal(signal.SIGSTOP)
    start_process()
    publisher.publish_many(generation_of(publisher.settings, 2))
    until(lambda: right(publisher, 2))
    zombie.send_signal(signal.SIGCONT)
    publisher.publish_many(generation_of(publisher.settings, 3))
    until(lambda: right(publisher, 3))


def test_sink_without_postgres_stays_in_the_group_and_goes_on(
    stack: Stack, start_sink: Callable[[], RunningSink], publisher: Publisher
) -> None:
    sink = start_sink()
    until(sink.ready)
    before = members(publisher.settings, sink.group)
    with postgres_away(stack, publisher.settings):
        publisher.publish_many(generation_of(publisher.settings, 1))
        until(lambda: not sink.ready())
        publisher.publish_many(generation_of(publisher.settings, 2))
        assert members(publisher.settings, sink.group) == before
    until(lambda: right(publisher, 2))
    assert members(publisher.settings, sink.group) == before
    assert sink.failure is None


def test_sink_that_starts_without_postgres_claims_when_it_is_back(
    stack: Stack, start_sink: Callable[[], RunningSink], publisher: Publisher
) -> None:
    publisher.publish_many(generation_of(publisher.settings, 1, 100))
    with postgres_away(stack, publisher.settings):
        sink = start_sink()
        until(lambda: bool(members(publisher.settings, sink.group)))
        assert not sink.ready()
    until(lambda: right(publisher, 1, 100))


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (troubles.read_only, "read-only now (25006)"),
        (troubles.locked, "LockNotAvailable, 55P03"),
        (troubles.full, "DiskFull, 53100"),
        (troubles.hanging, "does not answer"),
        (troubles.without_connections, "too many connections"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_sink_under_trouble_waits_says_why_stays_in_the_group_and_goes_on(
    stack: Stack, publisher: Publisher, trouble: troubles.Trouble, reason: str
) -> None:
    url = publisher.settings.database_url.get_secret_value()
    with troubles.plain_role(url) as sink_url:
        group = f"sink-test-{uuid.uuid4().hex[:8]}"
        sink = RunningSink(stack.with_settings(database_url=sink_url), stack.registry, group).start()
        try:
            until(sink.ready)
            before = members(publisher.settings, group)
            with trouble(url):
                publisher.publish_many(generation_of(publisher.settings, 1))
                until(lambda: reason in sink.why_not_ready())
                until(lambda: reason in sink_status(publisher.settings, group).sentence)
                assert members(publisher.settings, group) == before
            until(lambda: right(publisher, 1))
            until(sink.ready)
            until(lambda: sink_status(publisher.settings, group).sentence == "")
            assert members(publisher.settings, group) == before
            assert sink.failure is None
        finally:
            sink.end()


def test_condition_of_a_group_without_members_says_that_no_sink_runs(stack: Stack) -> None:
    assert sink_status(stack.settings, f"nobody-{uuid.uuid4().hex}").sentence.startswith("No sink is running")


def members(settings: Settings, group: str) -> set[str]:
    """The ids of a group's members that hold partitions."""
    admin = admin_client(settings)
    try:
        found = admin.describe_consumer_groups([group])[group].result(DEADLINE_S)
    except KafkaException:
        # A broker that has just started does not know yet which groups are its own.
        return {"not known yet"}
    return {member.member_id for member in found.members if member.assignment.topic_partitions}


@pytest.fixture(autouse=True)
def nobody_else_in_the_group(stack: Stack) -> None:
    """A process of the test before may still be leaving."""
    until(lambda: not members(stack.settings, SINK_GROUP))
