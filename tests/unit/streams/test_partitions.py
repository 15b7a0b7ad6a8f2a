"""Ownership of partitions: batches wait for state; one that was given up is neither written nor acknowledged."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping
from types import SimpleNamespace

import pytest
from faust.types import TP

from core.errors import FatalError, StoppedError
from schemas.entities import JOBS
from streams.consumer import Delivery
from streams.partitions import Partitions, next_deliveries, process_deliveries, raw_record
from streams.stage import PartitionStage
from streams.state.partition import PartitionState
from tests.unit.streams.factories import RawTopics, job
from tests.unit.streams.fakes import FakePublisher, stage

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Opened:
    """Opens stages over fake publishers, once the test allows it."""

    def __init__(self) -> None:
        self.publishers: dict[int, FakePublisher] = {}
        self.may_open = threading.Event()
        self.may_open.set()
        self.error: Exception | None = None
        self.kept: dict[int, PartitionState] = {}

    def __call__(
        self, partitions: Collection[int], kept: Mapping[int, PartitionState], stop: threading.Event
    ) -> dict[int, PartitionStage]:
        self.kept = dict(kept)
        while not self.may_open.wait(0.01):
            if stop.is_set():
                raise StoppedError("given up")
        if self.error is not None:
            raise self.error
        self.publishers = {number: FakePublisher() for number in partitions}
        return {number: stage(number, self.publishers[number]) for number in partitions}


def delivery(raw: RawTopics, *values: bytes | None) -> Delivery:
    """A delivery of Faust's consumer: a job for None, else a record with this value."""
    records = [raw.put(JOBS, job()) if value is None else raw.rubbish(JOBS, "1", value) for value in values]
    messages = [
        SimpleNamespace(
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
            headers=record.headers,
            timestamp=record.timestamp_ms,
        )
        for record in records
    ]
    return Delivery(TP(JOBS.raw_topic, raw.partition), messages, 1, None)


class Done(list[Delivery]):
    """Keeps what was acknowledged; deliveries count as current until `current` is false."""

    current = True

    def acknowledge(self, delivery: Delivery) -> None:
        self.append(delivery)

    def is_current(self, _: Delivery) -> bool:
        return self.current


def unexpected(error: BaseException) -> None:
    raise AssertionError(error)


async def settled(partitions: Partitions) -> None:
    async with asyncio.timeout(5):
        while partitions.busy:
            await asyncio.sleep(0)


async def test_is_ready_once_state_is_loaded() -> None:
    opened = Opened()
    opened.may_open.clear()
    partitions = Partitions(opened, on_error=unexpected)
    assert not partitions.ready
    await partitions.assigned({0, 1})
    assert not partitions.ready
    assert partitions.busy
    opened.may_open.set()
    await settled(partitions)
    assert partitions.ready
    await partitions.revoked()
    assert not partitions.ready


async def test_batch_waits_for_its_state_and_is_then_processed() -> None:
    opened, raw = Opened(), RawTopics()
    opened.may_open.clear()
    partitions = Partitions(opened, on_error=unexpected)
    await partitions.assigned({raw.partition})
    work = asyncio.create_task(partitions.process(raw.partition, [raw.put(JOBS, job())]))
    await asyncio.sleep(0)
    assert not work.done()
    opened.may_open.set()
    assert await work is True
    assert [each.key for each in opened.publishers[raw.partition].canonical()] == ["acme/1"]


async def test_batch_of_a_partition_not_owned_is_left() -> None:
    raw = RawTopics()
    partitions = Partitions(Opened(), on_error=unexpected)
    assert await partitions.process(raw.partition, [raw.put(JOBS, job())]) is False
    await partitions.assigned({raw.partition + 1})
    assert await partitions.process(raw.partition, [raw.put(JOBS, job())]) is False


async def test_partition_given_up_while_loading_is_not_written() -> None:
    opened, raw = Opened(), RawTopics()
    opened.may_open.clear()
    partitions = Partitions(opened, on_error=unexpected)
    await partitions.assigned({raw.partition})
    work = asyncio.create_task(partitions.process(raw.partition, [raw.put(JOBS, job())]))
    await asyncio.sleep(0)
    await partitions.revoked()
    assert await work is False
    assert opened.publishers == {}


async def test_giving_up_waits_for_the_batch_at_work_and_closes() -> None:
    opened, raw = Opened(), RawTopics()
    partitions = Partitions(opened, on_error=unexpected)
    await partitions.assigned({raw.partition})
    await settled(partitions)
    publisher = opened.publishers[raw.partition]
    at_work, may_end = threading.Event(), threading.Event()

    def slowly() -> None:
        at_work.set()
        may_end.wait(5)
        assert not publisher.closed

    publisher.during = slowly
    work = asyncio.create_task(partitions.process(raw.partition, [raw.put(JOBS, job())]))
    assert await asyncio.to_thread(at_work.wait, 5)
    giving_up = asyncio.create_task(partitions.revoked())
    await asyncio.sleep(0)
    may_end.set()
    await giving_up
    assert publisher.closed
    assert await work is False


async def test_finished_batch_is_acknowledged_at_the_end_of_the_process() -> None:
    opened, raw, queue = Opened(), RawTopics(), asyncio.Queue[Delivery]()
    partitions = Partitions(opened, on_error=unexpected)
    await partitions.assigned({raw.partition})
    await settled(partitions)
    publisher = opened.publishers[raw.partition]
    at_work, may_end = threading.Event(), threading.Event()

    def slowly() -> None:
        at_work.set()
        may_end.wait(5)

    publisher.during = slowly
    done = Done()
    processing = asyncio.create_task(process_deliveries(queue, JOBS, partitions, done, unexpected))
    delivered = delivery(raw, None)
    queue.put_nowait(delivered)
    assert await asyncio.to_thread(at_work.wait, 5)
    closing = asyncio.create_task(partitions.close())
    await asyncio.sleep(0)
    may_end.set()
    await closing
    processing.cancel()
    assert done == [delivered]


async def test_failure_to_open_ends_the_process() -> None:
    opened, errors = Opened(), list[BaseException]()
    opened.error = FatalError("no state")
    partitions = Partitions(opened, on_error=errors.append)
    await partitions.assigned({0})
    async with asyncio.timeout(5):
        while not errors:
            await asyncio.sleep(0)
    assert errors == [opened.error]


async def test_new_assignment_takes_the_place_of_the_old_one() -> None:
    opened = Opened()
    partitions = Partitions(opened, on_error=unexpected)
    await partitions.assigned({0})
    await settled(partitions)
    old = opened.publishers[0]
    await partitions.assigned({0, 1})
    await settled(partitions)
    assert old.closed
    assert set(opened.publishers) == {0, 1}
    assert set(opened.kept) == {0}


async def test_state_of_a_batch_that_was_not_published_is_not_kept() -> None:
    opened, raw = Opened(), RawTopics()
    partitions = Partitions(opened, on_error=unexpected)
    await partitions.assigned({raw.partition})
    await settled(partitions)

    def given_up() -> None:
        raise StoppedError("given up")

    opened.publishers[raw.partition].during = given_up
    assert await partitions.process(raw.partition, [raw.put(JOBS, job())]) is False
    await partitions.assigned({raw.partition})
    await settled(partitions)
    assert opened.kept == {}


async def test_deliveries_are_acknowledged_once_published_in_order() -> None:
    opened, raw, queue = Opened(), RawTopics(), asyncio.Queue[Delivery]()
    partitions = Partitions(opened, on_error=unexpected)
    await partitions.assigned({raw.partition})
    deliveries = [delivery(raw, None, b"rubbish"), delivery(raw, None)]
    for each in deliveries:
        queue.put_nowait(each)
    done = Done()
    processing = asyncio.create_task(process_deliveries(queue, JOBS, partitions, done, unexpected))
    async with asyncio.timeout(5):
        while len(done) < 2:
            await asyncio.sleep(0)
    processing.cancel()
    assert done == deliveries
    publisher = opened.publishers[raw.partition]
    assert (len(publisher.canonical()), len(publisher.dead_letters())) == (2, 1)


async def test_unforeseen_error_ends_the_process_and_acknowledges_nothing() -> None:
    opened, raw, queue, errors = Opened(), RawTopics(), asyncio.Queue[Delivery](), list[BaseException]()
    partitions = Partitions(opened, on_error=unexpected)
    await partitions.assigned({raw.partition})
    await settled(partitions)
    opened.publishers[raw.partition].during = lambda: 1 / 0
    queue.put_nowait(delivery(raw, None))
    done = Done()
    with pytest.raises(ZeroDivisionError):
        await process_deliveries(queue, JOBS, partitions, done, errors.append)
    assert done == []
    assert [type(error) for error in errors] == [ZeroDivisionError]


async def test_delivery_that_comes_before_its_assignment_is_processed() -> None:
    opened, raw, queue, done = Opened(), RawTopics(), asyncio.Queue[Delivery](), Done()
    partitions = Partitions(opened, on_error=unexpected)
    early = delivery(raw, None)
    queue.put_nowait(early)
    processing = asyncio.create_task(process_deliveries(queue, JOBS, partitions, done, unexpected))
    while not queue.empty():
        await asyncio.sleep(0)
    await partitions.assigned({raw.partition})
    async with asyncio.timeout(5):
        while not done:
            await asyncio.sleep(0.01)
    processing.cancel()
    assert len(opened.publishers[raw.partition].canonical()) == 1


async def test_delivery_of_an_earlier_assignment_is_left() -> None:
    opened, raw, queue, done = Opened(), RawTopics(), asyncio.Queue[Delivery](), Done()
    done.current = False
    partitions = Partitions(opened, on_error=unexpected)
    await partitions.assigned({raw.partition})
    await settled(partitions)
    queue.put_nowait(delivery(raw, None))
    processing = asyncio.create_task(process_deliveries(queue, JOBS, partitions, done, unexpected))
    while not queue.empty():
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    processing.cancel()
    assert done == []
    assert opened.publishers[raw.partition].canonical() == []


async def test_next_deliveries_are_all_in_the_queue() -> None:
    queue, raw = asyncio.Queue[Delivery](), RawTopics()
    deliveries = [delivery(raw, None) for _ in range(3)]
    for each in deliveries:
        queue.put_nowait(each)
    assert await next_deliveries(queue) == deliveries


def test_raw_record_of_a_message_without_headers() -> None:
    message = SimpleNamespace(partition=1, offset=2, key=None, value=None, headers=(), timestamp=1500)
    record = raw_record(message, JOBS)
    assert (record.key, record.value, list(record.headers), record.timestamp_ms) == (None, None, [], 1500)
