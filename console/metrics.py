"""The console's Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("protiv_console_requests", "Requests answered.", ["path", "status"])
SIGN_INS = Counter("protiv_console_sign_ins", "Sign-ins by outcome.", ["outcome"])
STREAMS_OPEN = Gauge("protiv_console_streams_open", "Browsers that listen for events now.")
READ_SECONDS = Histogram(
    "protiv_console_read_seconds",
    "Time of one reading for pages, the wait for the database included.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
OUTAGE = Gauge("protiv_console_outage", "1 while the database does not answer.")
