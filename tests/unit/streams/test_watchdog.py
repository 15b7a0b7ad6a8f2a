"""A stall is work without progress for the whole limit, and nothing less."""

from __future__ import annotations

import pytest

from streams.watchdog import Sample, StallWatch
from tests.unit.streams.fakes import ManualClock


@pytest.mark.parametrize(
    ("samples", "stalls"),
    [
        ([Sample(work=True, progress=1)] * 3, False),
        ([Sample(work=True, progress=1)] * 4, True),
        ([Sample(work=False, progress=1)] * 9, False),
        ([Sample(work=True, progress=number) for number in range(9)], False),
        ([Sample(work=False, progress=1)] * 5 + [Sample(work=True, progress=1)] * 3, True),
        ([Sample(work=False, progress=1)] * 5 + [Sample(work=True, progress=1)] * 2, False),
        ([Sample(work=True, progress=1)] * 3 + [Sample(work=True, progress=2)] * 3, False),
    ],
)
def test_stall_is_work_without_progress_for_the_limit(samples: list[Sample], stalls: bool) -> None:
    clock = ManualClock()
    watch = StallWatch(clock, limit_s=30)
    seen = []
    for sample in samples:
        seen.append(watch.stalled(sample))
        clock.seconds += 10
    assert any(seen) is stalls
