"""Whoever claims a partition last is the only one who can move its offset or change its rows."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest

from core.errors import ConfigurationError, FencedError, RetriableError
from schemas.entities import JOBS, TIME_ENTRIES
from sinks import writer
from sinks.columns import canonical_table
from sinks.messages import TopicPartition
from sinks.statements import copy_staging
from tests.contract.sinks.fix_postgres import rows, stored_offsets
from tests.contract.sinks.fix_writers import Sink
from tests.unit.sinks.factories import TOPIC_IDS, message, record

TIME_ENTRIES_TABLE = canonical_table(TIME_ENTRIES)
AT = TopicPartition(TIME_ENTRIES.canonical_topic, 0)


@pytest.fixture
def two(database_url: str) -> Iterator[tuple[Sink, Sink]]:
    with ExitStack() as stack:
        sinks = Sink(database_url, "columnar"), Sink(database_url, "columnar")
        for each in sinks:
            stack.callback(each.close)
        yield sinks


def test_zombie_after_a_successors_claim_writes_nothing(two: tuple[Sink, Sink]) -> None:
    zombie, successor = two
    zombie.put(message(record(notes="before"), 0))
    successor.claim(AT)
    with pytest.raises(FencedError):
        zombie.put(message(record(version=9, notes="behind its back"), 1))
    assert successor.table()[0]["notes"] == "before"
    successor.put(message(record(version=2, notes="successor"), 1))
    assert successor.table()[0]["notes"] == "successor"
    assert stored_offsets(successor.database_url) == {(AT.topic, 0): 2}


def test_writer_whose_offset_was_moved_by_hand_is_fenced(two: tuple[Sink, Sink]) -> None:
    sink, _ = two
    sink.put(message(record(), 0))
    rows(sink.database_url, "UPDATE protiv.sink_offsets SET next_offset = 0")
    with pytest.raises(FencedError):
        sink.put(message(record(version=2), 1))
    assert sink.table()[0]["version"] == 1


def test_claim_waits_for_a_write_under_way_and_goes_on_behind_it(two: tuple[Sink, Sink]) -> None:
    first, second = two
    first.claim(AT)
    reached, may_go = threading.Event(), threading.Event()

    class Slow:
        def deliver(self, _rejections: object) -> None:
            reached.set()
            assert may_go.wait(10)

    first.store._dead_letters = Slow()
    put = [message(record(entity_id="1"), 0), message(record(entity_id="2", link_status="guessed"), 1)]
    writing = threading.Thread(target=first.put, args=put)
    writing.start()
    assert reached.wait(10)
    claiming = threading.Thread(target=second.claim, args=[AT])
    claiming.start()
    _until_someone_waits_for_a_lock(first.database_url)
    may_go.set()
    writing.join(10)
    claiming.join(10)
    assert second.positions[AT] == 2
    assert len(second.table()) == 1


def test_claim_ends_the_session_of_a_sink_that_froze_inside_a_copy(
    two: tuple[Sink, Sink], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SESSION", replace(writer.SESSION, statement_s=2, lock_s=1))
    zombie, successor = two
    zombie.put(message(record(notes="before"), 0))
    with pytest.raises(psycopg.errors.AdminShutdown):
        _freeze_inside_a_copy(zombie, meanwhile=lambda: _claimed_at_last(successor))
    assert successor.positions == {AT: 1}
    with pytest.raises(FencedError):
        zombie.put(message(record(version=9, notes="frozen"), 1))
    successor.put(message(record(version=2, notes="successor"), 1))
    assert successor.table()[0]["notes"] == "successor"


def test_claims_of_partitions_of_two_topics_are_apart(two: tuple[Sink, Sink]) -> None:
    first, second = two
    first.put(message(record(), 0))
    second.put(message(record(JOBS), 4, entity=JOBS))
    first.put(message(record(version=2), 1))
    assert stored_offsets(first.database_url) == {(AT.topic, 0): 2, (JOBS.canonical_topic, 0): 5}


def test_topic_created_again_starts_at_zero_and_is_the_one_shown(two: tuple[Sink, Sink]) -> None:
    sink, _ = two
    sink.put(message(record(), 6))
    again = sink.store.claim(TOPIC_IDS | {AT.topic: UUID(int=1234)}, [AT])[AT]
    assert (again.next_offset, again.generation) == (0, 2)
    assert stored_offsets(sink.database_url) == {(AT.topic, 0): 0}


def test_store_whose_connection_was_cut_writes_the_batch_at_the_next_attempt(two: tuple[Sink, Sink]) -> None:
    sink, _ = two
    sink.put(message(record(), 0))
    rows(
        sink.database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'protiv-sink' AND datname = current_database()",
    )
    with pytest.raises(RetriableError):
        sink.put(message(record(version=2), 1))
    sink.put(message(record(version=2), 1))
    assert sink.table()[0]["version"] == 2


def test_store_behind_a_lock_says_try_again(two: tuple[Sink, Sink]) -> None:
    sink, _ = two
    sink.put(message(record(), 0))
    with psycopg.connect(sink.database_url) as holder:
        holder.execute("LOCK protiv.time_entries IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(RetriableError, match="LockNotAvailable"):
            sink.put(message(record(version=2), 1))
    sink.put(message(record(version=2), 1))


def test_store_of_a_read_only_database_says_try_again(two: tuple[Sink, Sink]) -> None:
    sink, _ = two
    sink.claim(AT)
    sink.store._connected().execute("SET default_transaction_read_only = on")
    with pytest.raises(RetriableError, match="read-only"):
        sink.put(message(record(), 0))
    sink.put(message(record(), 0))


def test_claim_before_setup_says_what_to_do(empty_database_url: str) -> None:
    with pytest.raises(ConfigurationError, match="setup"):
        Sink(empty_database_url, "columnar").claim(AT)


def _freeze_inside_a_copy(sink: Sink, *, meanwhile: Callable[[], None]) -> None:
    session = sink.store._connected()
    with session.transaction(), session.cursor() as cursor:
        cursor.execute("UPDATE protiv.sink_offsets SET next_offset = 9")
        with cursor.copy(copy_staging(TIME_ENTRIES_TABLE)):
            meanwhile()


def _claimed_at_last(sink: Sink) -> None:
    for _ in range(10):
        with contextlib.suppress(RetriableError):
            sink.claim(AT)
            return


def _until_someone_waits_for_a_lock(database_url: str) -> None:
    for _ in range(1000):
        if rows(database_url, "SELECT pid FROM pg_locks WHERE NOT granted"):
            return
        rows(database_url, "SELECT pg_sleep(0.01)")
    pytest.fail("nobody waited for a lock")
