"""A company's integrations, and everything about its connection to Buildertrend."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from starlette.responses import Response

from console.reading.company import Run, Snapshot, read_checkpoints, read_company, read_runs
from console.views.card import Card, card_of
from console.views.runs import RunLine, entity_lines, line_of
from console.visit import RefusedError, Visit
from console.words import READS, RUN_STATES, zone
from control.audit import AuditLine, audit_of_command

RUNS_A_PAGE = 25
_MOST_PAGES = 100_000


def snapshot_of(visit: Visit) -> Snapshot:
    """The company as everybody who looks now sees it."""
    company_id, services = visit.company_id, visit.services

    def read() -> Snapshot:
        refused, interval_s = services.refused.of(company_id), services.settings.poll_interval_s
        with services.reach.reading() as tx:
            return read_company(tx, company_id, refused=refused, poll_interval_s=interval_s)

    return services.kept.get(company_id, read)


def integrations(visit: Visit) -> Response:
    """The card."""
    return visit.page("integrations.html", card=card_of(snapshot_of(visit), visit.now))


def buildertrend(visit: Visit) -> Response:
    """All that is going on."""
    snapshot = snapshot_of(visit)
    card = card_of(snapshot, visit.now)
    if snapshot.link is None:
        return visit.page("integrations.html", card=card)
    lines = _lines(list(snapshot.runs), snapshot, visit.now)
    return visit.page("buildertrend.html", card=card, runs=lines, asked=asked_command(visit))


def asked_command(visit: Visit) -> AuditLine | None:
    """What became of the command that this page was led to after."""
    command_id = visit.asked("command", longest=36)
    if not _is_uuid(command_id):
        return None
    with visit.services.reach.reading() as tx:
        return audit_of_command(tx, visit.company_id, command_id)


def history(visit: Visit) -> Response:
    """Every run, filtered and a page at a time."""
    snapshot = snapshot_of(visit)
    state, read = visit.asked("state"), visit.asked("read")
    state, read = state if state in RUN_STATES else "", read if read in READS else ""
    page = max(1, visit.number("page", default=1, most=_MOST_PAGES))
    with visit.services.reach.reading() as tx:
        runs = read_runs(
            tx,
            visit.company_id,
            limit=RUNS_A_PAGE + 1,
            offset=(page - 1) * RUNS_A_PAGE,
            state=state or None,
            read=read or None,
        )
    return visit.page(
        "history.html",
        card=card_of(snapshot, visit.now),
        runs=_lines(runs[:RUNS_A_PAGE], snapshot, visit.now),
        chosen={"state": state, "read": read},
        states={name: words for name, words in RUN_STATES.items() if name != "interrupted"},
        reads=READS,
        page_number=page,
        has_more=len(runs) > RUNS_A_PAGE,
    )


def run_details(visit: Visit) -> Response:
    """One run in full."""
    run_id = visit.request.path_params["run_id"]
    snapshot = snapshot_of(visit)
    with visit.services.reach.reading() as tx:
        runs = read_runs(tx, visit.company_id, limit=1, run_id=run_id)
        checkpoints = read_checkpoints(tx, run_id)
    if not runs:
        raise RefusedError(404, "There is no such run", "The address is wrong, or the run is of another company.")
    return visit.page(
        "run.html",
        card=card_of(snapshot, visit.now),
        run=_lines(runs, snapshot, visit.now)[0],
        entities=entity_lines(runs[0], checkpoints),
    )


def require_connected(snapshot: Snapshot, now: datetime) -> Card:
    """The card of a company that was connected once; RefusedError for others."""
    if snapshot.link is None:
        raise RefusedError(404, "Not connected", "This company is not connected to Buildertrend yet.")
    return card_of(snapshot, now)


def _lines(runs: list[Run], snapshot: Snapshot, now: datetime) -> list[RunLine]:
    where = zone(snapshot.link.time_zone if snapshot.link else "UTC")
    return [line_of(run, snapshot.running, now, where) for run in runs]


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
