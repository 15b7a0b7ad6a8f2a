"""The sink's loop: reads, buffers and hands batches to the writer; what is merged and how far is Postgres's word alone.

Kafka's committed offsets are a copy for showing lag. The loop polls on through every outage, so the group keeps it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from confluent_kafka import OFFSET_BEGINNING
from confluent_kafka import TopicPartition as Assigned

from core.clock import Clock
from core.errors import FatalError, RetriableError
from core.log import get_logger
from schemas.catalogue import CANONICAL_TOPICS
from sinks import metrics
from sinks.buffer import Buffer, Limits
from sinks.kafka_events import Event, event_of
from sinks.messages import Batch, Claim, TopicPartition
from sinks.outage import Outage
from sinks.overdue.check import OverdueCheck
from sinks.status import Announcement, Waiting
from sinks.topic_ids import TopicIds
from sinks.worker import Worker
from sinks.writer import Reads, Store, Written

log = get_logger(__name__)

_IDLE_S = 0.5
_BUSY_S = 0.02
_GATHER_S = 0.01
_PATIENCE_S = 1.0
_REVOKE_WAIT_S = 5.0
_STOP_WAIT_S = 2.0
_CHECK_TOPICS_EVERY_S = 30.0
_STALLED_S = 10.0
_LOOK_EVERY_S = 15.0


Rebalanced = Callable[[Any, list[Assigned]], None]


class RecordSource(Protocol):
    """What the loop needs of confluent_kafka.Consumer."""

    def subscribe(
        self, topics: list[str], *, on_assign: Rebalanced, on_revoke: Rebalanced, on_lost: Rebalanced
    ) -> None: ...
    def consume(self, num_messages: int, timeout: float) -> list[Any]: ...
    def assign(self, partitions: list[Assigned]) -> None: ...
    def assignment(self) -> list[Assigned]: ...
    def pause(self, partitions: list[Assigned]) -> None: ...
    def resume(self, partitions: list[Assigned]) -> None: ...
    def commit(self, *, offsets: list[Assigned]) -> Any: ...
    def committed(self, partitions: list[Assigned], timeout: float) -> list[Assigned]: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class _Pending:
    """A batch on its way: it is read in one thread while the one before is written in another."""

    batch: Batch
    reads: Future[Reads]


class Since(NamedTuple):
    """When something began, on both clocks."""

    at: datetime
    monotonic: float


@dataclass(frozen=True, slots=True)
class _Work:
    """What the worker does now, what to do with its result, and the assignment that it is for."""

    future: Future[Any]
    done: Callable[[Any], None]
    assignment: int
    since: Since


class SinkLoop:
    """One member of the group. All its methods run in one thread; only claims and writes run in the worker's."""

    def __init__(
        self,
        consumer: RecordSource,
        store: Store,
        topic_ids: TopicIds,
        *,
        clock: Clock,
        limits: Limits | None = None,
        overdue: OverdueCheck | None = None,
    ) -> None:
        self._consumer = consumer
        self._store = store
        self._topic_ids = topic_ids
        self._clock = clock
        self._reader = Worker("sink-reader")
        self._writer = Worker("sink-writer")
        self._outage = Outage(clock)
        self._announcement = Announcement(consumer, clock)
        self._merged: dict[TopicPartition, int] = {}
        self._buffer = Buffer(limits or Limits())
        self._assignment = 0
        self._unclaimed: list[TopicPartition] | None = None
        self._next: _Pending | None = None
        self._current: _Pending | None = None
        self._work: _Work | None = None
        self._paused = False
        self._lost_position: TopicPartition | None = None
        self._check_at = 0.0
        self._overdue = overdue
        self._look_at = 0.0
        self._joined = False

    def ready(self) -> bool:
        """Whether this member has its partitions and nothing that it needs is away."""
        return self.why_not_ready() == ""

    @property
    def waits(self) -> bool:
        """Whether something that it needs is away."""
        return self._waiting() is not None

    def why_not_ready(self) -> str:
        """A sentence about what is waited for; empty when this member is at work."""
        waiting = self._waiting()
        if waiting is not None:
            return f"{waiting.reason} Waiting since {waiting.since.isoformat(timespec='seconds')}."
        if not self._joined:
            return "The group has not let this sink in yet."
        return "" if self._unclaimed is None else "Postgres has not said yet where to go on."

    def run(self, stop: threading.Event) -> None:
        """Merge until `stop` is set. Raises FatalError (FencedError when another took over) for the process to end."""
        self.join()
        try:
            while not stop.is_set():
                self.step()
        finally:
            self._leave()

    def join(self) -> None:
        """Become a member of the group; what it assigns comes with later steps."""
        self._consumer.subscribe(
            list(CANONICAL_TOPICS), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def step(self) -> None:
        """Take up what the worker finished, give it the next thing to do, read on."""
        self._settle()
        self._begin()
        self._read()
        self._announcement.say(self._waiting(), dict.fromkeys(self._unclaimed or ()) | self._merged)

    def _waiting(self) -> Waiting | None:
        """An outage, or a statement that should have been answered long ago: a database that hangs raises nothing."""
        work = self._work
        if work is not None and self._clock.monotonic() - work.since.monotonic >= _STALLED_S:
            comparing = "" if self._overdue is None else self._overdue.comparing
            reason = comparing or "Postgres does not answer what it was asked."
            return self._outage.waiting or Waiting(reason, work.since.at)
        return self._outage.waiting

    # What the worker does

    def _settle(self) -> None:
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
        # Work for an assignment that ended meanwhile is committed or not; whoever claims next sees which.
        if work.assignment == self._assignment:
            work.done(result)

    def _begin(self) -> None:
        now = self._clock.monotonic()
        idle = self._work is None and self._outage.may_try()
        if not idle:
            self._prepare_if_full()
        elif self._unclaimed is not None:
            self._submit(partial(self._claim, self._unclaimed), self._claimed)
        elif self._current is not None or self._next is not None or self._buffer.due_in_s(now) == 0.0:
            self._begin_write(now)
        elif self._buffer.claims and now >= self._check_at:
            self._submit(self._topic_ids.current, self._checked)
        elif self._overdue is not None and self._buffer.claims and now >= self._look_at:
            self._submit(self._look(self._overdue), self._looked)

    def _begin_write(self, now: float) -> None:
        if self._current is None:
            self._current, self._next = self._next or self._prepared(), None
        pending = self._current
        self._submit(partial(self._write, pending), partial(self._committed, pending.batch, now))
        self._prepare_if_full()

    def _prepare_if_full(self) -> None:
        # While the writer is busy, records gather: the busier it is, the larger the batches and the less each costs.
        if self._next is None and not self._buffer.room:
            self._next = self._prepared()

    def _prepared(self) -> _Pending:
        batch = self._buffer.take()
        return _Pending(batch, self._reader.submit(partial(self._store.read, batch)))

    def _write(self, pending: _Pending) -> Written:
        try:
            reads = pending.reads.result()
        except RetriableError:
            pending.reads = self._reader.submit(partial(self._store.read, pending.batch))
            raise
        return self._store.write(pending.batch, reads)

    def _submit(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        since = Since(self._clock.now(), self._clock.monotonic())
        self._work = _Work(self._writer.submit(work), done, self._assignment, since)

    def _claim(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Claim]:
        return self._store.claim(self._topic_ids.current(), partitions)

    def _claimed(self, claims: Mapping[TopicPartition, Claim]) -> None:
        self._unclaimed = None
        self._check_at = self._clock.monotonic() + _CHECK_TOPICS_EVERY_S
        self._look_at = 0.0
        self._buffer.start(claims)
        self._merged = {at: claim.next_offset for at, claim in claims.items()}
        # Where nothing was merged yet, the oldest record may have a higher offset than 0.
        self._consumer.assign(
            [Assigned(*at, claim.next_offset or OFFSET_BEGINNING) for at, claim in sorted(claims.items())]
        )
        # A partition that was paused when it was given up is paused still when it comes back: librdkafka remembers.
        self._consumer.resume(self._consumer.assignment())
        self._paused = False
        # Whoever held them before may have ended while it waited, and said so.
        self._announcement.moved(self._merged)
        log.info("partitions_claimed", count=len(claims))

    def _committed(self, batch: Batch, began: float, written: Written) -> None:
        self._current = None
        metrics.record(batch, written, seconds=self._clock.monotonic() - began, now=self._clock.now())
        moved = {move.at: move.next_offset for move in batch.moves}
        self._merged |= moved
        self._announcement.moved(moved)

    def _checked(self, ids: Mapping[str, UUID]) -> None:
        self._check_at = self._clock.monotonic() + _CHECK_TOPICS_EVERY_S
        claims = self._buffer.claims
        if any(claim.topic_id != ids[at.topic] for at, claim in claims.items()):
            log.warning("topic_recreated")
            self._drop()
            self._consumer.assign([])
            self._unclaimed = list(claims)
        elif self._lost_position is not None:
            topic, number = self._lost_position
            raise FatalError(
                f"The offset at which the sink goes on in {topic}[{number}] is not in the topic: records were removed "
                "from it. Delete the row of protiv.sink_offsets (the sink then reads what is there from its "
                "beginning), start the sink again and order a full sync of the companies."
            )

    def _look(self, overdue: OverdueCheck) -> Callable[[], None]:
        mine = self._assignment
        return partial(overdue.look, self._buffer.claims, dict(self._merged), lambda: self._assignment != mine)

    def _looked(self, _nothing: None) -> None:
        self._look_at = self._clock.monotonic() + _LOOK_EVERY_S

    # What the consumer reads

    def _read(self) -> None:
        if self._wait_for_room():
            self._take(self._consumer.consume(1, _IDLE_S))
            return
        if self._paused:
            self._consumer.resume(self._consumer.assignment())
            self._paused = False
        first = self._consumer.consume(1, self._wait_s())
        if not first:
            self._buffer.quiet()
            return
        self._take(first)
        if self._buffer.room:
            self._take(self._consumer.consume(self._buffer.room, _GATHER_S))

    def _wait_for_room(self) -> bool:
        """Whether the buffer stays full, so that nothing must be fetched; the partitions are then paused."""
        if self._buffer.room:
            return False
        if self._work is not None and not self._paused:
            wait([self._work.future], _PATIENCE_S)
            self._settle()
            self._begin()
        if self._buffer.room:
            return False
        if not self._paused:
            self._consumer.pause(self._consumer.assignment())
            self._paused = True
        return True

    def _wait_s(self) -> float:
        if self._work is not None:
            return _BUSY_S
        return _IDLE_S if self._buffer.due_in_s(self._clock.monotonic()) is None else _GATHER_S

    def _take(self, messages: Sequence[Any]) -> None:
        now = self._clock.monotonic()
        for message in messages:
            if message.error() is None:
                self._buffer.add(message, now)
            else:
                self._report(message, now)

    def _report(self, message: Any, now: float) -> None:
        event = event_of(message.error())
        at = TopicPartition(message.topic(), message.partition())
        if event is Event.END_OF_PARTITION:
            self._buffer.at_end(at, message.offset(), now)
        elif event is Event.OUT_OF_RANGE and at in self._buffer.claims:
            self._lost_position = at
            self._check_at = now
        else:
            log.warning("kafka_problem", problem=message.error().name())

    # What the group decides

    def _assigned(self, consumer: RecordSource, partitions: Sequence[Assigned]) -> None:
        self._joined = True
        self._drop()
        # Reading begins when Postgres has said where; until then the partitions are this member's and rest.
        consumer.assign([])
        self._unclaimed = [TopicPartition(each.topic, each.partition) for each in partitions] or None

    def _revoked(self, _consumer: RecordSource, partitions: Sequence[Assigned]) -> None:
        log.info("partitions_revoked", count=len(partitions))
        if self._work is not None:
            wait([self._work.future], _REVOKE_WAIT_S)
            if self._unclaimed is None:
                # A claim is left alone: taken up here, it would assign what is given up now.
                self._settle()
        self._drop()

    def _drop(self) -> None:
        self._assignment += 1
        self._buffer.start({})
        self._merged = {}
        self._current = None
        self._next = None
        self._unclaimed = None
        self._lost_position = None
        self._paused = False

    def _leave(self) -> None:
        # Behind a write under way; a database that hangs is not waited for longer.
        closed = self._writer.submit(self._store.close)
        self._writer.end()
        self._reader.end()
        wait([closed], _STOP_WAIT_S)
        # Leaving the group talks to brokers, which may be away; the group notices by itself then.
        closing = threading.Thread(target=self._consumer.close, name="sink-leave", daemon=True)
        closing.start()
        closing.join(_STOP_WAIT_S)
