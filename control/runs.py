"""Runs of a connection: their sequence, attempts and end. A run that was cut short goes on under a new run_seq."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from control.database import Transaction, Writing, statements
from core.errors import ConfigurationError

_SQL = statements("runs")
_POSITION_BITS = 24

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class RunId:
    """A run that has begun; `run_seq` orders the runs of a company and the attempts of a run."""

    run_id: str
    company_id: str
    run_seq: int

    def version(self, position: int) -> int:
        """The version of the record at `position` (counted from 1) of this attempt."""
        if not 0 < position < 1 << _POSITION_BITS:
            raise ValueError("A run publishes at most 16,777,215 records.")
        return (self.run_seq << _POSITION_BITS) | position


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a run is to read, and for which command; `scope` as JSON takes it, equal for reads of the same extent."""

    read: str
    scope: Mapping[str, Any]
    command_id: str | None = None
    usable_s: float = 0.0
    """How long after its start a failed run of the same read and scope may be gone on from."""


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that was begun and has not ended: its poller works on it, or was stopped, or crashed."""

    run_id: str
    run_seq: int
    read: str
    scope: dict[str, Any]
    command_id: str | None
    counts: Counts
    started_at: datetime
    attempts: int


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


@dataclass(frozen=True, slots=True)
class BegunRun:
    """A run at its beginning; `counts` is not empty when it goes on from where another one was cut short."""

    run: RunId
    counts: Counts


def run_seq_of(version: int) -> int:
    """The run_seq that a version was made under."""
    return version >> _POSITION_BITS


def open_run(tx: Transaction, company_id: str) -> OpenRun | None:
    """The run that has not ended, if there is one; there is never more than one."""
    with tx.cursor(row_factory=class_row(OpenRun)) as cursor:
        return cursor.execute(_SQL["open"], {"company_id": company_id}).fetchone()


def begin_run(tx: Transaction, company_id: str, new: NewRun) -> BegunRun:
    """A new run with the next run_seq; one that was left open is closed.

    It takes over pages and checkpoints of a run that failed in the middle of the same read: they are not read again.
    """
    tx.execute(_SQL["abandon"], {"company_id": company_id})
    run = RunId(str(uuid4()), company_id, next_run_seq(tx, company_id))
    scope = Jsonb(dict(new.scope))
    values = {"company_id": company_id, "read": new.read, "scope": scope, "usable_s": new.usable_s}
    left = tx.execute(_SQL["unfinished"], values).fetchone()
    tx.execute(
        _SQL["begin"],
        values | {"run_id": run.run_id, "run_seq": run.run_seq, "command_id": new.command_id},
    )
    if left is not None:
        for name in ("adopt_pages", "adopt_checkpoints"):
            tx.execute(_SQL[name], {"run_id": run.run_id, "from_run_id": left[0]})
    tx.execute(_SQL["drop_others"], {"company_id": company_id, "run_id": run.run_id})
    return BegunRun(run, {} if left is None else left[1])


def continue_run(tx: Transaction, company_id: str, run_id: str) -> RunId:
    """The next attempt of an open run, under a run_seq above all that was published."""
    run = RunId(run_id, company_id, next_run_seq(tx, company_id))
    tx.execute(_SQL["continue"], {"run_id": run_id, "run_seq": run.run_seq})
    return run


def save_progress(tx: Writing, run: RunId, *, position: int, counts: Mapping[str, Mapping[str, int]]) -> None:
    tx.execute(_SQL["save_progress"], {"run_id": run.run_id, "position": position, "counts": Jsonb(counts)})


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended; `state` is completed, held, failed or cancelled.

    `leaves_pages`: if it failed, its pages are of use to a successor.
    """

    state: str
    fault: str | None
    message: str | None
    counts: Mapping[str, Mapping[str, int]]
    leaves_pages: bool = True


def finish_run(tx: Transaction, run: RunId, end: RunEnd) -> None:
    """Record the end. The pages of a run that failed are kept for a successor, those of others are of no more use."""
    values: dict[str, Any] = {"state": end.state, "fault": end.fault, "message": end.message}
    tx.execute(_SQL["finish"], values | {"run_id": run.run_id, "counts": Jsonb(end.counts)})
    if end.state != "failed" or not end.leaves_pages:
        tx.execute(_SQL["drop_pages"], {"run_id": run.run_id})
        tx.execute(_SQL["drop_checkpoints"], {"run_id": run.run_id})


def latest_runs(tx: Transaction, company_id: str, *, limit: int) -> list[RunSummary]:
    """The newest runs first."""
    with tx.cursor(row_factory=class_row(RunSummary)) as cursor:
        return cursor.execute(_SQL["latest"], {"company_id": company_id, "limit": limit}).fetchall()


def durations(tx: Transaction, company_id: str) -> dict[str, float]:
    """Seconds of the newest run of each kind of read that ended in one attempt."""
    return {str(read): float(seconds) for read, seconds in tx.execute(_SQL["durations"], {"company_id": company_id})}


def next_run_seq(tx: Transaction, company_id: str) -> int:
    """Raised with every run; above all that the company published."""
    row = tx.execute(_SQL["next_seq"], {"company_id": company_id}).fetchone()
    if row is None:
        raise ConfigurationError(f"Company {company_id} is not connected: run `protiv-buildertrend connect`.")
    return int(row[0])
