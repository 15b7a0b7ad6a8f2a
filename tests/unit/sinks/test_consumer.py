"""The loop: where it starts, what it holds, and what it does when the group, Postgres or a topic changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from confluent_kafka import OFFSET_BEGINNING

from core.errors import FatalError, FencedError, IntegrationError, RetriableError
from sinks.buffer import Limits
from sinks.consumer import SinkLoop
from sinks.messages import TopicPartition
from sinks.overdue_check import OverdueCheck
from sinks.status import LIFETIME, Waiting
from tests.unit.sinks.factories import FakeMessage
from tests.unit.sinks.fakes import FakeConsumer, FakeStore, FakeTopicIds, HandClock, report

AT = TopicPartition("protiv.jobs", 0)
DEADLINE_S = 10


@dataclass(slots=True)
class Bench:
    """A loop between fakes."""

    consumer: FakeConsumer
    store: FakeStore
    ids: FakeTopicIds
    clock: HandClock
    loop: SinkLoop

    def until(self, condition: Callable[[], bool]) -> None:
        """Step until `condition` holds; the clock moves with every step that has no work under way."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "the condition never held"
            self.loop.step()
            if self.loop._database._work is None or wait([self.loop._database._work.future], 0.05).done:
                self.clock.seconds += 0.05

    def read(self, *offsets: int) -> None:
        """Put records before the consumer, with the end of the partition behind them."""
        self.consumer.waiting += [FakeMessage(AT.topic, b"c/1", b"x", offset) for offset in offsets]
        self.consumer.end_of(AT, max(offsets) + 1)

    def written(self) -> int:
        return sum(batch.size for batch in self.store.batches)


@pytest.fixture
def bench() -> Bench:
    consumer, store, ids, clock = FakeConsumer(), FakeStore(), FakeTopicIds(), HandClock()
    limits = Limits(records=4)
    loop = SinkLoop(consumer, store, ids, clock=clock, limits=limits)
    loop.join()
    return Bench(consumer, store, ids, clock, loop)


def joined(bench: Bench) -> Bench:
    bench.consumer.give(AT)
    bench.until(bench.loop.ready)
    return bench


def test_loop_starts_at_the_beginning_where_nothing_was_merged(bench: Bench) -> None:
    joined(bench)
    assert [each.offset for each in bench.consumer.assigned] == [OFFSET_BEGINNING]


def test_loop_starts_where_postgres_says(bench: Bench) -> None:
    bench.store.next_offsets[AT] = 42
    joined(bench)
    assert [each.offset for each in bench.consumer.assigned] == [42]


def test_loop_reads_nothing_before_postgres_said_where(bench: Bench) -> None:
    bench.store.claim_failures = [RetriableError("away")] * 3
    bench.consumer.give(AT)
    assert not bench.loop.ready()
    bench.until(lambda: not bench.store.claim_failures)
    assert bench.consumer.assigned == []
    bench.until(bench.loop.ready)
    assert len(bench.consumer.assigned) == 1


def test_loop_copies_offsets_to_kafka_after_the_commit(bench: Bench) -> None:
    joined(bench).read(0, 1, 2)
    bench.until(lambda: len(bench.consumer.copied) == 2)
    # What Postgres said at the claim, and the batch.
    assert [(each.topic, each.partition, each.offset) for each in bench.consumer.copied] == [(*AT, 0), (*AT, 3)]


def test_loop_takes_back_what_its_predecessor_published_before_anything_moves(bench: Bench) -> None:
    bench.store.next_offsets[AT] = 7
    joined(bench)
    assert [(each.offset, each.metadata) for each in bench.consumer.copied] == [(7, "")]


def test_status_that_nobody_repeats_is_over_after_its_lifetime() -> None:
    at = datetime(2026, 7, 1, tzinfo=UTC)
    said = Waiting("Postgres is full.", at - timedelta(hours=1)).encode(at)
    assert Waiting.decode(said, at + LIFETIME) == Waiting("Postgres is full.", at - timedelta(hours=1))
    assert Waiting.decode(said, at + LIFETIME + timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    "said", [None, "", "null", "[]", "{}", '{"waiting": "x", "since": "2026-07-01T00:00:00+00:00"}', "[" * 5000]
)
def test_status_of_another_program_is_none(said: str | None) -> None:
    assert Waiting.decode(said, datetime(2026, 7, 1, tzinfo=UTC)) is None


def test_loop_that_goes_on_waiting_repeats_its_status_within_its_lifetime(bench: Bench) -> None:
    joined(bench).read(0)
    bench.store.write_failures = [RetriableError("Postgres is full.")] * 40
    bench.until(lambda: len(bench.consumer.copied) == 4)
    first, second, third = bench.consumer.copied[1:]
    assert first.metadata != second.metadata != third.metadata
    for each in (first, second, third):
        assert Waiting.decode(each.metadata, bench.clock.now()) is not None


def test_loop_when_postgres_is_away_holds_the_batch_and_goes_on(bench: Bench) -> None:
    bench.store.write_failures = [RetriableError("away")] * 4
    joined(bench).read(0, 1)
    bench.until(lambda: len(bench.store.write_failures) < 4)
    bench.until(lambda: not bench.loop.ready())
    bench.until(lambda: bench.written() == 2)
    assert len(bench.store.batches) == 1
    bench.until(bench.loop.ready)


def test_loop_that_waits_says_why_and_since_when_and_stops_saying_so(bench: Bench) -> None:
    bench.store.write_failures = [RetriableError("Postgres is full.")] * 4
    joined(bench).read(0, 1)
    bench.until(lambda: not bench.loop.ready())
    began = bench.clock.now()
    assert bench.loop.why_not_ready().startswith("Postgres is full. Waiting since ")
    bench.until(lambda: len(bench.consumer.copied) == 2)
    said = bench.consumer.copied[-1]
    waiting = Waiting.decode(said.metadata, bench.clock.now())
    assert waiting is not None
    assert (waiting.reason, waiting.since <= began, said.offset) == ("Postgres is full.", True, 0)
    bench.until(lambda: bench.written() == 2)
    bench.until(bench.loop.ready)
    assert Waiting.decode(bench.consumer.copied[-1].metadata, bench.clock.now()) is None
    assert bench.loop.why_not_ready() == ""


def test_loop_that_waits_before_its_first_claim_keeps_the_offset_that_kafka_has(bench: Bench) -> None:
    joined(bench).read(0, 1)
    bench.until(lambda: bench.written() == 2 and bool(bench.consumer.copied))
    bench.consumer.take_away(AT)
    bench.store.claim_failures = [RetriableError("away")]
    bench.consumer.give(AT)
    bench.until(lambda: bench.consumer.copied[-1].metadata not in (None, ""))
    assert bench.consumer.copied[-1].offset == 2


def test_loop_whose_database_hangs_is_not_ready_and_says_so(bench: Bench) -> None:
    joined(bench).read(0)
    bench.store.may_write.clear()
    bench.until(lambda: bench.store.read_sizes == [1])
    bench.clock.seconds += 9
    bench.loop.step()
    assert bench.loop.ready()
    bench.clock.seconds += 2
    bench.loop.step()
    assert "does not answer" in bench.loop.why_not_ready()
    assert Waiting.decode(bench.consumer.copied[-1].metadata, bench.clock.now()) is not None
    bench.store.may_write.set()
    bench.until(lambda: bench.loop.ready() and bench.written() == 1)


def test_loop_when_the_registry_is_away_reads_the_batch_again(bench: Bench) -> None:
    bench.store.read_failures = [RetriableError("away")] * 2
    joined(bench).read(0, 1)
    bench.until(lambda: bench.written() == 2)


def test_loop_that_is_full_pauses_and_resumes_without_losing_a_record(bench: Bench) -> None:
    bench.store.write_failures = [RetriableError("away")] * 6
    joined(bench).read(*range(30))
    bench.until(lambda: bench.consumer.paused)
    bench.until(lambda: bench.written() == 30)
    bench.until(lambda: not bench.consumer.paused)
    moves = [(move.expected, move.next_offset) for batch in bench.store.batches for move in batch.updates]
    assert [start for start, _ in moves] == [0, *(end for _, end in moves[:-1])]


def test_loop_drops_what_it_held_when_partitions_are_taken_away(bench: Bench) -> None:
    joined(bench)
    bench.consumer.waiting = [FakeMessage(AT.topic, b"c/1", b"x", 0)]
    bench.loop.step()
    bench.consumer.take_away(AT)
    bench.clock.seconds += 5
    bench.until(lambda: bench.clock.seconds > 110)
    assert bench.store.batches == []


def test_loop_waits_for_a_write_under_way_when_partitions_are_taken_away(bench: Bench) -> None:
    joined(bench).read(0)
    bench.store.may_write.clear()
    bench.until(lambda: bench.store.read_sizes == [1])
    threading.Timer(0.1, bench.store.may_write.set).start()
    bench.consumer.take_away(AT)
    assert bench.written() == 1


def test_loop_that_gets_partitions_back_claims_them_again(bench: Bench) -> None:
    joined(bench).read(0)
    bench.until(lambda: bench.written() == 1)
    bench.consumer.take_away(AT)
    bench.consumer.give(AT)
    bench.until(lambda: bench.store.claims == 2)
    bench.until(bench.loop.ready)
    assert [each.offset for each in bench.consumer.assigned] == [1]


def test_loop_that_was_paused_when_it_lost_partitions_reads_on_when_they_come_back(bench: Bench) -> None:
    """Kafka's client remembers the pause of a partition through every assignment."""
    bench.store.write_failures = [RetriableError("away")] * 6
    joined(bench).read(*range(30))
    bench.until(lambda: bench.consumer.paused)
    bench.consumer.take_away(AT)
    bench.consumer.give(AT)
    bench.until(lambda: not bench.consumer.paused)
    bench.until(lambda: bench.written() > 0)


def test_loop_assigns_nothing_while_partitions_are_taken_away(bench: Bench) -> None:
    bench.consumer.give(AT)
    bench.loop.step()
    assert bench.loop._database._work is not None
    wait([bench.loop._database._work.future], DEADLINE_S)
    bench.consumer.take_away(AT)
    assert bench.consumer.assigned == []


@pytest.mark.parametrize("failure", [FencedError("another"), FatalError("broken")])
def test_loop_ends_when_it_is_fenced_or_cannot_go_on(bench: Bench, failure: IntegrationError) -> None:
    bench.store.write_failures = [failure]
    joined(bench).read(0)
    with pytest.raises(type(failure)):
        bench.until(lambda: False)


def test_loop_reads_a_topic_that_was_created_again_from_its_beginning(bench: Bench) -> None:
    joined(bench).read(0)
    bench.until(lambda: bench.written() == 1)
    bench.ids.ids[AT.topic] = UUID(int=99)
    bench.store.next_offsets = {}
    bench.clock.seconds += 60
    bench.until(lambda: bench.store.claims == 2)
    bench.until(bench.loop.ready)
    assert [each.offset for each in bench.consumer.assigned] == [OFFSET_BEGINNING]


def test_loop_whose_offset_is_gone_ends_with_what_to_do(bench: Bench) -> None:
    joined(bench)
    bench.consumer.waiting = [FakeMessage(AT.topic, None, None, 0, error_=report("_AUTO_OFFSET_RESET"))]
    with pytest.raises(FatalError, match=r"protiv\.jobs\[0\].*full sync"):
        bench.until(lambda: False)


def test_loop_without_partitions_is_ready(bench: Bench) -> None:
    bench.consumer.give()
    assert bench.loop.ready()


def test_loop_leaves_the_group_and_the_database_at_the_end(bench: Bench) -> None:
    stop = threading.Event()
    stop.set()
    bench.loop.run(stop)
    assert (bench.consumer.closed, bench.store.closed) == (True, True)


def test_loop_checks_with_what_it_claimed_and_merged_and_says_what_takes_long(bench: Bench) -> None:
    began, may_end = threading.Event(), threading.Event()
    checked: list[tuple[object, object, bool]] = []

    class Slow(OverdueCheck):
        def __init__(self) -> None:
            self.comparing = "Rows are compared."

        def check(self, claims: object, merged: object, stopped: Callable[[], bool]) -> None:
            began.set()
            assert may_end.wait(10)
            checked.append((claims, merged, stopped()))

    bench.store.next_offsets[AT] = 7
    bench.loop._overdue = Slow()
    bench.consumer.give(AT)
    bench.until(began.is_set)
    bench.clock.seconds += 11
    assert "Rows are compared." in bench.loop.why_not_ready()
    may_end.set()
    bench.until(bench.loop.ready)
    assert checked == [({AT: bench.loop._buffer.claims[AT]}, {AT: 7}, False)]
