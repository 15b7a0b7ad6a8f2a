"""The loops of one process begin and end together, and the process is as ready as the least ready of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest
from prometheus_client import REGISTRY

from core.errors import FencedError
from sinks.main import ParallelLoops


@dataclass(slots=True)
class PlayedLoop:
    """Runs until it is asked to end, or raises at once."""

    reason: str = ""
    waits: bool = False
    failure: BaseException | None = None
    began: threading.Event = field(default_factory=threading.Event)
    ended: bool = False

    def why_not_ready(self) -> str:
        return self.reason

    def run(self, stop: threading.Event) -> None:
        self.began.set()
        if self.failure is not None:
            raise self.failure
        stop.wait()
        self.ended = True


@pytest.mark.parametrize(("reasons", "reason"), [(("", ""), ""), (("a", ""), "a"), (("", "b"), "b"), (("a", "b"), "a")])
def test_loops_are_ready_when_all_of_them_are(reasons: tuple[str, ...], reason: str) -> None:
    loops = ParallelLoops([PlayedLoop(each) for each in reasons])
    assert (loops.ready(), loops.why_not_ready()) == (reason == "", reason)


def test_loops_run_together_until_they_are_asked_to_end() -> None:
    loops, stop = [PlayedLoop(), PlayedLoop()], threading.Event()
    running = threading.Thread(target=ParallelLoops(loops).run, args=[stop])
    running.start()
    assert all(loop.began.wait(10) for loop in loops)
    stop.set()
    running.join(10)
    assert [loop.ended for loop in loops] == [True, True]


@pytest.mark.parametrize("failing", [0, 1])
def test_a_loop_that_fails_ends_the_others_and_its_error_is_the_processs(failing: int) -> None:
    loops = [PlayedLoop(), PlayedLoop()]
    loops[failing].failure = FencedError("taken over")
    with pytest.raises(FencedError, match="taken over"):
        ParallelLoops(loops).run(threading.Event())
    assert loops[1 - failing].ended


@pytest.mark.parametrize(("waiting", "shown"), [((False, False), 0.0), ((False, True), 1.0), ((True, False), 1.0)])
def test_the_outage_of_any_loop_is_shown(waiting: tuple[bool, ...], shown: float) -> None:
    stop = threading.Event()
    stop.set()
    ParallelLoops([PlayedLoop(waits=each) for each in waiting]).run(stop)
    assert REGISTRY.get_sample_value("protiv_sink_outage") == shown
