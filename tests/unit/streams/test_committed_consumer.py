"""What may be committed: deliveries of the present assignment, acknowledged in order, and nothing behind a gap."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams.consumer import CommittedConsumer, Delivery

PLACE = TP("buildertrend.jobs", 0)
OTHER = TP("buildertrend.jobs", 1)


class Consumer(CommittedConsumer):
    """The consumer without its client: the test says what it fetches."""

    fetched: dict[TP, list[Any]]
    during_fetch: Callable[[], None]
    sought: int

    def __init__(self: Any) -> None:
        self._queues = {PLACE.topic: asyncio.Queue()}
        self._generation = 0
        self._delivered = {}
        self._acknowledged = {}
        self._stopped = asyncio.Event()
        self.flow_active = True
        self.suspend_flow = asyncio.Event()
        self.can_resume_flow = asyncio.Event()
        self.fetched = {}
        self.during_fetch = lambda: None
        self.sought = 0

    @property
    def should_stop(self) -> bool:
        return False

    async def _wait_next_records(self, *_: Any, **__: Any) -> Any:
        self.during_fetch()
        return self.fetched, None

    async def wait_first(self, *waits: Any, **_: Any) -> Any:
        await waits[0]
        waits[1].close()

    async def perform_seek(self) -> None:
        self.sought += 1

    async def fetch(self, **offsets: tuple[int, ...]) -> list[Delivery]:
        """What a fetch of these offsets delivers."""
        places = {"place": PLACE, "other": OTHER}
        self.fetched = {
            places[name]: [SimpleNamespace(offset=each) for each in found] for name, found in offsets.items()
        }
        await self._fetch()
        queue = self._queues[PLACE.topic]
        return [queue.get_nowait() for _ in range(queue.qsize())]


pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_fetch_is_delivered_whole_by_partition() -> None:
    consumer = Consumer()
    found = await consumer.fetch(place=(1, 2, 4), other=(7,))
    assert [(each.tp, [record.offset for record in each.records], each.end) for each in found] == [
        (PLACE, [1, 2, 4], 5),
        (OTHER, [7], 8),
    ]


async def test_offsets_behind_acknowledged_deliveries_are_committed_markers_and_all() -> None:
    consumer = Consumer()
    first, second = [*await consumer.fetch(place=(1, 2, 4)), *await consumer.fetch(place=(9, 10))]
    assert consumer._new_offset(PLACE) is None
    consumer.acknowledge(first)
    assert consumer._new_offset(PLACE) == 5
    consumer.acknowledge(second)
    assert consumer._new_offset(PLACE) == 11
    assert consumer._new_offset(OTHER) is None
    assert list(consumer._filter_tps_with_pending_acks()) == [PLACE]


async def test_delivery_behind_one_that_was_not_processed_is_never_committed() -> None:
    consumer = Consumer()
    first = await consumer.fetch(place=(1, 2))
    (second,) = await consumer.fetch(place=(3,))
    consumer.acknowledge(second)
    assert first
    assert consumer._new_offset(PLACE) is None


async def test_delivery_of_an_earlier_assignment_is_never_committed() -> None:
    consumer = Consumer()
    (old,) = await consumer.fetch(place=(1, 2))
    consumer._forget()
    consumer.acknowledge(old)
    assert consumer._new_offset(PLACE) is None


async def test_fetch_over_a_rebalance_is_made_again() -> None:
    consumer = Consumer()
    consumer.during_fetch = consumer._forget
    assert await consumer.fetch(place=(1, 2)) == []
    assert consumer.sought == 1
    consumer.during_fetch = lambda: None
    (again,) = await consumer.fetch(place=(1, 2))
    consumer.acknowledge(again)
    assert consumer._new_offset(PLACE) == 3


async def test_fetch_while_partitions_are_handed_out_is_made_again() -> None:
    consumer = Consumer()

    def suspend() -> None:
        consumer.flow_active = False

    consumer.during_fetch = suspend
    assert await consumer.fetch(place=(1, 2)) == []
    assert consumer.sought == 1


async def test_forgetting_empties_the_queues() -> None:
    consumer = Consumer()
    consumer.fetched = {PLACE: [SimpleNamespace(offset=1)]}
    await consumer._fetch()
    consumer._forget()
    assert consumer._queues[PLACE.topic].empty()
