"""Commits pass any number of transaction markers at once, and never a record that is not acknowledged."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable

import pytest
from faust.types import TP
from intervaltree import IntervalTree

from streams.committed_consumer import CommittedConsumer

PLACE = TP("buildertrend.jobs", 0)


def consumer_after(delivered: Iterable[int], acknowledged: Iterable[int]) -> CommittedConsumer:
    """A consumer to which these offsets came, everything between them being markers; it has committed up to 1."""
    consumer = CommittedConsumer.__new__(CommittedConsumer)
    consumer._acked = defaultdict(list, {PLACE: list(acknowledged)})
    consumer._acked_index = defaultdict(set, {PLACE: set(acknowledged)})
    consumer._gap = defaultdict(IntervalTree)
    consumer._committed_offset = defaultdict(lambda: None, {PLACE: 1})

    async def note_gaps() -> None:
        before = 1
        for offset in delivered:
            if offset - before > 1:
                await consumer._add_gap(PLACE, before + 1, offset)
            before = offset

    asyncio.run(note_gaps())
    return consumer


@pytest.mark.parametrize(
    ("delivered", "acknowledged", "committable"),
    [
        ((1, 2, 3), (1, 2, 3), 4),
        ((1, 2, 4, 5, 7, 9, 10), (1, 2, 4, 5, 7, 9, 10), 11),
        ((1, 2, 4, 5, 7), (1, 2, 4, 5), 6),
        ((1, 2, 4, 5, 7), (1, 2, 4, 7), 5),
        ((1, 2, 4, 5, 7), (2, 4, 5, 7), 8),
        ((1, 5, 9), (1,), 2),
    ],
)
def test_new_offset_passes_every_marker_up_to_the_first_record_not_acknowledged(
    delivered: tuple[int, ...], acknowledged: tuple[int, ...], committable: int
) -> None:
    assert consumer_after(delivered, acknowledged)._new_offset(PLACE) == committable
