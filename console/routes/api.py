"""The same content for machines, as JSON, with the session of a signed-in user; and its description (OpenAPI)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from console.api_document import DOCUMENT
from console.reading.company import Run, read_companies, read_runs
from console.routes.companies import state_of_line
from console.routes.integration import snapshot_of
from console.views.card import card_of
from console.views.runs import Progress, run_state
from console.visit import Visit

_MOST = 200


def document(_visit: Visit) -> Response:
    """What there is."""
    return JSONResponse(DOCUMENT)


def companies(visit: Visit) -> Response:
    """Companies by state, those that need attention first."""
    limit = max(1, visit.number("limit", default=50, most=_MOST))
    offset = visit.number("offset", default=0, most=10_000_000)
    with visit.services.reach.reading() as tx:
        found = read_companies(tx, find=visit.asked("find"), limit=limit, offset=offset)
    lines = [
        {
            "company_id": line.company_id,
            "account": line.builder_name,
            "state": state_of_line(line),
            "fault": line.fault,
            "held": line.held,
            "last_success_at": _iso(line.last_success_at),
        }
        for line in found.lines
    ]
    return JSONResponse({"total": found.total, "found": found.found, "attention": found.attention, "companies": lines})


def company(visit: Visit) -> Response:
    """One company: state, freshness and counts by entity, progress, what waits."""
    snapshot = snapshot_of(visit)
    card, link = card_of(snapshot, visit.now), snapshot.link
    return JSONResponse(
        {
            "company_id": snapshot.company_id,
            "read_at": _iso(snapshot.read_at),
            "state": card.state,
            "account": card.account or None,
            "fault": link.fault if link else None,
            "message": link.message if link else None,
            "last_success_at": _iso(link.last_success_at) if link else None,
            "next_due_at": card.next_sync.iso if card.next_sync else None,
            "progress": _progress(card.progress),
            "entities": {
                tile.entity: {
                    "stored": tile.stored,
                    "published": tile.published,
                    "complete_through": tile.fresh.iso if tile.fresh else None,
                }
                for tile in card.tiles
            },
            "waiting": [
                {
                    "link_status": group.link_status,
                    "subject": group.subject,
                    "shifts": group.shifts,
                    "minutes": group.minutes,
                }
                for group in snapshot.waiting
            ],
            "held": [
                {"entity": group.entity, "records": group.records, "released": group.released}
                for group in snapshot.held
            ],
        }
    )


def runs(visit: Visit) -> Response:
    """The newest runs first."""
    limit = max(1, visit.number("limit", default=20, most=_MOST))
    offset = visit.number("offset", default=0, most=10_000_000)
    running = snapshot_of(visit).running
    with visit.services.reach.reading() as tx:
        found = read_runs(tx, visit.company_id, limit=limit, offset=offset)
    return JSONResponse({"runs": [_run(run, running) for run in found]})


def _progress(progress: Progress | None) -> dict[str, Any] | None:
    if progress is None:
        return None
    entities = [asdict(one) for one in progress.entities]
    return {"title": progress.title, "left": progress.left, "entities": entities}


def _run(run: Run, running: Run | None) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "read": run.read,
        "state": run_state(run, running),
        "fault": run.fault,
        "message": run.message,
        "started_at": _iso(run.started_at),
        "finished_at": _iso(run.finished_at),
        "counts": run.counts,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
