"""Edits in the middle of a read: each is made at a request that the script names, so that tests can repeat it."""

from __future__ import annotations

from itertools import islice

from starlette.datastructures import QueryParams
from starlette.responses import Response

from sandbox import changes
from sandbox.company import Company
from sandbox.control_api.resources import RESOURCES
from sandbox.errors import NotFoundError, SandboxError
from sandbox.faults.visit import Inner, Visit
from sandbox.rules import OnRequest, ScriptedEdit


class EditsOnRequest:
    """Makes a rule's edits just before its request is answered."""

    async def __call__(self, visit: Visit, inner: Inner) -> Response:
        for rule in visit.company.switches.on_request:
            if rule.is_on and rule.path_contains.lower() in visit.target.lower():
                rule.request -= 1
                if not rule.is_on:
                    _make(visit.company, rule)
        return await inner()


def _make(company: Company, rule: OnRequest) -> None:
    """All edits in order; a refused one is noted in the rule, and the others are made all the same."""
    for edit in rule.edits:
        try:
            apply(company, edit)
        except SandboxError as error:
            rule.problem = str(error)


def apply(company: Company, edit: ScriptedEdit) -> None:
    """One edit; raises SandboxError when it cannot be made."""
    if edit.op == "insert":
        changes.insert(company, edit.kind, edit.values)
        return
    record_id = _record_id(company, edit)
    match edit.op:
        case "edit":
            changes.edit(company, edit.kind, record_id, edit.values)
        case "delete":
            changes.delete(company, edit.kind, record_id)
        case "move":
            changes.move(company, record_id, edit.minutes)


def _record_id(company: Company, edit: ScriptedEdit) -> int:
    if edit.id is not None:
        return edit.id
    place = edit.place or 0
    for record in islice(RESOURCES[edit.kind].listed(company, QueryParams()), place, None):
        return int(record.id)
    raise NotFoundError(f"There is no {edit.kind} record at place {place}.")
