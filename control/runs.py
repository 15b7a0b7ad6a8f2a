"""Runs of a connection: their sequence, progress, pages seen and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from control.database import Transaction, statements
from core.errors import ConfigurationError

_SQL = statements("runs")
_POSITION_BITS = 24

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class RunId:
    """A run that has begun; `run_seq` orders the runs of a company."""

    run_id: str
    company_id: str
    run_seq: int

    def version(self, position: int) -> int:
        """The version of the record at `position` (counted from 1) of this run."""
        if not 0 < position < 1 << _POSITION_BITS:
            raise ValueError("A run publishes at most 16,777,215 records.")
        return (self.run_seq << _POSITION_BITS) | position


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as history shows it."""

    run_id: str
    read: str
    state: str
    fault: str | None
    message: str | None
    counts: Counts
    started_at: datetime
    finished_at: datetime | None


def begin_run(tx: Transaction, company_id: str, *, read: str, command_id: str | None) -> RunId:
    """A new run with the next run_seq; runs that a crash left open are closed."""
    tx.execute(_SQL["abandon"], {"company_id": company_id})
    row = tx.execute(_SQL["next_seq"], {"company_id": company_id}).fetchone()
    if row is None:
        raise ConfigurationError(f"Company {company_id} is not connected: run `protiv-buildertrend connect`.")
    run = RunId(str(uuid4()), company_id, row[0])
    tx.execute(
        _SQL["begin"],
        {
            "run_id": run.run_id,
            "company_id": company_id,
            "run_seq": run.run_seq,
            "read": read,
            "command_id": command_id,
        },
    )
    return run


def save_progress(tx: Transaction, run: RunId, *, position: int, counts: Mapping[str, Mapping[str, int]]) -> None:
    tx.execute(_SQL["save_progress"], {"run_id": run.run_id, "position": position, "counts": Jsonb(counts)})


def save_page(tx: Transaction, run: RunId, *, entity: str, page: int, entity_ids: Sequence[str]) -> None:
    """Remember which ids page number `page` showed."""
    tx.execute(
        _SQL["save_page"], {"run_id": run.run_id, "entity": entity, "page": page, "entity_ids": list(entity_ids)}
    )


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended; `state` is completed, held, failed or cancelled."""

    state: str
    fault: str | None
    message: str | None
    counts: Mapping[str, Mapping[str, int]]


def finish_run(tx: Transaction, run: RunId, end: RunEnd) -> None:
    """Record the end; the pages seen are of no more use."""
    values: dict[str, Any] = {"state": end.state, "fault": end.fault, "message": end.message}
    tx.execute(_SQL["finish"], values | {"run_id": run.run_id, "counts": Jsonb(end.counts)})
    tx.execute(_SQL["drop_pages"], {"run_id": run.run_id})


def latest_runs(tx: Transaction, company_id: str, *, limit: int) -> list[RunSummary]:
    """The newest runs first."""
    with tx.cursor(row_factory=class_row(RunSummary)) as cursor:
        return cursor.execute(_SQL["latest"], {"company_id": company_id, "limit": limit}).fetchall()
