"""The control API's endpoints: companies, their switches and counters, and the editable records."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox import changes
from sandbox.company import Company
from sandbox.control_api.bodies import CompanyChange, NewCompany
from sandbox.control_api.boundary import company_of, control_route, read_body
from sandbox.control_api.resources import RESOURCES, Resource
from sandbox.directory import CompanyRequest
from sandbox.errors import RefusedError
from sandbox.summary import summary_of
from sandbox.switches import Switches
from sandbox.world import World, world_of

_COMPANY = "/companies/{builder_id:int}"
_MOST_LISTED = 1000


def control_routes() -> list[Route]:
    return [
        control_route("/companies", _list_companies, method="GET"),
        control_route("/companies", _create_company, method="POST"),
        control_route(_COMPANY, _get_company, method="GET"),
        control_route(_COMPANY, _change_company, method="PATCH"),
        control_route(f"{_COMPANY}/summary", lambda request, _: summary_of(company_of(request)), method="GET"),
        control_route(f"{_COMPANY}/switches", _get_switches, method="GET"),
        control_route(f"{_COMPANY}/switches", _set_switches, method="PATCH"),
        control_route(f"{_COMPANY}/switches", _heal, method="DELETE"),
        control_route(f"{_COMPANY}/counters", _get_counters, method="GET"),
        control_route(f"{_COMPANY}/counters", _reset_counters, method="DELETE"),
        control_route(f"{_COMPANY}/sessions", _end_sessions, method="DELETE"),
        control_route("/counters", _unknown_counters, method="GET"),
        *(route for resource in RESOURCES.values() for route in _resource_routes(resource)),
    ]


def company_json(company: Company) -> dict[str, object]:
    return asdict(company.profile)


def _list_companies(request: Request, _: object) -> object:
    return {"companies": [asdict(profile) for profile in world_of(request).directory.profiles()]}


def _create_company(request: Request, body: object) -> object:
    wanted = read_body(NewCompany, body)
    return company_json(world_of(request).directory.open_or_create(CompanyRequest(**wanted.model_dump())))


def _get_company(request: Request, _: object) -> object:
    return company_json(company_of(request))


def _change_company(request: Request, body: object) -> object:
    """Change the profile; a new username or password ends every session, as it does at the source."""
    company, changes = company_of(request), read_body(CompanyChange, body).model_dump(exclude_unset=True)
    world = world_of(request)
    world.directory.rewrite_profile(company, changes)
    if {"username", "password"} & changes.keys():
        world.sessions.end_all(company.profile.builder_id)
    return company_json(company)


def _get_switches(request: Request, _: object) -> object:
    return company_of(request).switches.model_dump()


def _set_switches(request: Request, body: object) -> object:
    """Set the switches that are stated and leave the others."""
    if not isinstance(body, dict):
        raise RefusedError("Send an object of switches.")
    company = company_of(request)
    company.rewrite_switches(read_body(Switches, {**company.switches.model_dump(), **body}))
    return company.switches.model_dump()


def _heal(request: Request, _: object) -> object:
    """Make the source healthy again; with `?switch=NAME` (repeatable) only those switches."""
    company, names = company_of(request), request.query_params.getlist("switch")
    unknown = [name for name in names if name not in Switches.model_fields]
    if unknown:
        raise RefusedError(f"There is no switch {unknown[0]}.")
    company.rewrite_switches(company.switches.healed(names))
    return company.switches.model_dump()


def _get_counters(request: Request, _: object) -> object:
    return counters_json(world_of(request), company_of(request))


def counters_json(world: World, company: Company) -> dict[str, object]:
    """What clients did since the last reset, and whether the account is locked."""
    builder_id = company.profile.builder_id
    tries = world.sessions.tries(builder_id)
    is_locked = company.switches.account == "locked"
    since = tries.locked_since.isoformat(timespec="seconds") if is_locked and tries.locked_since else None
    lock = {"wrong_in_a_row": tries.wrong_in_a_row, "is_locked": is_locked, "locked_since": since}
    return {**world.counters.of(builder_id).as_json(), "lock": lock}


def _reset_counters(request: Request, _: object) -> object:
    world, builder_id = world_of(request), company_of(request).profile.builder_id
    world.counters.reset(builder_id)
    return counters_json(world, company_of(request))


def _unknown_counters(request: Request, _: object) -> object:
    """What clients without a known username or session did."""
    return world_of(request).counters.of(None).as_json()


def _end_sessions(request: Request, _: object) -> object:
    return {"ended": world_of(request).sessions.end_all(company_of(request).profile.builder_id)}


def _resource_routes(resource: Resource[Any]) -> list[Route]:
    def listed(request: Request, _: object) -> object:
        company = company_of(request)
        limit, offset = _bounds(request)
        rows = islice(resource.listed(company, request.query_params), offset, offset + limit)
        return {resource.path.replace("-", "_"): [resource.as_json(company, row) for row in rows]}

    def created(request: Request, body: object) -> object:
        return changes.insert(company_of(request), resource.path, body)

    def got(request: Request, _: object) -> object:
        return changes.shown(company_of(request), resource.path, _record_id(request))

    def changed(request: Request, body: object) -> object:
        return changes.edit(company_of(request), resource.path, _record_id(request), body)

    def deleted(request: Request, _: object) -> object:
        changes.delete(company_of(request), resource.path, _record_id(request))
        return {"deleted": _record_id(request)}

    every, one = f"{_COMPANY}/{resource.path}", f"{_COMPANY}/{resource.path}/{{record_id:int}}"
    return [
        control_route(every, listed, method="GET"),
        control_route(every, created, method="POST"),
        control_route(one, got, method="GET"),
        control_route(one, changed, method="PATCH"),
        control_route(one, deleted, method="DELETE"),
    ]


def _record_id(request: Request) -> int:
    return int(request.path_params["record_id"])


def _bounds(request: Request) -> tuple[int, int]:
    try:
        limit = int(request.query_params.get("limit", "100"))
        offset = int(request.query_params.get("offset", "0"))
    except ValueError as error:
        raise RefusedError("limit and offset must be numbers.") from error
    if not 0 < limit <= _MOST_LISTED or offset < 0:
        raise RefusedError(f"limit must be 1 to {_MOST_LISTED} and offset not negative.")
    return limit, offset
