"""What one browser may take: places of event streams, and the queue of those who sign in."""

from __future__ import annotations

import threading

import anyio
import pytest

from console.limits import BusyError, HashingPool, StreamPlaces


def test_streams_have_a_limit_a_session_and_one_in_all() -> None:
    places = StreamPlaces(a_session=2, in_all=3)
    first = places.take("ana")
    places.take("ana")
    with pytest.raises(BusyError):
        places.take("ana")
    places.take("dana")
    with pytest.raises(BusyError):
        places.take("olive")
    first()
    places.take("olive")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_hashing_beyond_the_queue_is_refused_at_once_and_pages_wait_for_nothing() -> None:
    pool, go_on = HashingPool(threads=1, waiting=2), threading.Event()
    done: list[bool] = []

    async def sign_in() -> None:
        done.append(await pool.run(lambda: go_on.wait(30)))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(sign_in)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(BusyError) as caught:
            await pool.run(lambda: True)
        assert caught.value.retry_after_s > 0
        # The pages' own threads.
        assert await anyio.to_thread.run_sync(lambda: "a page") == "a page"
        go_on.set()
    assert done == [True] * 3
    assert await pool.run(lambda: "free again") == "free again"
