"""One reading for everybody who looks, also while the source is slow, away or broken."""

from __future__ import annotations

import asyncio
import threading

import pytest

from console.live import LiveOverview, Pace, Shared
from console.overview import Wanted
from core.errors import RetriableError
from tests.fakes import FakeClock
from tests.unit.console.factories import FakeSource, make_company

PATIENT = Pace(patience_s=60)
IMPATIENT = Pace(patience_s=0.01)


class Reads:
    """Counts calls; `answer` may be an exception. Blocks while `gate` is not set."""

    def __init__(self) -> None:
        self.calls = 0
        self.answer: str | Exception = "first"
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> str:
        self.calls += 1
        answer = self.answer
        assert self.gate.wait(60)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_shared_is_read_once_while_it_is_fresh() -> None:
    reads, clock = Reads(), FakeClock()
    shared = Shared(reads, clock, PATIENT)

    async def look() -> None:
        assert (await shared.get()).value == "first"
        assert (await shared.get()).value == "first"
        assert reads.calls == 1
        reads.answer = "second"
        clock.move(PATIENT.fresh_s)
        assert (await shared.get()).value == "second"

    asyncio.run(look())
    assert reads.calls == 2


def test_shared_is_read_once_for_many_that_look_at_the_same_time() -> None:
    reads = Reads()
    shared = Shared(reads, FakeClock(), PATIENT)

    async def look() -> None:
        reads.gate.clear()
        waiting = [asyncio.create_task(shared.get()) for _ in range(20)]
        await asyncio.sleep(0)
        reads.gate.set()
        assert {shown.value for shown in await asyncio.gather(*waiting)} == {"first"}

    asyncio.run(look())
    assert reads.calls == 1


def test_shared_read_that_takes_long_serves_longer() -> None:
    clock = FakeClock()
    calls = 0

    def slow() -> int:
        nonlocal calls
        calls += 1
        clock.move(2)
        return calls

    shared = Shared(slow, clock, PATIENT)

    async def look() -> None:
        assert (await shared.get()).value == 1
        clock.move(7.9)
        assert (await shared.get()).value == 1
        clock.move(0.1)
        assert (await shared.get()).value == 2

    asyncio.run(look())


def test_shared_says_what_is_wrong_and_keeps_the_last_value_until_it_can_be_read() -> None:
    reads, clock = Reads(), FakeClock()
    shared = Shared(reads, clock, PATIENT)

    async def look() -> None:
        await shared.get()
        reads.answer = RetriableError("It is away.")
        clock.move(1)
        shown = await shared.get()
        assert (shown.value, shown.problem) == ("first", "It is away.")
        reads.answer = "back"
        clock.move(1)
        shown = await shared.get()
        assert (shown.value, shown.problem) == ("back", None)

    asyncio.run(look())


def test_shared_read_that_hangs_is_told_of_and_not_begun_twice() -> None:
    reads, clock = Reads(), FakeClock()
    shared = Shared(reads, clock, IMPATIENT)

    async def look() -> None:
        reads.gate.clear()
        for _ in range(3):
            shown = await shared.get()
            assert (shown.value, shown.problem) == (None, "The database takes long to answer.")
            clock.move(100)
        assert reads.calls == 1
        reads.gate.set()
        while (await shared.get()).value is None:
            await asyncio.sleep(0)

    asyncio.run(look())


def test_shared_read_that_ended_long_ago_is_not_taken_for_fresh() -> None:
    reads, clock = Reads(), FakeClock()
    shared = Shared(reads, clock, IMPATIENT)

    async def look() -> None:
        reads.gate.clear()
        await shared.get()
        abandoned = shared._reading
        assert abandoned is not None
        reads.gate.set()
        abandoned.result(60)
        clock.move(3600)
        reads.answer = "second"
        await shared.get()

    asyncio.run(look())
    assert reads.calls == 2


def test_shared_read_that_hangs_leaves_the_last_value_and_says_so() -> None:
    reads, clock = Reads(), FakeClock()

    async def look() -> None:
        shared = Shared(reads, clock, PATIENT)
        await shared.get()
        shared._pace = IMPATIENT
        reads.gate.clear()
        clock.move(60)
        shown = await shared.get()
        assert (shown.value, shown.problem) == ("first", "The database takes long to answer.")

    asyncio.run(look())
    reads.gate.set()


def test_shared_raises_what_is_nobodys_outage_and_can_be_read_again() -> None:
    reads, clock = Reads(), FakeClock()
    shared = Shared(reads, clock, PATIENT)

    async def look() -> None:
        reads.answer = ZeroDivisionError("a mistake of ours")
        with pytest.raises(ZeroDivisionError):
            await shared.get()
        reads.answer = "mended"
        assert (await shared.get()).value == "mended"

    asyncio.run(look())


def test_live_overview_reads_each_view_for_itself() -> None:
    source = FakeSource([make_company()])
    live = LiveOverview(source, FakeClock(), PATIENT)

    async def look() -> None:
        everything = await live.get(Wanted())
        nothing = await live.get(Wanted("zebra"))
        assert everything.value is not None
        assert nothing.value is not None
        assert (everything.value.listing.found, nothing.value.listing.found) == (1, 0)
        await live.get(Wanted())

    asyncio.run(look())
    assert source.reads == 2


def test_live_overview_does_not_keep_views_without_end() -> None:
    source = FakeSource([make_company()])
    live = LiveOverview(source, FakeClock(), PATIENT)

    async def look() -> None:
        for number in range(40):
            await live.get(Wanted(f"find {number}"))
        await live.get(Wanted("find 39"))
        await live.get(Wanted("find 0"))

    asyncio.run(look())
    assert source.reads == 41
