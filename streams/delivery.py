"""Takes what Faust delivers in bulk, has it processed, and acknowledges it only then.

Faust would commit the offset of a record whose processing raised; so nothing leaves here: what is not foreseen ends the
process before any offset of the batch can be committed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol

from schemas.catalogue import Entity
from streams.consumer import Delivery
from streams.partitions import Partitions
from streams.records import RawRecord

_RETRY_PAUSE_S = 0.05

OnError = Callable[[BaseException], None]


class Deliverer(Protocol):
    """Who delivers: it is told what is done, and tells what is still wanted."""

    def acknowledge(self, delivery: Delivery) -> None: ...

    def is_current(self, delivery: Delivery) -> bool: ...


async def drain(
    queue: asyncio.Queue[Delivery], entity: Entity, partitions: Partitions, deliverer: Deliverer, on_error: OnError
) -> None:
    """Process the deliveries of one raw topic until cancelled; `on_error` ends the process."""
    try:
        while True:
            await _process(await take(queue), entity, partitions, deliverer)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - the one place where the unforeseen must not get past
        on_error(error)


async def take(queue: asyncio.Queue[Delivery]) -> list[Delivery]:
    """At least one delivery, and what else is there already."""
    deliveries = [await queue.get()]
    while not queue.empty():
        deliveries.append(queue.get_nowait())
    return deliveries


async def _process(deliveries: list[Delivery], entity: Entity, partitions: Partitions, deliverer: Deliverer) -> None:
    by_partition: dict[int, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        by_partition[delivery.tp.partition].append(delivery)

    async def in_order(partition: int, parts: list[Delivery]) -> None:
        for delivery in parts:
            # Records may come before it is known whose they are: what is current is never left undone.
            while deliverer.is_current(delivery):
                if await partitions.process(partition, [raw_record(each, entity) for each in delivery.records]):
                    deliverer.acknowledge(delivery)
                    break
                await asyncio.sleep(_RETRY_PAUSE_S)

    await asyncio.gather(*(in_order(number, parts) for number, parts in by_partition.items()))


def raw_record(message: Any, entity: Entity) -> RawRecord:
    """A record of Faust's client as the core takes it."""
    return RawRecord(
        entity,
        message.partition,
        message.offset,
        message.key,
        message.value,
        message.headers,
        message.timestamp,
    )
