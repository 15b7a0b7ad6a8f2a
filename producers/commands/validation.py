"""Which commands are refused: pure, each refusal a sentence that begins with the field it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from core.topics import ALL_COMPANIES
from producers.commands.types import TYPES, CommandType
from schemas.catalogue import ENTITY_BY_NAME, TIME_ENTRIES

Command = Mapping[str, Any]
_LONGEST_REASON = 1000


def malformed(command: Command) -> str | None:
    """Why a command is refused before the database is asked, which could not take it; None if it may be."""
    for name, value in command.items():
        if "\0" in (value if isinstance(value, str) else "".join(value) if isinstance(value, list) else ""):
            return f"{name} must not hold a NUL character."
    return None if is_uuid(command["command_id"]) else "command_id must be a UUID."


def refuse(command: Command, *, connected: bool) -> str | None:
    """Why a well-formed command is refused, naming the field; None if it is fine."""
    kind = TYPES.get(command["type"])
    if kind is None:
        return f"type must be one of {', '.join(TYPES)}."
    return next(_complaints(command, kind, connected=connected), None)


def is_uuid(text: str) -> bool:
    """As Postgres takes it: Python also takes braces, prefixes and hyphens anywhere."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _complaints(command: Command, kind: CommandType, *, connected: bool) -> Iterator[str]:
    yield from _company(command, kind, connected=connected)
    yield from _entities(command, kind)
    yield from _dates(command, kind)
    target = command.get("target_id")
    if target is not None and not kind.target:
        yield "target_id belongs to cancel."
    elif target is not None and not is_uuid(target):
        yield "target_id must be a UUID."
    if len(command.get("reason") or "") > _LONGEST_REASON:
        yield f"reason must not be longer than {_LONGEST_REASON:,} characters."


def _company(command: Command, kind: CommandType, *, connected: bool) -> Iterator[str]:
    company_id = command["company_id"]
    if company_id == ALL_COMPANIES:
        if not kind.for_all:
            yield f"company_id: {kind.name} takes one company, not all of them."
        elif command.get("target_id") is not None:
            yield "target_id: a command to cancel is one company's; name that."
    elif not connected:
        yield f"company_id: {company_id} is not connected; connect it first."


def _entities(command: Command, kind: CommandType) -> Iterator[str]:
    named = set(command["entities"])
    if named and not kind.entities:
        yield f"entities: {kind.name} takes none."
    elif not named <= set(ENTITY_BY_NAME):
        yield f"entities must be among {', '.join(ENTITY_BY_NAME)}."


def _dates(command: Command, kind: CommandType) -> Iterator[str]:
    first, last = command["from_date"], command["to_date"]
    if first is None and last is None:
        return
    name = "from_date" if first is not None else "to_date"
    if not kind.dates:
        yield f"{name} belongs to backfill."
    elif command["entities"] and TIME_ENTRIES.name not in command["entities"]:
        yield f"{name} goes with {TIME_ENTRIES.name}; the entities named have no days."
    elif first is not None and last is not None and last < first:
        yield "to_date must not be before from_date."
