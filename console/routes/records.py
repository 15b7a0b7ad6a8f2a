"""Held deletions, shifts that wait, "Why isn't it in Protiv?", and budget against work."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from console.reading.records import (
    find_records,
    read_held,
    read_job,
    read_jobs,
    read_labor,
    read_waiting,
)
from console.routes.actions import act_and_order
from console.routes.integration import asked_command, require_connected, snapshot_of
from console.user_request import RefusedError, UserRequest
from console.views.attention import held_item
from console.views.labor import bars_of, total_of
from console.words import ENTITY_NAMES, SINGULAR
from core.errors import RetriableError
from reports.explain import Explanation, explain
from reports.gather import Question, gather
from schemas.entities import ENTITY_BY_NAME

_A_PAGE = 50
_FOUND = 20
_MOST_PAGES = 100_000
LINK_WORDS = {
    "linked": "Linked",
    "split": "Split between cost codes",
    "waiting-for-job": "Waits for its job",
    "waiting-for-user": "Waits for its worker",
    "waiting-for-cost-code": "Waits for its cost code",
    "general": "General time",
    "uncoded": "No cost code",
    "several-codes": "Time of each cost code not stated",
    "ambiguous-code": "Cost code not clear",
}
_LISTS = LINK_WORDS | {"": "Not linked", "open": "No end for more than 16 hours", "stale": "Update refused"}
_LIST_TOLD = {
    "open": "They are in Protiv and have no hours: Buildertrend counts a shift when it ends.",
    "stale": "Buildertrend shows these shifts otherwise than Protiv has them: the last change could not be taken over.",
}
_NOT_LINKED_TOLD = "These shifts are in Protiv with their hours; only the link is missing."


def held(request: UserRequest) -> Response:
    """What Buildertrend no longer shows, to be looked at."""
    snapshot = snapshot_of(request)
    card = require_connected(snapshot, request.now)
    page, offset = _page(request)
    with request.services.database.reading() as tx:
        rows = read_held(tx, request.company_id, limit=_A_PAGE + 1, offset=offset)
    return request.page(
        "held.html",
        card=card,
        groups=[(group, held_item(group)) for group in snapshot.held],
        rows=rows[:_A_PAGE],
        names=ENTITY_NAMES,
        page_number=page,
        has_more=len(rows) > _A_PAGE,
        asked=asked_command(request),
    )


def release(request: UserRequest) -> Response:
    """Let held deletions go."""
    entities = tuple(sorted(set(request.entities)))
    if not entities or not set(entities) <= set(ENTITY_BY_NAME):
        raise RefusedError(422, "Nothing was released", "Choose what to release.")
    return act_and_order(request, "release-deletions", entities=entities, back="/held")


def waiting(request: UserRequest) -> Response:
    """The shifts behind a line of what needs attention."""
    card = require_connected(snapshot_of(request), request.now)
    status, subject = request.asked("status"), request.asked("subject", longest=1000)
    page, offset = _page(request)
    with request.services.database.reading() as tx:
        rows = read_waiting(tx, request.company_id, status=status, subject=subject, limit=_A_PAGE + 1, offset=offset)
    return request.page(
        "waiting.html",
        card=card,
        rows=rows[:_A_PAGE],
        status_words=_LISTS.get(status, "Not linked"),
        told=_LIST_TOLD.get(status, _NOT_LINKED_TOLD),
        statuses={} if status in LINK_WORDS or status == "stale" else LINK_WORDS,
        chosen={"status": status, "subject": subject},
        page_number=page,
        has_more=len(rows) > _A_PAGE,
    )


def find(request: UserRequest) -> Response:
    """Search for a shift, job, worker, cost code or budget line; an id that nothing knows can be explained, too."""
    card = require_connected(snapshot_of(request), request.now)
    text, entity = request.asked("find"), request.asked("entity")
    entities: Sequence[str] = [entity] if entity in ENTITY_BY_NAME else list(ENTITY_BY_NAME)
    rows = []
    if text:
        with request.services.database.reading() as tx:
            rows = find_records(tx, request.company_id, text, entities=entities, limit=_FOUND)
    is_id = text.isascii() and text.replace(":", "").isdigit()
    known = {row.entity for row in rows if row.entity_id == text}
    return request.page(
        "find.html",
        card=card,
        find=text,
        entity=entity if entity in ENTITY_BY_NAME else "",
        rows=rows,
        names=ENTITY_NAMES,
        link_words=LINK_WORDS,
        unknown=[name for name in entities if is_id and name not in known],
        limit=_FOUND,
    )


def why(request: UserRequest) -> Response:
    """Every stage of a record's way, one cause and the one next step."""
    entity, entity_id = request.http.path_params["entity"], request.http.path_params["entity_id"]
    if entity not in ENTITY_BY_NAME or len(entity_id) > 200:
        raise RefusedError(404, "There is nothing here", "Records are jobs, users, cost codes, budgets, time entries.")
    card = require_connected(snapshot_of(request), request.now)
    found, problem = _explained(request, entity, entity_id)
    with request.services.database.reading() as tx:
        rows = find_records(tx, request.company_id, entity_id, entities=[entity], limit=1)
    return request.page(
        "why.html",
        card=card,
        entity_name=SINGULAR[entity].capitalize(),
        entity=entity,
        entity_id=entity_id,
        row=rows[0] if rows and rows[0].entity_id == entity_id else None,
        link_words=LINK_WORDS,
        explanation=found,
        problem=problem,
    )


def _explained(request: UserRequest, entity: str, entity_id: str) -> tuple[Explanation | None, str]:
    """The answer; where Kafka is away, why there is none."""
    services = request.services
    asked = Question(request.company_id, ENTITY_BY_NAME[entity], entity_id)
    with services.database.reading() as tx:
        try:
            return explain(gather(tx, services.settings, services.registry, asked, at=request.now)), ""
        except RetriableError as exc:
            return None, str(exc)


def jobs(request: UserRequest) -> Response:
    """Jobs with their hours, those over budget first."""
    card = require_connected(snapshot_of(request), request.now)
    text = request.asked("find")
    page, offset = _page(request)
    with request.services.database.reading() as tx:
        rows = read_jobs(tx, request.company_id, find=text, limit=_A_PAGE + 1, offset=offset)
    return request.page(
        "jobs.html", card=card, find=text, rows=rows[:_A_PAGE], page_number=page, has_more=len(rows) > _A_PAGE
    )


def job(request: UserRequest) -> Response:
    """A job's budget against its work, a bar a cost code."""
    card = require_connected(snapshot_of(request), request.now)
    job_id = request.http.path_params["job_id"]
    with request.services.database.reading() as tx:
        row, labor = read_job(tx, request.company_id, job_id), read_labor(tx, request.company_id, job_id)
    if row is None and not labor:
        raise RefusedError(404, "There is no such job", "No job of this company in Protiv has this id.")
    open_shifts = sum(line.open_shifts for line in labor)
    not_linked = sum(line.hours_not_linked for line in labor)
    return request.page(
        "job.html",
        card=card,
        job_id=job_id,
        job=row,
        bars=bars_of(labor),
        total=total_of(labor),
        open_shifts=open_shifts,
        not_linked=float(not_linked) * 60,
    )


def _page(request: UserRequest) -> tuple[int, int]:
    page = max(1, request.number("page", default=1, most=_MOST_PAGES))
    return page, (page - 1) * _A_PAGE
