"""The console's Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("protiv_console_requests", "Requests answered.", ["path", "status"])
READ_SECONDS = Histogram(
    "protiv_console_read_seconds",
    "Time of one reading of the database, failed ones included.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
OUTAGE = Gauge("protiv_console_outage", "1 while the database does not answer or cannot be read.")
