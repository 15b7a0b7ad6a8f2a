"""A company's integrations, and everything about its connection to Buildertrend."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from starlette.responses import Response

from console.reading.company import Run, Snapshot, read_checkpoints, read_company, read_runs
from console.user_request import RefusedError, UserRequest
from console.views.card import Card, card_of
from console.views.runs import RunLine, entity_lines, line_of
from console.words import READS, RUN_STATES, zone
from control.audit import AuditLine, audit_of_command

RUNS_A_PAGE = 25
_MOST_PAGES = 100_000


def snapshot_of(request: UserRequest) -> Snapshot:
    """The company as everybody who looks now sees it."""
    company_id, services = request.company_id, request.services

    def read() -> Snapshot:
        refused, settings = services.refused.of(company_id), services.settings
        with services.database.reading() as tx:
            return read_company(
                tx,
                company_id,
                refused=refused,
                poll_interval_s=settings.poll_interval_s,
                full_sync_interval_s=settings.full_sync_interval_s,
            )

    return services.snapshots.get(company_id, read)


def integrations(request: UserRequest) -> Response:
    """The card."""
    return request.page("integrations.html", card=card_of(snapshot_of(request), request.now))


def buildertrend(request: UserRequest) -> Response:
    """All that is going on."""
    snapshot = snapshot_of(request)
    card = card_of(snapshot, request.now)
    if snapshot.link is None:
        return request.page("integrations.html", card=card)
    lines = _lines(list(snapshot.runs), snapshot, request.now)
    return request.page("buildertrend.html", card=card, runs=lines, asked=asked_command(request))


def asked_command(request: UserRequest) -> AuditLine | None:
    """What became of the command that this page was led to after."""
    command_id = request.asked("command", longest=36)
    if not _is_uuid(command_id):
        return None
    with request.services.database.reading() as tx:
        return audit_of_command(tx, request.company_id, command_id)


def history(request: UserRequest) -> Response:
    """Every run, filtered and a page at a time."""
    snapshot = snapshot_of(request)
    state, read = request.asked("state"), request.asked("read")
    state, read = state if state in RUN_STATES else "", read if read in READS else ""
    page = max(1, request.number("page", default=1, most=_MOST_PAGES))
    with request.services.database.reading() as tx:
        runs = read_runs(
            tx,
            request.company_id,
            limit=RUNS_A_PAGE + 1,
            offset=(page - 1) * RUNS_A_PAGE,
            state=state or None,
            read=read or None,
        )
    return request.page(
        "history.html",
        card=card_of(snapshot, request.now),
        runs=_lines(runs[:RUNS_A_PAGE], snapshot, request.now),
        chosen={"state": state, "read": read},
        states={name: words for name, words in RUN_STATES.items() if name != "interrupted"},
        reads=READS,
        page_number=page,
        has_more=len(runs) > RUNS_A_PAGE,
    )


def run_details(request: UserRequest) -> Response:
    """One run in full."""
    run_id = request.http.path_params["run_id"]
    snapshot = snapshot_of(request)
    with request.services.database.reading() as tx:
        runs = read_runs(tx, request.company_id, limit=1, run_id=run_id)
        checkpoints = read_checkpoints(tx, run_id)
    if not runs:
        raise RefusedError(404, "There is no such run", "The address is wrong, or the run is of another company.")
    return request.page(
        "run.html",
        card=card_of(snapshot, request.now),
        run=_lines(runs, snapshot, request.now)[0],
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
