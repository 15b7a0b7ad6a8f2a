"""The sink's loop: reads, buffers and has batches written. Postgres alone decides what is merged and up to where.

Kafka's committed offsets are a copy for showing lag. The loop polls on through every outage, so it stays in the group.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from confluent_kafka import TopicPartition as Assigned

from core.clock import Clock
from core.errors import FatalError
from core.log import get_logger
from schemas.topics import CANONICAL_TOPICS
from sinks import metrics
from sinks.background import Batches, DatabaseWork
from sinks.buffer import Buffer, Limits
from sinks.fetch import Fetcher, RecordSource
from sinks.messages import Batch, PartitionClaim, TopicPartition
from sinks.overdue_check import OverdueCheck
from sinks.status import StatusPublisher, Waiting
from sinks.topics import TopicIds
from sinks.writer import Store, Written

log = get_logger(__name__)

_FULL_WAIT_S = 1.0
_REVOKE_WAIT_S = 5.0
_STOP_WAIT_S = 2.0
_CHECK_TOPICS_EVERY_S = 30.0
_CHECK_OVERDUE_EVERY_S = 15.0


class SinkLoop:
    """One member of the group. All its methods run in one thread; only claims and writes run in another."""

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
        self._database = DatabaseWork(clock)
        self._status = StatusPublisher(consumer, clock)
        self._buffer = Buffer(limits or Limits())
        self._fetcher = Fetcher(consumer, self._buffer, clock)
        self._batches = Batches(self._buffer, store)
        self._merged: dict[TopicPartition, int] = {}
        self._assignment = 0
        self._unclaimed: list[TopicPartition] | None = None
        self._check_topics_at = 0.0
        self._overdue = overdue
        self._check_overdue_at = 0.0
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
            return waiting.sentence
        if not self._joined:
            return "The group has not assigned partitions to this sink yet."
        return "" if self._unclaimed is None else "Postgres has not answered yet where to continue."

    def run(self, stop: threading.Event) -> None:
        """Merge until `stop` is set. Raises FatalError (FencedError when another took over) for the process to end."""
        self.join()
        try:
            while not stop.is_set():
                self.step()
        finally:
            self._leave()

    def join(self) -> None:
        """Become a member of the group; its assignments come with later steps."""
        self._consumer.subscribe(
            list(CANONICAL_TOPICS), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def step(self) -> None:
        """Use what the database finished, give it the next work, read on."""
        self._finish_and_begin()
        if not self._buffer.room and not self._fetcher.paused and self._database.running:
            self._database.wait(_FULL_WAIT_S)
            self._finish_and_begin()
        self._fetcher.fetch(busy=self._database.running)
        self._status.publish(self._waiting(), dict.fromkeys(self._unclaimed or ()) | self._merged)

    def _waiting(self) -> Waiting | None:
        return self._database.waiting("" if self._overdue is None else self._overdue.comparing)

    # What the database does

    def _finish_and_begin(self) -> None:
        self._database.finish()
        now = self._clock.monotonic()
        if not self._database.may_begin():
            self._batches.decode_next_if_full()
        elif self._unclaimed is not None:
            self._database.begin(partial(self._claim, self._unclaimed), self._claimed)
        elif self._batches.present or self._buffer.due_in_s(now) == 0.0:
            batch, write = self._batches.next_write()
            self._database.begin(write, partial(self._committed, batch, now))
            self._batches.decode_next_if_full()
        elif self._buffer.claims and (now >= self._check_topics_at or self._fetcher.lost is not None):
            self._database.begin(self._topic_ids.current, self._topics_checked)
        elif self._overdue is not None and self._buffer.claims and now >= self._check_overdue_at:
            self._begin_overdue_check(self._overdue)

    def _claim(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, PartitionClaim]:
        return self._store.claim(self._topic_ids.current(), partitions)

    def _claimed(self, claims: Mapping[TopicPartition, PartitionClaim]) -> None:
        self._unclaimed = None
        self._check_topics_at = self._clock.monotonic() + _CHECK_TOPICS_EVERY_S
        self._check_overdue_at = 0.0
        self._merged = {at: claim.next_offset for at, claim in claims.items()}
        self._fetcher.start(claims)
        # The sink that held them before may have ended while it waited, and its status still says so.
        self._status.merged(self._merged)
        log.info("partitions_claimed", count=len(claims))

    def _committed(self, batch: Batch, began: float, written: Written) -> None:
        self._batches.committed()
        metrics.record(batch, written, seconds=self._clock.monotonic() - began, now=self._clock.now())
        merged = {update.at: update.next_offset for update in batch.updates}
        self._merged |= merged
        self._status.merged(merged)

    def _topics_checked(self, ids: Mapping[str, UUID]) -> None:
        self._check_topics_at = self._clock.monotonic() + _CHECK_TOPICS_EVERY_S
        claims = self._buffer.claims
        if any(claim.topic_id != ids[at.topic] for at, claim in claims.items()):
            log.warning("topic_recreated")
            self._drop()
            self._consumer.assign([])
            self._unclaimed = list(claims)
        elif self._fetcher.lost is not None:
            topic, number = self._fetcher.lost
            raise FatalError(
                f"The offset at which the sink continues in {topic}[{number}] is not in the topic: records were "
                "removed from it. Delete the row of protiv.sink_offsets (the sink then reads what is there from its "
                "beginning), start the sink again and order a full sync of the companies."
            )

    def _begin_overdue_check(self, overdue: OverdueCheck) -> None:
        mine = self._assignment
        check = partial(overdue.check, self._buffer.claims, dict(self._merged), lambda: self._assignment != mine)
        self._database.begin(check, self._overdue_checked)

    def _overdue_checked(self, _nothing: None) -> None:
        self._check_overdue_at = self._clock.monotonic() + _CHECK_OVERDUE_EVERY_S

    # What the group decides

    def _assigned(self, consumer: RecordSource, partitions: Sequence[Assigned]) -> None:
        self._joined = True
        self._drop()
        # Reading begins when Postgres has answered where; until then nothing is fetched from the partitions.
        consumer.assign([])
        self._unclaimed = [TopicPartition(each.topic, each.partition) for each in partitions] or None

    def _revoked(self, _consumer: RecordSource, partitions: Sequence[Assigned]) -> None:
        log.info("partitions_revoked", count=len(partitions))
        self._database.wait(_REVOKE_WAIT_S)
        if self._unclaimed is None:
            # Not a claim: its result would assign the partitions that are being given up.
            self._database.finish()
        self._drop()

    def _drop(self) -> None:
        self._assignment += 1
        self._database.forget_result()
        self._fetcher.drop()
        self._batches.drop()
        self._merged = {}
        self._unclaimed = None

    def _leave(self) -> None:
        self._batches.end()
        # After a write under way; a hanging database is not waited for any longer.
        self._database.end(self._store.close, _STOP_WAIT_S)
        # Leaving the group talks to brokers, which may be away; then the group notices by itself.
        closing = threading.Thread(target=self._consumer.close, name="sink-leave", daemon=True)
        closing.start()
        closing.join(_STOP_WAIT_S)
