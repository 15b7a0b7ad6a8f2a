"""Several loops in one process, each a member of the group with partitions, a consumer and a connection of its own.

A merge is one backend's work: two backends merge twice as much, as two tasks of Kafka Connect do.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from sinks import metrics


class Loop(Protocol):
    """The part of sinks.consumer.SinkLoop that a lane needs."""

    @property
    def waits(self) -> bool: ...
    def why_not_ready(self) -> str: ...
    def run(self, stop: threading.Event) -> None: ...


class Lanes:
    """Loops that begin and end together: what ends one ends all, and the process with them."""

    def __init__(self, loops: Sequence[Loop]) -> None:
        self._loops = loops
        self._failures: list[BaseException] = []

    def ready(self) -> bool:
        """Whether every loop has its partitions (be it none) and nothing that one of them needs is away."""
        return self.why_not_ready() == ""

    def why_not_ready(self) -> str:
        """A sentence about what is waited for; empty when all loops are at work."""
        return next((reason for loop in self._loops if (reason := loop.why_not_ready())), "")

    def run(self, stop: threading.Event) -> None:
        """Merge until `stop` is set, here or because a loop failed. Raises what the first one raised."""
        metrics.OUTAGE.set_function(lambda: float(any(loop.waits for loop in self._loops)))
        threads = [
            threading.Thread(target=self._run_one, args=[loop, stop], name=f"sink-lane-{number}")
            for number, loop in enumerate(self._loops, start=1)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _run_one(self, loop: Loop, stop: threading.Event) -> None:
        try:
            loop.run(stop)
        except BaseException as exc:  # noqa: BLE001  raised in the caller's thread, once all have ended
            self._failures.append(exc)
            stop.set()
