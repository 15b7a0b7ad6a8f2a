"""The poller's Prometheus metrics. Gauges of all companies come from the database: every poller says the same."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

from control.health import Health
from control.runs import Counts
from schemas.commands import command_type

RUNS = Counter("protiv_poller_runs", "Runs that ended.", ["read", "state"])
FAULTS = Counter("protiv_poller_faults", "Runs that a fault of the source ended.", ["fault"])
RECORDS = Counter("protiv_poller_records", "Records of runs that ended, by what became of them.", ["entity", "outcome"])
RUN_SECONDS = Histogram(
    "protiv_poller_run_seconds",
    "Time of a run from its start to its end.",
    ["read"],
    buckets=(1, 2, 5, 10, 30, 60, 120, 300, 900, 1800, 3600, 7200, 14400),
)
REQUESTS = Counter(
    "protiv_poller_requests",
    "Requests sent to Buildertrend, by the read that sent them (or sign-in) and by what they ask for.",
    ["read", "kind"],
)
BUDGET_MOVES = Counter(
    "protiv_poller_budget_moves",
    "Budgets found changed, by what the company-wide report had said: moved, unmoved (it does not suffice), no-row.",
    ["report"],
)
SOURCE_ANSWERS = Counter("protiv_poller_source_answers", "Answers of Buildertrend by class of status.", ["status"])
EVIDENCE = Counter(
    "protiv_poller_evidence",
    "Answers that bore out (held) or contradicted a fact of docs/wire.md.",
    ["fact", "result"],
)
COMMANDS = Counter("protiv_poller_commands", "Commands that had their final answer.", ["type", "outcome"])
COMMANDS_PUT_ASIDE = Counter(
    "protiv_poller_commands_put_aside", "Records of integration.sync-commands that are no command.", ["error_class"]
)
for _error_class in ("undecodable", "unknown-schema", "wrong-schema", "too-long", "cannot-be-processed"):
    # There from the start: an increase from nothing is none to Prometheus, and the first one matters.
    COMMANDS_PUT_ASIDE.labels(_error_class)
ANSWERS_CUT_SHORT = Counter(
    "protiv_poller_answers_unsayable", "Stored answers that could not be said as they are; a short one stands for each."
)
RECIPES_CHANGED = Counter(
    "protiv_poller_recipes_changed", "Times that Buildertrend's own page was seen to ask in another way.", ["grid"]
)
RECIPES_CHANGED.labels("shifts")
ACTIVE = Gauge("protiv_poller_active_connections", "Connections that this poller is at work on.")
OUTAGE = Gauge("protiv_poller_outage", "1 while Kafka or Postgres is away and the poller waits.")
SET_BACKS = Counter("protiv_poller_set_backs", "Times that the database was found set back to an earlier state.")
SET_BACK_RECORDS = Counter(
    "protiv_poller_set_back_records", "Records put in doubt since the topics hold a version that the database lost."
)
CONNECTIONS = Gauge("protiv_poller_connections", "Connections of all companies by state.", ["state"])
OVERDUE_SECONDS = Gauge("protiv_poller_overdue_seconds", "How long the longest due connection waits for a poller.")
OPEN_COMMANDS = Gauge("protiv_poller_open_commands", "Commands without their final answer.")
HELD_DELETIONS = Gauge("protiv_poller_held_deletions", "Deletions that the brake holds.")
FRESHNESS_SECONDS = Gauge(
    "protiv_poller_freshness_seconds",
    "Age of what is complete of an entity, of the company where it is oldest.",
    ["entity"],
)


def show(health: Health) -> None:
    """Set the gauges of all companies together."""
    for state, count in health.connections.items():
        CONNECTIONS.labels(state).set(count)
    OVERDUE_SECONDS.set(health.overdue_s)
    OPEN_COMMANDS.set(health.open_commands)
    HELD_DELETIONS.set(health.held_deletions)
    for entity, age_s in health.freshness_s.items():
        FRESHNESS_SECONDS.labels(entity).set(age_s)


def budget_moved(row_moved: bool | None) -> None:
    """Count a budget that changed; whether its job's row of the report had, None where it had none."""
    BUDGET_MOVES.labels({None: "no-row", True: "moved", False: "unmoved"}[row_moved]).inc()


def command_ended(kind: str, outcome: str) -> None:
    """Count a command's final answer. Its type is whatever somebody wrote: only known ones become labels."""
    COMMANDS.labels(command_type(kind) or "unknown", outcome).inc()


def run_ended(*, read: str, state: str, fault: str | None, counts: Counts, seconds: float) -> None:
    """Count a run that ended."""
    RUNS.labels(read, state).inc()
    RUN_SECONDS.labels(read).observe(seconds)
    if fault is not None:
        FAULTS.labels(fault).inc()
    for entity, outcomes in counts.items():
        _count(entity, outcomes)


def evidence_counted(counts: Mapping[str, tuple[int, int]]) -> None:
    """Add what a run saw of facts: how often each held and how often it was contradicted."""
    for fact, (held, contradicted) in counts.items():
        EVIDENCE.labels(fact, "held").inc(held)
        EVIDENCE.labels(fact, "contradicted").inc(contradicted)


def _count(entity: str, outcomes: Mapping[str, int]) -> None:
    for outcome, records in outcomes.items():
        RECORDS.labels(entity, outcome).inc(records)
