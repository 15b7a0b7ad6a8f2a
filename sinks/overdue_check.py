"""Notices partitions that were not read for longer than their topic keeps deletions, and deletes what was missed.

A deletion that was published and compacted away meanwhile is nowhere any more: only the missing key shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from core.clock import Clock
from core.errors import RetriableError
from core.log import get_logger
from sinks import metrics
from sinks.left_overs import Compared, OverdueRows, TopicKeys
from sinks.messages import PartitionClaim, TopicPartition
from sinks.topics import OverdueTopics, TopicIds

log = get_logger(__name__)

# What a person must decide is compared again after the first, what could not be read after the second.
_AGAIN_S = 3600.0
_UNREAD_AGAIN_S = 60.0
_ASK_KEPT_EVERY_S = 3600.0
_ENDS_LAST = timedelta(minutes=2)


class OverdueCheck:
    """One loop's. `check` runs in its database thread, one at a time; `comparing` may be read from any."""

    def __init__(self, topics: OverdueTopics, rows: OverdueRows, topic_ids: TopicIds, clock: Clock) -> None:
        self._topics = topics
        self._rows = rows
        self._topic_ids = topic_ids
        self._clock = clock
        self._ends: dict[TopicPartition, int] = {}
        self._ends_at = clock.now()
        self._held: set[TopicPartition] = set()
        self._again_at: dict[tuple[TopicPartition, int], float] = {}
        self._kept_s: dict[str, float] = {}
        self._ask_kept_at = 0.0
        self.comparing = ""

    def check(
        self,
        claims: Mapping[TopicPartition, PartitionClaim],
        merged: Mapping[TopicPartition, int],
        stopped: Callable[[], bool],
    ) -> None:
        """Of the partitions that are merged to their end, compare the overdue ones and note that the others are read.

        `merged` is each one's next offset. RetriableError when Postgres does not answer; Kafka is asked again later.
        """
        try:
            ends = self._topics.ends(claims)
        except RetriableError as exc:
            # One partition without a leader must not slow down the merging of the others.
            log.warning("partition_ends_unknown", reason=str(exc))
            return
        # For a partition that always grows, reaching the end of the previous check is enough.
        before = self._ends if self._clock.now() - self._ends_at <= _ENDS_LAST else {}
        self._ends, self._ends_at = ends, self._clock.now()
        reached = {at: claim for at, claim in claims.items() if merged[at] >= min(ends[at], before.get(at, ends[at]))}
        self._forget_others(claims)
        if not reached:
            return
        overdue = self._rows.overdue(reached, self._kept())
        for at, since in overdue.items():
            if self._compared(at, reached[at], merged[at], since, stopped):
                del self._again_at[at, reached[at].number]
            else:
                del reached[at]
        if reached:
            self._rows.caught_up(reached)

    def _kept(self) -> Mapping[str, float]:
        if self._clock.monotonic() >= self._ask_kept_at:
            self._kept_s = self._topics.deletions_kept_s()
            self._ask_kept_at = self._clock.monotonic() + _ASK_KEPT_EVERY_S
        return self._kept_s

    def _compared(
        self, at: TopicPartition, claim: PartitionClaim, merged: int, since: datetime, stopped: Callable[[], bool]
    ) -> bool:
        now, one = self._clock.monotonic(), (at, claim.number)
        if now < self._again_at.get(one, 0.0):
            return False
        if one not in self._again_at:
            metrics.OVERDUE.inc()
            log.warning(
                "partition_overdue",
                topic=at.topic,
                partition=at.partition,
                last_read_to_its_end=since.isoformat(timespec="seconds"),
            )
        self._again_at[one] = now
        self.comparing = f"Rows are compared with {at.topic}[{at.partition}], which was not read for a long time."
        try:
            compared = self._compare(at, claim, merged, stopped)
        finally:
            self.comparing = ""
        self._again_at[one] = self._clock.monotonic() + (_UNREAD_AGAIN_S if compared is None else _AGAIN_S)
        return compared is not None and self._report(at, compared)

    def _compare(
        self, at: TopicPartition, claim: PartitionClaim, merged: int, stopped: Callable[[], bool]
    ) -> Compared | None:
        """None where it was not a whole read of this very topic, or the partition is no longer ours."""
        keys = self._read(at, claim, stopped)
        if keys is None or stopped():
            log.warning("rows_not_compared", topic=at.topic, partition=at.partition)
            return None
        return self._rows.delete_left_overs(at, claim, merged, keys)

    def _read(self, at: TopicPartition, claim: PartitionClaim, stopped: Callable[[], bool]) -> TopicKeys | None:
        try:
            keys = self._topics.keys(at, stopped)
            return keys if self._topic_ids.current()[at.topic] == claim.topic_id else None
        except RetriableError as exc:
            log.warning("partition_not_read_to_end", topic=at.topic, partition=at.partition, reason=str(exc))
            return None

    def _report(self, at: TopicPartition, compared: Compared) -> bool:
        """Log and count the outcome; whether nothing is left for a person."""
        place = {"topic": at.topic, "partition": at.partition}
        for company_id, rows in compared.deleted.items():
            metrics.LEFT_OVERS_DELETED.labels(at.topic.partition(".")[2]).inc(rows)
            log.warning("left_over_rows_deleted", company_id=company_id, rows=rows, **place)
        for company_id, rows in compared.held.items():
            log.error(
                "left_over_rows_held",
                see="docs/runbooks/left-overs-held.md",
                company_id=company_id,
                rows=rows,
                **place,
            )
        self._show_held(at, sum(compared.held.values()))
        log.info("rows_compared", deleted=sum(compared.deleted.values()), **place)
        return not compared.held

    def _forget_others(self, claims: Mapping[TopicPartition, PartitionClaim]) -> None:
        """Whoever has such a partition now shows what is held there."""
        for at in self._held - claims.keys():
            self._show_held(at, 0)

    def _show_held(self, at: TopicPartition, rows: int) -> None:
        metrics.LEFT_OVERS_HELD.labels(at.topic, str(at.partition)).set(rows)
        (self._held.add if rows else self._held.discard)(at)
