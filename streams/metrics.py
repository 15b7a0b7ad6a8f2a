"""Prometheus metrics of the stage."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECORDS_IN = Counter("protiv_streams_records_in", "Raw records processed.", ["entity", "outcome"])
RECORDS_OUT = Counter("protiv_streams_records_out", "Canonical records committed, with tombstones.", ["topic"])
DEAD_LETTERS = Counter("protiv_streams_dead_letters", "Raw records dead-lettered.", ["entity", "error_class"])
PARKED = Gauge(
    "protiv_streams_parked_companies",
    "Companies of which too many records were refused; their runs wait.",
)
SHIFT_LINKS = Counter("protiv_streams_shift_links", "Shifts published, by link status.", ["status"])
STATE_SIZE = Gauge("protiv_streams_state_size", "Records held in the state of a partition.", ["entity", "partition"])
STATE_UNUSABLE = Gauge(
    "protiv_streams_state_unusable",
    "Records of the raw topics that could not be used when state was last loaded.",
    ["error_class"],
)
BATCH_SECONDS = Histogram(
    "protiv_streams_batch_seconds", "Time to process a batch, with the commit of its transaction."
)
LOAD_SECONDS = Gauge("protiv_streams_load_seconds", "How long it took to load the state the last time.")
LAG = Gauge("protiv_streams_readable_lag", "Committed raw records that are not fetched yet.")
