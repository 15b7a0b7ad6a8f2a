"""The overview for machines: the same content as the page, instants in ISO form and numbers as numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from console.live import Shown
from console.overview import Company, Overview
from control.runs import RunSummary
from schemas.catalogue import ENTITIES


def as_json(shown: Shown[Overview]) -> dict[str, Any]:
    """`problem` is null while all is well; `companies` are then as of `read_at`, else the last ones known."""
    overview = shown.value
    if overview is None:
        return {"problem": shown.problem, "read_at": None, "companies": []}
    listed = overview.listing
    return {
        "problem": shown.problem,
        "read_at": _iso(overview.read_at),
        "total": listed.total,
        "needs_attention": listed.attention,
        "found": listed.found,
        "page": listed.wanted.page,
        "pages": listed.pages,
        "companies": [_company(one, overview.read_at) for one in overview.companies],
    }


def _company(company: Company, now: datetime) -> dict[str, Any]:
    connection = company.connection
    return {
        "company_id": connection.company_id,
        "account": connection.builder_name,
        "state": company.state,
        "fault": connection.fault,
        "message": connection.message,
        "time_zone": connection.time_zone,
        "last_success_at": _iso(connection.last_success_at),
        "next_due_at": _iso(company.next_due_at),
        "late": company.is_late(now),
        "entities": {entity.name: _entity(company, entity.name) for entity in ENTITIES},
        "runs": [_run(run) for run in company.runs],
    }


def _entity(company: Company, name: str) -> dict[str, int | None]:
    stored = None if company.stored is None else company.stored.get(name, 0)
    return {"published": company.published.get(name, 0), "stored": stored}


def _run(run: RunSummary) -> dict[str, Any]:
    ended = run.finished_at
    return {
        "run_id": run.run_id,
        "read": run.read,
        "state": run.state,
        "fault": run.fault,
        "message": run.message,
        "started_at": _iso(run.started_at),
        "finished_at": _iso(ended),
        "duration_s": None if ended is None else round((ended - run.started_at).total_seconds(), 3),
        "counts": run.counts,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
