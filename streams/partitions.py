"""The partitions of this process, and what is delivered of them: opened, processed one batch at a time, given up.

Every rebalance takes all partitions away and assigns them anew; the state of those that come back at once is kept.
A delivery is acknowledged once everything that follows from it is committed. Faust would commit the offset of a record
whose processing raised, so no error leaves this module: an unforeseen one ends the process before any offset of the
batch can be committed.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.errors import StoppedError
from core.log import get_logger
from schemas.entities import Entity
from streams.consumer import Delivery
from streams.records import RawRecord
from streams.stage import PartitionStage
from streams.state.partition import PartitionState

# One computes while another waits for its commit; more would only compete for the interpreter.
_BATCHES_AT_ONCE = 2
_RETRY_PAUSE_S = 0.05

log = get_logger(__name__)

OpenStages = Callable[[Collection[int], Mapping[int, PartitionState], threading.Event], dict[int, PartitionStage]]

OnError = Callable[[BaseException], None]


class Acknowledger(Protocol):
    """Commits the offsets of deliveries; see `streams.consumer.CommittedConsumer`."""

    def acknowledge(self, delivery: Delivery) -> None: ...

    def is_current(self, delivery: Delivery) -> bool: ...


@dataclass(slots=True)
class _Assignment:
    """The partitions of one generation of the group; `stop` is set when they are taken away."""

    locks: dict[int, asyncio.Lock]
    opened: asyncio.Task[dict[int, PartitionStage]]
    stop: threading.Event
    working: set[int] = field(default_factory=set)


class Partitions:
    """Owns the partitions of this process. Used from one event loop; blocking work runs in threads."""

    def __init__(self, open_stages: OpenStages, on_error: OnError) -> None:
        """`on_error` is called with an error that ends the process."""
        self._open = open_stages
        self._on_error = on_error
        self._current: _Assignment | None = None
        self._kept: dict[int, PartitionState] = {}
        self._closing = False
        self._slots = asyncio.Semaphore(_BATCHES_AT_ONCE)
        self.batches = 0

    @property
    def ready(self) -> bool:
        """Whether partitions are assigned (possibly none) and their state is loaded."""
        current = self._current
        return current is not None and current.opened.done() and not current.stop.is_set()

    @property
    def busy(self) -> bool:
        """Whether a partition is being opened or a batch is being processed."""
        current = self._current
        return current is not None and (bool(current.working) or not current.opened.done())

    async def assigned(self, partitions: Collection[int]) -> None:
        """Take over partitions; returns at once, they are opened in the background."""
        await self.revoked()
        stop = threading.Event()
        kept, self._kept = self._kept, {}
        opened = asyncio.create_task(asyncio.to_thread(self._open, sorted(partitions), kept, stop))
        opened.add_done_callback(self._check_opened)
        self._current = _Assignment({number: asyncio.Lock() for number in partitions}, opened, stop)
        log.info("partitions_assigned", partitions=sorted(partitions))

    async def revoked(self) -> None:
        """Give up all partitions: returns when no batch is being processed and nothing more will be written."""
        current, self._current = self._current, None
        if current is None:
            return
        current.stop.set()
        for lock in current.locks.values():
            await lock.acquire()
        stages = (await asyncio.gather(current.opened, return_exceptions=True))[0]
        if isinstance(stages, dict):
            for stage in stages.values():
                await asyncio.to_thread(stage.publisher.close)
            self._kept = {number: stage.state for number, stage in stages.items() if stage.consistent}
        log.info("partitions_revoked", partitions=sorted(current.locks))

    async def close(self) -> None:
        """Give up all partitions at the end of the process: finished batches may still be acknowledged."""
        self._closing = True
        await self.revoked()

    async def process(self, partition: int, batch: Sequence[RawRecord]) -> bool:
        """Process a batch; true when all that follows from it is committed, false if the partition is given up."""
        current = self._current
        if current is None or partition not in current.locks:
            return False
        try:
            stage = (await asyncio.shield(current.opened))[partition]
            async with current.locks[partition]:
                if current.stop.is_set():
                    return False
                return await self._work(current, stage, batch)
        except StoppedError:
            return False

    async def _work(self, current: _Assignment, stage: PartitionStage, batch: Sequence[RawRecord]) -> bool:
        current.working.add(stage.partition)
        try:
            async with self._slots:
                await asyncio.to_thread(stage.process, batch)
        finally:
            current.working.discard(stage.partition)
        self.batches += 1
        # After a rebalance the next owner commits the offsets; at the end of the process they are still ours to commit.
        return self._current is current or self._closing

    def _check_opened(self, opened: asyncio.Task[dict[int, PartitionStage]]) -> None:
        error = None if opened.cancelled() else opened.exception()
        if error is not None and not isinstance(error, StoppedError):
            self._on_error(error)


async def process_deliveries(
    queue: asyncio.Queue[Delivery],
    entity: Entity,
    partitions: Partitions,
    acknowledger: Acknowledger,
    on_error: OnError,
) -> None:
    """Process the deliveries of one raw topic until cancelled; `on_error` ends the process for any error."""
    try:
        while True:
            await _process(await next_deliveries(queue), entity, partitions, acknowledger)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        on_error(error)
        raise


async def next_deliveries(queue: asyncio.Queue[Delivery]) -> list[Delivery]:
    """At least one delivery, and all others that are in the queue."""
    deliveries = [await queue.get()]
    while not queue.empty():
        deliveries.append(queue.get_nowait())
    return deliveries


async def _process(
    deliveries: list[Delivery], entity: Entity, partitions: Partitions, acknowledger: Acknowledger
) -> None:
    by_partition: dict[int, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        by_partition[delivery.tp.partition].append(delivery)

    async def in_order(partition: int, own: list[Delivery]) -> None:
        for delivery in own:
            # Records may arrive before their partition is assigned: a current delivery is tried until it is processed.
            while acknowledger.is_current(delivery):
                if await partitions.process(partition, [raw_record(each, entity) for each in delivery.records]):
                    acknowledger.acknowledge(delivery)
                    break
                await asyncio.sleep(_RETRY_PAUSE_S)

    await asyncio.gather(*(in_order(number, own) for number, own in by_partition.items()))


def raw_record(message: Any, entity: Entity) -> RawRecord:
    """A raw record from a message of Faust's client."""
    return RawRecord(
        entity,
        message.partition,
        message.offset,
        message.key,
        message.value,
        message.headers,
        message.timestamp,
    )
