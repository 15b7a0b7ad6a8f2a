"""Glances: when the next one is due, what it is asked for, and what is kept of it. See producers.glance_work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from psycopg.types.json import Jsonb

from control.database import Transaction, statements
from control.runs import Counts, RunId, next_run_seq

_SQL = statements("glances")


@dataclass(frozen=True, slots=True)
class GlanceEnd:
    """What a glance published: nothing where `position` is 0."""

    run: RunId
    position: int
    counts: Counts
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class GlanceFailure:
    """`next_at`: the next glance (None: never). No read begins before `not_before`; one begins now if `read_now`."""

    next_at: datetime | None
    not_before: datetime | None = None
    read_now: bool = False


def begin_glance(tx: Transaction, company_id: str) -> RunId:
    """A run without a row: what it publishes is above all that was published."""
    return RunId(str(uuid4()), company_id, next_run_seq(tx, company_id))


def end_glance(tx: Transaction, end: GlanceEnd, *, next_at: datetime | None, jobs: int | None) -> None:
    """A glance went well. Only one that published something becomes a run of the company; those of long ago go.

    `jobs`: the most that the next one asks for.
    """
    company_id = end.run.company_id
    tx.execute(_SQL["done"], {"company_id": company_id, "next_glance_at": next_at, "glance_jobs": jobs})
    if end.position:
        values = {"run_id": end.run.run_id, "run_seq": end.run.run_seq, "position": end.position}
        times = {"started_at": end.started_at, "finished_at": end.finished_at}
        tx.execute(_SQL["record"], values | times | {"company_id": company_id, "counts": Jsonb(end.counts)})
        tx.execute(_SQL["drop_old"], {"company_id": company_id, "finished_at": end.finished_at})


def fail_glance(tx: Transaction, company_id: str, failure: GlanceFailure) -> None:
    """A glance did not come to its end; the state of the other reads stays as it is."""
    values = {"next_glance_at": failure.next_at, "not_before": failure.not_before, "read_now": failure.read_now}
    tx.execute(_SQL["failed"], values | {"company_id": company_id})


def glance_job_ids(tx: Transaction, company_id: str, *, since: date) -> list[int]:
    """All jobs that are published, those with the newest shifts since that day first."""
    rows = tx.execute(_SQL["job_ids"], {"company_id": company_id, "since": since})
    return [int(job_id) for (job_id,) in rows if job_id.isdecimal()]


def put_working_hours(tx: Transaction, company_id: str, hours: Mapping[str, Any]) -> None:
    """When the company's people work (see producers.working_hours)."""
    tx.execute(_SQL["put_working_hours"], {"company_id": company_id, "working_hours": Jsonb(dict(hours))})
