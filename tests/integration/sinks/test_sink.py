"""The sink from the real topics into the real tables, as one process would run it."""

from __future__ import annotations

import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from core.clock import SystemClock
from core.dead_letters.letter import PREFIX
from core.errors import ConfigurationError, FencedError
from core.kafka.config import client_config, consumer_config
from core.topics import DEAD_LETTERS, partition_for
from producers.replay.plan import Selection
from producers.replay.replay import Replayed, replay
from schemas.entities import ENTITIES, TIME_ENTRIES, Entity
from sinks.main import check
from tests.contract.sinks.fix_postgres import rows, stored_offsets
from tests.fix_stack import Stack
from tests.integration.sinks.fix_sinks import DEADLINE_S, Publisher, RunningSink, until
from tests.unit.sinks.factories import deletion, record

Start = Callable[[], RunningSink]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_record_of_every_entity_reaches_its_table(start_sink: Start, publisher: Publisher, entity: Entity) -> None:
    start_sink()
    publisher.publish(record(entity, "1"), entity=entity)
    publisher.flush()
    until(lambda: len(publisher.rows(table=entity.table)) == 1)


def test_update_stale_version_and_deletion_are_told_apart(start_sink: Start, publisher: Publisher) -> None:
    start_sink()
    publisher.publish(record(version=1, notes="first"))
    publisher.publish(record(version=3, notes="third"))
    publisher.publish(record(version=2, notes="late"))
    publisher.publish(record(entity_id="gone", version=4))
    publisher.publish(deletion(entity_id="gone", version=6))
    publisher.put(TIME_ENTRIES, "gone", None, 6)
    publisher.publish(record(entity_id="gone", version=5, notes="late"))
    publisher.publish(record(entity_id="last", version=7))
    publisher.flush()
    until(lambda: publisher.count() == 3)
    shown = {row["time_entry_id"]: row for row in publisher.rows()}
    assert (shown["1"]["notes"], shown["1"]["version"]) == ("third", 3)
    assert shown["gone"]["version"] == 6
    assert shown["gone"]["deleted_at"] is not None


def test_sink_started_again_goes_on_where_postgres_says(start_sink: Start, publisher: Publisher) -> None:
    first = start_sink()
    publisher.publish_many([record(entity_id=str(n), version=n + 1) for n in range(50)])
    until(lambda: publisher.count() == 50)
    first.end()
    before = publisher.rows()
    publisher.publish_many([record(entity_id=str(n), version=n + 1) for n in range(50, 80)])
    start_sink()
    until(lambda: publisher.count() == 80)
    after = {row["time_entry_id"]: row for row in publisher.rows()}
    assert [after[row["time_entry_id"]] for row in before] == before


def test_replay_from_zero_changes_no_row(start_sink: Start, publisher: Publisher) -> None:
    first = start_sink()
    publisher.publish_many([record(entity_id=str(n), version=n + 1) for n in range(20)])
    until(lambda: publisher.count() == 20)
    first.end()
    url = publisher.settings.database_url.get_secret_value()
    before, offsets = publisher.rows(), stored_offsets(url)
    rows(url, "DELETE FROM protiv.sink_offsets")
    # The generation counts creations of the topic, and this is no new one.
    start_sink()
    # Of partitions that hold other tests' records the first sink may not have read all.
    until(lambda: all(stored_offsets(url).get(at, 0) >= offset for at, offset in offsets.items()))
    assert publisher.rows() == before


def test_poison_record_is_dead_lettered_alone_and_byte_for_byte(start_sink: Start, publisher: Publisher) -> None:
    start_sink()
    partition = partition_for(publisher.company_id, publisher.settings.entity_partitions)
    letters = Consumer(consumer_config(publisher.settings, f"letters-{uuid.uuid4().hex}"))
    at = TopicPartition(DEAD_LETTERS, partition)
    at.offset = letters.get_watermark_offsets(at, timeout=DEADLINE_S)[1]
    letters.assign([at])
    publisher.publish(record(entity_id="1"))
    publisher.put(TIME_ENTRIES, "poison", b"\0no avro", 1)
    publisher.publish(record(entity_id="nul", notes="a\0b"))
    publisher.publish(record(entity_id="2"))
    publisher.flush()
    until(lambda: publisher.count() == 2)
    found: list[Message] = []

    def both_letters() -> bool:
        # Others share the topic.
        ours = f"{publisher.company_id}/".encode()
        found.extend(each for each in letters.consume(10, 0.2) if (each.key() or b"").startswith(ours))
        return len(found) >= 2

    until(both_letters)
    letters.close()
    assert [each.key() for each in found] == [f"{publisher.company_id}/{name}".encode() for name in ("poison", "nul")]
    headers = dict(found[0].headers() or [])
    assert found[0].value() == b"\0no avro"
    assert headers["run_id"] == b"run-1"
    assert headers[PREFIX + "stage"] == b"sink"
    assert headers[PREFIX + "topic"] == TIME_ENTRIES.canonical_topic.encode()


def test_dead_letters_of_the_sink_are_put_through_once_after_a_fix(start_sink: Start, publisher: Publisher) -> None:
    url = publisher.settings.database_url.get_secret_value()
    start_sink()
    with stricter(url):
        publisher.publish(record(entity_id="refused", version=1, notes="unlucky"))
        publisher.publish(record(entity_id="overtaken", version=2, notes="unlucky"))
        publisher.publish(record(entity_id="behind", version=3, notes="fine"))
        publisher.flush()
        until(lambda: publisher.count() == 1)
        # Only now: in one batch with its older record it would be the only one that is tried.
        publisher.publish(record(entity_id="overtaken", version=4, notes="newer"))
        publisher.flush()
        until(lambda: publisher.count() == 2)
    chosen = Selection(stage="sink", company_id=publisher.company_id)
    assert replay(publisher.settings, chosen, SystemClock()) == Replayed(put_through=1, superseded=1)
    until(lambda: publisher.count() == 3)
    shown = {row["time_entry_id"]: (row["version"], row["notes"]) for row in publisher.rows()}
    assert shown == {"behind": (3, "fine"), "overtaken": (4, "newer"), "refused": (1, "unlucky")}
    assert replay(publisher.settings, chosen, SystemClock()) == Replayed()


@contextmanager
def stricter(database_url: str) -> Iterator[None]:
    """A constraint that should not be there, until it is mended."""
    rows(database_url, "ALTER TABLE protiv.time_entries ADD CONSTRAINT lucky CHECK (notes <> 'unlucky')")
    yield
    rows(database_url, "ALTER TABLE protiv.time_entries DROP CONSTRAINT lucky")


def test_offsets_are_copied_to_kafka_for_showing_lag(start_sink: Start, publisher: Publisher) -> None:
    sink = start_sink()
    publisher.publish(record())
    publisher.flush()
    until(lambda: publisher.count() == 1)
    partition = partition_for(publisher.company_id, publisher.settings.entity_partitions)
    at = TopicPartition(TIME_ENTRIES.canonical_topic, partition)
    admin = AdminClient(client_config(publisher.settings))
    url = publisher.settings.database_url.get_secret_value()

    def copied() -> bool:
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(sink.group, [at])])
        (found,) = asked[sink.group].result(DEADLINE_S).topic_partitions
        return bool(found.offset == stored_offsets(url)[at.topic, at.partition])

    until(copied)


def test_two_sinks_share_the_partitions_and_one_takes_over(start_sink: Start, publisher: Publisher) -> None:
    first, second = start_sink(), start_sink()
    until(lambda: first.ready() and second.ready())
    publishers = [Publisher(publisher.settings, publisher.registry) for _ in range(6)]
    for each in publishers:
        each.publish_many([record(entity_id=str(n), version=n + 1) for n in range(20)])
    until(lambda: all(each.count() == 20 for each in publishers))
    first.end()
    for each in publishers:
        each.publish_many([record(entity_id=str(n), version=n + 100) for n in range(20)])
    until(lambda: all(row["version"] >= 100 for each in publishers for row in each.rows()))
    assert (first.failure, second.failure) == (None, None)


def test_sink_whose_partition_another_claims_ends(start_sink: Start, publisher: Publisher) -> None:
    sink = start_sink()
    publisher.publish(record())
    publisher.flush()
    until(lambda: publisher.count() == 1)
    rows(publisher.settings.database_url.get_secret_value(), "UPDATE protiv.sink_offsets SET claim = claim + 1")
    publisher.publish(record(version=2))
    publisher.flush()
    until(lambda: not sink.thread.is_alive())
    assert isinstance(sink.failure, FencedError)
    assert publisher.rows()[0]["version"] == 1


def test_listener_hears_of_a_committed_batch(start_sink: Start, publisher: Publisher) -> None:
    start_sink()
    with psycopg.connect(publisher.settings.database_url.get_secret_value(), autocommit=True) as listener:
        listener.execute("LISTEN protiv_changes")
        publisher.publish(record(version=8))
        publisher.flush()
        with closing(listener.notifies(timeout=DEADLINE_S)) as notes:
            heard = next(note.payload for note in notes if publisher.company_id in note.payload)
    assert '"version": 8' in heard


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_that_is_asked_to_end_exits_with_zero(
    start_process: Callable[[], subprocess.Popen[bytes]], publisher: Publisher, number: signal.Signals
) -> None:
    process = start_process()
    publisher.publish(record())
    publisher.flush()
    until(lambda: publisher.count() == 1)
    process.send_signal(number)
    assert process.wait(DEADLINE_S) == 0


def test_check_before_setup_says_what_to_do(stack: Stack, empty_database_url: str) -> None:
    with pytest.raises(ConfigurationError, match="setup"):
        check(stack.with_settings(database_url=empty_database_url), stack.registry)
