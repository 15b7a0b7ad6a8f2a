"""Takes what Faust delivers in bulk, has it processed, and acknowledges it only then.

Faust would commit the offset of a record whose processing raised; so nothing leaves here: what is not foreseen ends the
process before any offset of the batch can be committed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from schemas.catalogue import Entity
from streams.partitions import Partitions
from streams.records import RawRecord

MAX_BATCH = 4_000


async def drain(
    queue: asyncio.Queue[Any], entity: Entity, partitions: Partitions, *, on_error: Callable[[BaseException], None]
) -> None:
    """Process the events of one raw topic until cancelled; `on_error` ends the process."""
    try:
        while True:
            await _process(await take(queue), entity, partitions)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - the one place where the unforeseen must not get past
        on_error(error)


async def take(queue: asyncio.Queue[Any]) -> list[Any]:
    """At least one event, and what else is there already."""
    events = [await queue.get()]
    while len(events) < MAX_BATCH and not queue.empty():
        events.append(queue.get_nowait())
    return events


async def _process(events: list[Any], entity: Entity, partitions: Partitions) -> None:
    by_partition: dict[int, list[Any]] = defaultdict(list)
    for event in events:
        by_partition[event.message.partition].append(event)
    await asyncio.gather(
        *(_process_partition(number, batch, entity, partitions) for number, batch in by_partition.items())
    )


async def _process_partition(number: int, events: list[Any], entity: Entity, partitions: Partitions) -> None:
    if await partitions.process(number, [raw_record(event.message, entity) for event in events]):
        for event in events:
            event.ack()


def raw_record(message: Any, entity: Entity) -> RawRecord:
    """A delivered message as the core takes it."""
    return RawRecord(
        entity,
        message.partition,
        message.offset,
        message.key,
        message.value,
        list(message.headers or ()),
        int(message.timestamp * 1000),
    )
