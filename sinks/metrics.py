"""The sink's Prometheus metrics."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import Counter, Gauge, Histogram

from sinks.messages import Batch
from sinks.writer import Written

MERGED = Counter("protiv_sink_rows_merged", "Rows inserted or changed.", ["entity"])
STALE = Counter("protiv_sink_rows_stale", "Rows left alone because a newer record was there.", ["entity"])
DEAD_LETTERS = Counter("protiv_sink_dead_letters", "Records that can never be merged.", ["topic"])
PARKED = Gauge("protiv_sink_parked_companies", "Companies of which too many records are refused; their runs wait.")
SKIPPED = Counter("protiv_sink_null_values_skipped", "Null values without a version, which say nothing.")
BATCHES = Counter("protiv_sink_batches", "Transactions committed.")
BATCH_SECONDS = Histogram(
    "protiv_sink_batch_seconds",
    "Time from the start of a batch's write to its commit.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
COMMITTED = Gauge(
    "protiv_sink_committed_offset", "Next offset to merge, as committed in Postgres.", ["topic", "partition"]
)
LATENCY_SECONDS = Histogram(
    "protiv_sink_end_to_end_seconds",
    "Time from reading in Buildertrend to the commit, of the newest record of each company and entity in a batch.",
    ["entity"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14400),
)
OUTAGE = Gauge("protiv_sink_outage", "1 while Postgres, the registry or the brokers are away and the sink waits.")

OVERDUE = Counter("protiv_sink_overdue_partitions", "Partitions not read for longer than their topic keeps deletions.")
LEFT_OVERS_DELETED = Counter(
    "protiv_sink_left_overs_deleted", "Rows deleted that their topic no longer has.", ["entity"]
)
LEFT_OVERS_HELD = Gauge(
    "protiv_sink_left_overs_held",
    "Live rows that their topic no longer has, of which an operator must decide.",
    ["topic", "partition"],
)


def record(batch: Batch, written: Written, *, seconds: float, now: datetime) -> None:
    """Count a committed batch."""
    BATCHES.inc()
    BATCH_SECONDS.observe(seconds)
    SKIPPED.inc(written.skipped)
    for (_, entity), change in written.changes.items():
        MERGED.labels(entity).inc(change.count)
        if change.newest_observed_at is not None:
            LATENCY_SECONDS.labels(entity).observe(max(0.0, (now - change.newest_observed_at).total_seconds()))
    for entity, count in written.stale.items():
        STALE.labels(entity).inc(count)
    for topic, count in written.rejected.items():
        DEAD_LETTERS.labels(topic).inc(count)
    for update in batch.updates:
        COMMITTED.labels(update.at.topic, str(update.at.partition)).set(update.next_offset)
