"""Single records as pages list them: held deletions, shifts that wait, what a search finds, jobs and their hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from console.reading.rows import queries, row_of, rows_of, set_tenant
from control.database import Transaction

_SQL = queries("records")
_WILD = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record whose deletion is held, and what Protiv knows of it."""

    entity: str
    entity_id: str
    held_at: datetime
    released_at: datetime | None
    released_by: str | None
    day: date | None
    minutes: int | None
    name: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class WaitingShift:
    """A stored shift that is not linked."""

    time_entry_id: str
    work_date: date
    user_name: str | None
    job_id: str | None
    job_name: str | None
    cost_code_title: str | None
    total_minutes: int | None
    link_status: str
    link_detail: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """A record that a search found."""

    entity: str
    entity_id: str
    name: str
    detail: str
    day: date | None
    minutes: int | None
    is_deleted: bool
    link_status: str | None


@dataclass(frozen=True, slots=True)
class JobHours:
    """A job in the list; `budgeted_hours` is None where nothing states any."""

    job_id: str
    name: str | None
    status: str | None
    budgeted_hours: Decimal | None
    actual_hours: Decimal
    hours_not_linked: Decimal


@dataclass(frozen=True, slots=True)
class Job:
    """A job's own row."""

    job_id: str
    name: str | None
    number: str | None
    status: str | None
    street: str | None


@dataclass(frozen=True, slots=True)
class Labor:
    """Budget against work of one cost code of a job."""

    title: str
    budgeted_hours: Decimal | None
    actual_hours: Decimal
    budgeted_dollars: Decimal | None
    actual_dollars: Decimal
    shifts: int
    open_shifts: int
    hours_not_linked: Decimal


def read_held(tx: Transaction, company_id: str, *, limit: int, offset: int = 0) -> list[HeldRecord]:
    set_tenant(tx, company_id)
    return rows_of(tx, HeldRecord, _SQL["held"], company_id=company_id, limit=limit, offset=offset)


def read_waiting(
    tx: Transaction, company_id: str, *, status: str, subject: str, limit: int, offset: int = 0
) -> list[WaitingShift]:
    """The newest first; an empty subject means all of the status."""
    set_tenant(tx, company_id)
    values = {"company_id": company_id, "status": status, "subject": subject}
    return rows_of(tx, WaitingShift, _SQL["shifts_waiting"], **values, limit=limit, offset=offset)


def find_records(tx: Transaction, company_id: str, find: str, *, entities: Sequence[str], limit: int) -> list[Found]:
    """Exact ids first."""
    set_tenant(tx, company_id)
    values = {"company_id": company_id, "find": find, "like": like(find), "entities": list(entities)}
    return rows_of(tx, Found, _SQL["find"], **values, limit=limit)


def read_jobs(tx: Transaction, company_id: str, *, find: str, limit: int, offset: int = 0) -> list[JobHours]:
    """Those over budget first."""
    set_tenant(tx, company_id)
    values = {"company_id": company_id, "find": find, "like": like(find)}
    return rows_of(tx, JobHours, _SQL["jobs"], **values, limit=limit, offset=offset)


def read_job(tx: Transaction, company_id: str, job_id: str) -> Job | None:
    set_tenant(tx, company_id)
    return row_of(tx, Job, _SQL["job"], company_id=company_id, job_id=job_id)


def read_labor(tx: Transaction, company_id: str, job_id: str) -> list[Labor]:
    """The most hours first."""
    set_tenant(tx, company_id)
    return rows_of(tx, Labor, _SQL["labor"], company_id=company_id, job_id=job_id)


def like(find: str) -> str:
    """A pattern that finds the text anywhere, whatever characters it has."""
    return f"%{find.translate(_WILD)}%"
