"""What the page shows, as plain values for the template; read-only."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import Any

from starlette.datastructures import QueryParams

from sandbox.company import Company
from sandbox.control_api.resources import listed_shifts, shift_json
from sandbox.control_api.routes import counters_json
from sandbox.model import STATUS_CLOSED, STATUS_OPEN, STATUS_PRESALE, STATUS_WARRANTY, Job, Shift
from sandbox.page.faults_view import faults_view
from sandbox.summary import summary_of
from sandbox.world import World

_ROWS = 25
_STATUS_WORDS = {
    STATUS_CLOSED: "Closed",
    STATUS_OPEN: "Open",
    STATUS_WARRANTY: "Warranty",
    STATUS_PRESALE: "Presale",
}


def page_view(world: World, company: Company | None, *, query: QueryParams, base_url: str) -> dict[str, Any]:
    """Template values; without a company only what is needed to create one."""
    companies = [asdict(profile) for profile in world.directory.profiles()]
    if company is None:
        return {"companies": companies, "company": None, "base_url": base_url}
    page = int(query["page"]) if query.get("page", "").isdigit() else 1
    shifts = list(islice(listed_shifts(company, query), (page - 1) * _ROWS, page * _ROWS + 1))
    return {
        "companies": companies,
        "company": asdict(company.profile),
        "base_url": base_url,
        "summary": summary_of(company),
        "counters": counters_json(world, company),
        "switches": company.switches.model_dump(),
        "faults": faults_view(company.switches),
        "shifts": [_shift_view(company, shift) for shift in shifts[:_ROWS]],
        "page": page,
        "has_next": len(shifts) > _ROWS,
        "query": {"text": "", "open": "", "job_id": "", **query},
        "jobs": [_job_view(job) for job in _newest_first(company)],
        "users": [
            {"id": user.id, "name": user.name, "role": user.role, "is_active": user.is_active}
            for user in sorted(company.users.values(), key=lambda user: (not user.is_active, user.name))
        ],
        "cost_codes": [
            {"id": code.id, "title": code.title}
            for code in sorted(company.cost_codes.values(), key=lambda code: code.title)
        ],
    }


def hours_text(minutes: int) -> str:
    return f"{minutes // 60:,}:{minutes % 60:02d}"


def _shift_view(company: Company, shift: Shift) -> dict[str, Any]:
    began = datetime.fromisoformat(shift.time_in)
    return {
        **shift_json(company, shift),
        "day": f"{began:%a %b} {began.day}, {began.year}",
        "from": f"{began:%H:%M}",
        "until": None if shift.time_out is None else shift.time_out[11:16],
        "is_next_day": shift.time_out is not None and shift.time_out[:10] != shift.time_in[:10],
        "hours": hours_text(shift.worked_minutes),
        "overtime": hours_text(shift.overtime_minutes) if shift.overtime_minutes else "",
    }


def _job_view(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "name": job.name,
        "number": job.number,
        "status": job.status,
        "status_word": _STATUS_WORDS.get(job.status, "Unknown"),
        "street": job.street,
        "is_general": job.id == 0,
    }


def _newest_first(company: Company) -> list[Job]:
    """The General job, then open jobs, then the others; newer jobs first."""
    return sorted(company.jobs.values(), key=lambda job: (job.id != 0, job.status == STATUS_CLOSED, -job.id))
