"""What runs outside the loop's own thread, so that polling continues while the database works or is away.

One thread decodes a batch while another writes the one before it. Failed work is tried again after growing pauses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from queue import SimpleQueue
from typing import Any

from core.clock import Clock
from core.errors import RetriableError
from core.log import get_logger
from core.retry import Backoff
from sinks.buffer import Buffer
from sinks.messages import Batch
from sinks.status import Waiting
from sinks.writer import Reads, Store, Written

log = get_logger(__name__)

_STALLED_S = 10.0

_Task = tuple[Callable[[], Any], "Future[Any]"]


class Worker:
    """A daemon thread that does one thing after the other: a hanging database does not keep the process from ending."""

    def __init__(self, name: str) -> None:
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Do `work` after what was submitted before; the future holds its result or what it raised."""
        future: Future[Any] = Future()
        self._tasks.put((work, future))
        return future

    def end(self) -> None:
        """End the thread once it has done what was submitted."""
        self._tasks.put(None)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            work, future = task
            try:
                future.set_result(work())
            except BaseException as exc:  # noqa: BLE001  the loop's thread raises it
                future.set_exception(exc)


class Outage:
    """Whether something outside is away, and when to try it again: after longer pauses each time, up to a bound."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._backoff = Backoff()
        self._retry_at = 0.0
        self.waiting: Waiting | None = None
        """Why nothing continues, and since when; None while all is well."""

    @property
    def lasts(self) -> bool:
        return self._backoff.failures > 0

    def failed(self, error: RetriableError) -> None:
        """Count a failure and set the next attempt."""
        pause_s = self._backoff.pause_s(error)
        self.waiting = Waiting(str(error), self.waiting.since if self.waiting else self._clock.now())
        self._retry_at = self._clock.monotonic() + pause_s
        log.warning("sink_waits_for_outage", reason=str(error), failures=self._backoff.failures, retry_in_s=pause_s)

    def ended(self) -> None:
        """Something succeeded."""
        if self.lasts:
            log.info("sink_resumed", failures=self._backoff.failures)
        self._backoff = Backoff()
        self.waiting = None

    def may_try(self) -> bool:
        return not self.lasts or self._clock.monotonic() >= self._retry_at


@dataclass(frozen=True, slots=True)
class _Work:
    """What the database does now, and what to do with its result."""

    future: Future[Any]
    done: Callable[[Any], None]
    since: datetime
    since_s: float


class DatabaseWork:
    """One piece of work for the database at a time, done in a thread of its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._worker = Worker("sink-writer")
        self._outage = Outage(clock)
        self._work: _Work | None = None

    @property
    def running(self) -> bool:
        return self._work is not None

    def may_begin(self) -> bool:
        """Whether nothing is under way, and no pause after a failure either."""
        return self._work is None and self._outage.may_try()

    def begin(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Start `work`; `finish` gives `done` its result, unless `forget_result` was called by then."""
        self._work = _Work(self._worker.submit(work), done, self._clock.now(), self._clock.monotonic())

    def finish(self) -> None:
        """Use the result if there is one by now. Raises what the work raised, except RetriableError."""
        work = self._work
        if work is None or not work.future.done():
            return
        self._work = None
        try:
            result = work.future.result()
        except RetriableError as exc:
            self._outage.failed(exc)
            return
        self._outage.ended()
        work.done(result)

    def forget_result(self) -> None:
        """Work under way is committed or not; whoever claims its partitions next sees which."""
        if self._work is not None:
            self._work = _Work(self._work.future, _ignore, self._work.since, self._work.since_s)

    def wait(self, seconds: float) -> None:
        """Block until the work under way has ended, but no longer than `seconds`."""
        if self._work is not None:
            wait([self._work.future], seconds)

    def waiting(self, long_work: str = "") -> Waiting | None:
        """An outage, or work that takes too long (a hanging database raises nothing); `long_work` says what it is."""
        work = self._work
        if work is not None and self._clock.monotonic() - work.since_s >= _STALLED_S:
            return self._outage.waiting or Waiting(long_work or "Postgres does not answer.", work.since)
        return self._outage.waiting

    def end(self, last: Callable[[], Any], seconds: float) -> None:
        """Do `last` after the work under way, and end the thread; wait no longer than `seconds`."""
        ended = self._worker.submit(last)
        self._worker.end()
        wait([ended], seconds)


def _ignore(_result: Any) -> None:
    """For the result of work whose partitions were given up meanwhile."""


@dataclass(slots=True)
class _Decoding:
    """A batch that is decoded in one thread while the one before it is written in another."""

    batch: Batch
    reads: Future[Reads]


class Batches:
    """The batches between the buffer and their commit: at most one that is written and one that is decoded."""

    def __init__(self, buffer: Buffer, store: Store) -> None:
        self._buffer = buffer
        self._store = store
        self._worker = Worker("sink-reader")
        self._current: _Decoding | None = None
        self._next: _Decoding | None = None

    @property
    def present(self) -> bool:
        return self._current is not None or self._next is not None

    def decode_next_if_full(self) -> None:
        """Only a full buffer: the busier the writer, the larger batches get, and the less each record costs."""
        if self._next is None and not self._buffer.room:
            self._next = self._decoding()

    def next_write(self) -> tuple[Batch, Callable[[], Written]]:
        """The batch to write now (again, if writing it failed), and how to write it."""
        if self._current is None:
            self._current, self._next = self._next or self._decoding(), None
        return self._current.batch, partial(self._write, self._current)

    def committed(self) -> None:
        self._current = None

    def drop(self) -> None:
        self._current = self._next = None

    def end(self) -> None:
        self._worker.end()

    def _decoding(self) -> _Decoding:
        batch = self._buffer.take()
        return _Decoding(batch, self._worker.submit(partial(self._store.read, batch)))

    def _write(self, decoding: _Decoding) -> Written:
        try:
            reads = decoding.reads.result()
        except RetriableError:
            decoding.reads = self._worker.submit(partial(self._store.read, decoding.batch))
            raise
        return self._store.write(decoding.batch, reads)
