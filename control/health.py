"""How the companies are doing all together: what metrics and alerts are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from control.database import Transaction, statements

_SQL = statements("health")
CONNECTION_STATES = ("connecting", "connected", "needs-attention", "paused", "disconnected")


@dataclass(frozen=True, slots=True)
class Health:
    """Counts over all companies; `freshness_s` is by entity the age of what is complete, where it is oldest."""

    connections: Mapping[str, int]
    overdue_s: float
    open_commands: int
    held_deletions: int
    freshness_s: Mapping[str, float]


def read_health(tx: Transaction) -> Health:
    """A handful of small statements; every state has its count, also when it is 0."""
    counted = {str(state): int(count) for state, count in tx.execute(_SQL["connections"])}
    return Health(
        connections={state: counted.get(state, 0) for state in CONNECTION_STATES},
        overdue_s=float(_one(tx, "overdue") or 0.0),
        open_commands=int(_one(tx, "commands") or 0),
        held_deletions=int(_one(tx, "held") or 0),
        freshness_s={str(entity): float(age) for entity, age in tx.execute(_SQL["freshness"])},
    )


def _one(tx: Transaction, name: str) -> float | int | None:
    row = tx.execute(_SQL[name]).fetchone()
    return None if row is None else row[0]
