"""A thread that does one thing after the other, so that polling goes on while Postgres works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

_Task = tuple[Callable[[], Any], "Future[Any]"]


class Worker:
    """A daemon thread: a database that hangs does not keep the process from ending."""

    def __init__(self, name: str) -> None:
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Do `work` after what was submitted before; the future holds its result or what it raised."""
        future: Future[Any] = Future()
        self._tasks.put((work, future))
        return future

    def end(self) -> None:
        """Let the thread end behind what was submitted."""
        self._tasks.put(None)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            work, future = task
            try:
                future.set_result(work())
            except BaseException as exc:  # noqa: BLE001  the consuming thread raises it
                future.set_exception(exc)
