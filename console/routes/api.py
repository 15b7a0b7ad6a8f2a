"""The same content for machines: JSON for a signed-in session, and its OpenAPI description, both from these models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.json_schema import models_json_schema
from starlette.responses import JSONResponse, Response

from console.reading.company import Run as StoredRun
from console.reading.company import read_companies, read_runs
from console.routes.companies import state_of_line
from console.routes.integration import snapshot_of
from console.user_request import UserRequest
from console.views.card import STATES, card_of
from console.views.runs import run_state
from console.words import READS, RUN_STATES

_MOST = 200
_REF = "#/components/schemas/{model}"
Count = Annotated[int, Field(ge=0)]
Instant = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
State = Annotated[str, Field(json_schema_extra={"enum": sorted(STATES)})]


class Answer(BaseModel):
    """Made from the values of an object that has these attributes among others; it holds these and no more."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")


class Error(Answer):
    error: str


class CompanyLine(Answer):
    company_id: str
    account: str | None
    state: State
    fault: str | None
    held: Count
    last_success_at: Instant | None


class Companies(Answer):
    total: Count
    found: Count
    attention: Count
    companies: list[CompanyLine]


class EntityProgress(Answer):
    entity: str
    name: str
    state: Literal["waiting", "reading", "done"]
    detail: str
    done: Count | None
    total: Count | None


class Progress(Answer):
    title: str
    left: str
    entities: list[EntityProgress]


class Freshness(Answer):
    stored: Count
    published: Count
    complete_through: Instant | None


class WaitingShifts(Answer):
    link_status: str
    subject: str | None
    shifts: Count
    minutes: int


class HeldDeletions(Answer):
    entity: str
    records: Count
    released: bool


class Company(Answer):
    company_id: str
    read_at: Instant
    state: State
    account: str | None
    fault: str | None
    message: str | None
    last_success_at: Instant | None
    next_due_at: Instant | None
    progress: Progress | None
    entities: dict[str, Freshness]
    waiting: list[WaitingShifts]
    held: list[HeldDeletions]


class Run(Answer):
    run_id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    read: Annotated[str, Field(json_schema_extra={"enum": sorted(READS)})]
    state: Annotated[str, Field(json_schema_extra={"enum": sorted(RUN_STATES)})]
    fault: str | None
    message: str | None
    started_at: Instant
    finished_at: Instant | None
    counts: dict[str, Any]


class Runs(Answer):
    runs: list[Run]


def document(_visit: UserRequest) -> Response:
    """The OpenAPI description of these routes."""
    return JSONResponse(DOCUMENT)


def companies(request: UserRequest) -> Response:
    """Companies by state, those that need attention first."""
    limit, offset = _page(request, default=50)
    with request.services.database.reading() as tx:
        found = read_companies(tx, find=request.asked("find"), limit=limit, offset=offset)
    lines = [
        CompanyLine(
            company_id=line.company_id,
            account=line.builder_name,
            state=state_of_line(line),
            fault=line.fault,
            held=line.held,
            last_success_at=line.last_success_at,
        )
        for line in found.lines
    ]
    return _json(Companies(total=found.total, found=found.found, attention=found.attention, companies=lines))


def company(request: UserRequest) -> Response:
    """One company: state, freshness and counts by entity, progress, and what is waiting or held."""
    snapshot = snapshot_of(request)
    card, link = card_of(snapshot, request.now), snapshot.link
    facts = snapshot.facts.entities if snapshot.facts else {}
    return _json(
        Company(
            company_id=snapshot.company_id,
            read_at=snapshot.read_at,
            state=card.state,
            account=card.account or None,
            fault=link.fault if link else None,
            message=link.message if link else None,
            last_success_at=link.last_success_at if link else None,
            next_due_at=link.next_due_at if link and card.next_sync else None,
            progress=Progress.model_validate(card.progress) if card.progress else None,
            entities={
                tile.entity: Freshness(
                    stored=tile.stored,
                    published=tile.published,
                    complete_through=facts[tile.entity].complete_through if tile.fresh else None,
                )
                for tile in card.tiles
            },
            waiting=[WaitingShifts.model_validate(group) for group in snapshot.waiting],
            held=[HeldDeletions.model_validate(group) for group in snapshot.held],
        )
    )


def runs(request: UserRequest) -> Response:
    """The newest runs first."""
    running = snapshot_of(request).running
    limit, offset = _page(request, default=20)
    with request.services.database.reading() as tx:
        found = read_runs(tx, request.company_id, limit=limit, offset=offset)
    return _json(Runs(runs=[_run(run, running) for run in found]))


def _run(run: StoredRun, running: StoredRun | None) -> Run:
    return Run.model_validate(run).model_copy(update={"state": run_state(run, running)})


def _page(request: UserRequest, *, default: int) -> tuple[int, int]:
    limit = max(1, request.number("limit", default=default, most=_MOST))
    return limit, request.number("offset", default=0, most=10_000_000)


def _json(answer: Answer) -> Response:
    return Response(answer.model_dump_json(), media_type="application/json")


_COMPANY_ID = {
    "name": "company_id",
    "in": "path",
    "required": True,
    "description": "Protiv's id of the company.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^/\\u0000]+$"},
}
_NUMBERS = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": _MOST}},
    {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 10_000_000}},
]
_FIND = {"name": "find", "in": "query", "schema": {"type": "string", "maxLength": 100}}


def _response(description: str, model: type[Answer]) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _get(summary: str, model: type[Answer], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "parameters": parameters,
            "security": [{"session": []}],
            "responses": {
                "200": _response("As asked.", model),
                "401": _response("Nobody is signed in.", Error),
                "403": _response("The role does not include it.", Error),
                "404": _response("There is no such company, or not for this user.", Error),
                "503": _response("The database is not available.", Error),
            },
        }
    }


_, _SCHEMAS = models_json_schema(
    [(model, "serialization") for model in (Companies, Company, Runs, Error)], ref_template=_REF
)
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Protiv Buildertrend console", "version": "1"},
    "components": {
        "schemas": _SCHEMAS["$defs"],
        "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "protiv_session"}},
    },
    "paths": {
        "/api/companies": _get("Companies by state", Companies, [_FIND, *_NUMBERS]),
        "/api/companies/{company_id}": _get("A company", Company, [_COMPANY_ID]),
        "/api/companies/{company_id}/runs": _get("Its runs", Runs, [_COMPANY_ID, *_NUMBERS]),
    },
}
