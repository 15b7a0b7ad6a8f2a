"""The OpenAPI description of the JSON routes; what it promises is tested against the routes themselves."""

from __future__ import annotations

from typing import Any

from console.views.card import STATES
from console.words import READS, RUN_STATES

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_INSTANT = {"type": "string", "format": "date-time"}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


_ERROR = _object(error=_TEXT)
_STATE = {"type": "string", "enum": sorted(STATES)}
_COMPANY_LINE = _object(
    company_id=_TEXT,
    account=_or_null(_TEXT),
    state=_STATE,
    fault=_or_null(_TEXT),
    held=_COUNT,
    last_success_at=_or_null(_INSTANT),
)
_ENTITY_PROGRESS = _object(
    entity=_TEXT,
    name=_TEXT,
    state={"type": "string", "enum": ["waiting", "reading", "done"]},
    detail=_TEXT,
    done=_or_null(_COUNT),
    total=_or_null(_COUNT),
)
_COMPANY = _object(
    company_id=_TEXT,
    read_at=_INSTANT,
    state=_STATE,
    account=_or_null(_TEXT),
    fault=_or_null(_TEXT),
    message=_or_null(_TEXT),
    last_success_at=_or_null(_INSTANT),
    next_due_at=_or_null(_INSTANT),
    progress=_or_null(_object(title=_TEXT, left=_TEXT, entities=_list(_ENTITY_PROGRESS))),
    entities={
        "type": "object",
        "additionalProperties": _object(stored=_COUNT, published=_COUNT, complete_through=_or_null(_INSTANT)),
    },
    waiting=_list(_object(link_status=_TEXT, subject=_or_null(_TEXT), shifts=_COUNT, minutes={"type": "integer"})),
    held=_list(_object(entity=_TEXT, records=_COUNT, released={"type": "boolean"})),
)
_RUN = _object(
    run_id={"type": "string", "format": "uuid"},
    read={"type": "string", "enum": sorted(READS)},
    state={"type": "string", "enum": sorted(RUN_STATES)},
    fault=_or_null(_TEXT),
    message=_or_null(_TEXT),
    started_at=_INSTANT,
    finished_at=_or_null(_INSTANT),
    counts={"type": "object"},
)
_COMPANY_ID = {
    "name": "company_id",
    "in": "path",
    "required": True,
    "description": "Protiv's id of the company.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^/\\u0000]+$"},
}
_NUMBERS = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 200}},
    {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 10_000_000}},
]
_FIND = {"name": "find", "in": "query", "schema": {"type": "string", "maxLength": 100}}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _get(summary: str, schema: dict[str, Any], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "parameters": parameters,
            "security": [{"session": []}],
            "responses": {
                "200": _answer("As asked.", schema),
                "401": _answer("Nobody is signed in.", _ERROR),
                "403": _answer("The role does not include it.", _ERROR),
                "404": _answer("There is no such company, or not for this user.", _ERROR),
                "503": _answer("The database is away.", _ERROR),
            },
        }
    }


_companies = _object(total=_COUNT, found=_COUNT, attention=_COUNT, companies=_list(_COMPANY_LINE))
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Protiv Buildertrend console", "version": "1"},
    "components": {"securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "protiv_session"}}},
    "paths": {
        "/api/companies": _get("Companies by state", _companies, [_FIND, *_NUMBERS]),
        "/api/companies/{company_id}": _get("A company", _COMPANY, [_COMPANY_ID]),
        "/api/companies/{company_id}/runs": _get("Its runs", _object(runs=_list(_RUN)), [_COMPANY_ID, *_NUMBERS]),
    },
}
