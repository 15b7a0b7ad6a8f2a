"""The buffer: when a batch is due, what it holds and how far it moves each partition."""

from __future__ import annotations

from sinks.buffer import Buffer, Limits
from sinks.messages import PartitionClaim, TopicPartition
from tests.unit.sinks.factories import TOPIC_ID, FakeMessage

TOPIC = "protiv.jobs"
FIRST, SECOND = TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)


def at(offset: int, partition: int = 0, *, topic: str = TOPIC, size: int = 1) -> FakeMessage:
    return FakeMessage(topic, b"c/1", b"x" * size, offset, partition)


def buffer(*, records: int = 3, byte_limit: int = 1000, next_offset: int = 0) -> Buffer:
    made = Buffer(Limits(records=records, bytes=byte_limit, age_s=0.2))
    claim = PartitionClaim(TOPIC_ID, 1, 1, next_offset)
    made.start({FIRST: claim, SECOND: claim})
    return made


def test_buffer_when_empty_is_not_due() -> None:
    assert buffer().due_in_s(99.0) is None


def test_buffer_with_a_record_is_due_when_it_is_old_enough() -> None:
    held = buffer()
    held.add(at(0), 10.0)
    assert 0.0 < (held.due_in_s(10.05) or 0.0) < 0.2
    assert held.due_in_s(10.2) == 0.0


def test_buffer_with_enough_records_is_due_and_has_no_room() -> None:
    held = buffer(records=2)
    held.add(at(0), 0.0)
    held.add(at(1), 0.0)
    assert (held.room, held.due_in_s(0.0)) == (0, 0.0)


def test_buffer_with_enough_bytes_has_no_room() -> None:
    held = buffer(byte_limit=10)
    held.add(at(0, size=10), 0.0)
    assert (held.room, held.due_in_s(0.0)) == (0, 0.0)


def test_buffer_is_due_when_nothing_more_comes() -> None:
    held = buffer()
    held.add(at(0), 0.0)
    assert held.due_in_s(0.0) != 0.0
    held.quiet()
    assert held.due_in_s(0.0) == 0.0


def test_buffer_when_more_comes_after_all_gathers_on() -> None:
    held = buffer()
    held.add(at(0), 0.0)
    held.quiet()
    held.add(at(1), 0.0)
    assert held.due_in_s(0.0) != 0.0


def test_buffer_without_records_waits_although_nothing_comes() -> None:
    held = buffer()
    held.at_end(FIRST, 4, 0.0)
    held.quiet()
    assert held.due_in_s(0.0) != 0.0


def test_take_moves_each_partition_behind_its_last_record() -> None:
    held = buffer(next_offset=5)
    for message in (at(5), at(9), at(7, 1)):
        held.add(message, 0.0)
    batch = held.take()
    assert [(move.at, move.expected, move.next_offset) for move in batch.updates] == [(FIRST, 5, 10), (SECOND, 5, 8)]
    assert batch.size == 3


def test_take_twice_goes_on_from_the_batch_before() -> None:
    held = buffer()
    held.add(at(0), 0.0)
    held.take()
    held.add(at(1), 0.0)
    assert [(move.expected, move.next_offset) for move in held.take().updates] == [(1, 2)]
    assert held.due_in_s(99.0) is None


def test_end_behind_transaction_markers_moves_the_offset_without_a_record() -> None:
    held = buffer()
    held.at_end(FIRST, 4, 0.0)
    assert held.due_in_s(0.3) == 0.0
    batch = held.take()
    assert (batch.size, batch.updates[0].next_offset) == (0, 4)


def test_record_read_again_is_left_out() -> None:
    held = buffer()
    held.add(at(0), 0.0)
    held.add(at(0), 0.0)
    assert held.take().size == 1


def test_record_of_a_partition_that_is_not_claimed_is_left_out() -> None:
    held = buffer()
    held.add(at(0, 2), 0.0)
    held.at_end(TopicPartition(TOPIC, 2), 9, 0.0)
    assert held.due_in_s(9.0) is None


def test_start_anew_drops_what_was_held() -> None:
    held = buffer()
    held.add(at(0), 0.0)
    held.start({})
    assert (held.due_in_s(9.0), dict(held.claims)) == (None, {})
