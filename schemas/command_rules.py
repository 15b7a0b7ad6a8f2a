"""Which commands are refused, wherever they are looked at: by the poller, the console and the CLI before they send one.

Pure; each refusal is a sentence that begins with the field it is about. Lengths, ranges and characters come first: what
breaks those may not reach the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from core.topics import ALL_COMPANIES
from schemas.codec import to_days
from schemas.command_types import TYPES, CommandType
from schemas.entities import ENTITIES, ENTITY_BY_NAME

Command = Mapping[str, Any]

LONGEST_ID = 200
LONGEST_REASON = 500
MOST_ENTITIES = 20
LARGEST_VALUE_BYTES = 64 * 1024
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2100, 12, 31)

# In characters, by field.
LONGEST = {
    "command_id": LONGEST_ID,
    "type": LONGEST_ID,
    "company_id": LONGEST_ID,
    "requested_by": LONGEST_ID,
    "target_id": LONGEST_ID,
    "reason": LONGEST_REASON,
}
_LAST_DAYS = to_days(LAST_DAY)
_UUID_LENGTH = 36
_DATES = ("from_date", "to_date")
# Far below a date as number of days, far above every number of days of a date.
_CALENDAR = range(19_000_101, 21_001_232)
_MICROS_A_DAY = timedelta(days=1) // timedelta(microseconds=1)
_WITH_DAYS = frozenset(entity.name for entity in ENTITIES if entity.local_day)


def complaint(command: Command, *, connected: bool) -> str | None:
    """What a command is refused for, in the order in which the poller looks at it; None if it is fine."""
    return malformed(command) or refuse(command, connected=connected)


def malformed(command: Command) -> str | None:
    """Why a command is refused before the database is asked, which could not take it; None if it may be."""
    return next(_misfits(command), None)


def refuse(command: Command, *, connected: bool) -> str | None:
    """Why a well-formed command is refused, naming the field; None if it is fine."""
    kind = TYPES.get(command["type"])
    if kind is None:
        return f"type must be one of {', '.join(TYPES)}."
    return next(_complaints(command, kind, connected=connected), None)


def company_problem(company_id: str) -> str | None:
    """What is wrong with an id of a company or `*`, in a sentence that begins with company_id; None if nothing is."""
    if not company_id or "/" in company_id:
        return f"company_id must be Protiv's id of one company, without a slash, or {ALL_COMPANIES} for all."
    if "\0" in company_id:
        return "company_id must not hold a NUL character."
    return _too_long("company_id", company_id)


def date_problem(command: Command) -> str | None:
    """Which of a command's days is none between 1970 and 2100; None if both are, or are not given."""
    return next(_odd_dates(command), None)


def is_uuid(text: str) -> bool:
    """As Postgres takes it: Python also takes braces, prefixes and hyphens anywhere."""
    if len(text) != _UUID_LENGTH:
        return False
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _misfits(command: Command) -> Iterator[str]:
    entities: list[str] = command["entities"]
    if len(entities) > MOST_ENTITIES or any(len(name) > LONGEST_ID for name in entities):
        yield f"entities must be among {', '.join(ENTITY_BY_NAME)}."
    for name, value in command.items():
        if (problem := _too_long(name, value)) is not None:
            yield problem
        if "\0" in (value if isinstance(value, str) else "".join(value) if isinstance(value, list) else ""):
            yield f"{name} must not hold a NUL character."
    if not is_uuid(command["command_id"]):
        yield "command_id must be a UUID."
    if (problem := company_problem(command["company_id"])) is not None:
        yield problem
    yield from _odd_dates(command)
    if not 0 <= command["requested_at"] <= (_LAST_DAYS + 1) * _MICROS_A_DAY:
        yield "requested_at must be microseconds since 1970-01-01, between 1970 and 2100."


def _too_long(name: str, value: object) -> str | None:
    longest = LONGEST.get(name)
    if longest is None or not isinstance(value, str) or len(value) <= longest:
        return None
    return f"{name} must not be longer than {longest:,} characters."


def _odd_dates(command: Command) -> Iterator[str]:
    for name in _DATES:
        days = command.get(name)
        if days is None or 0 <= days <= _LAST_DAYS:
            continue
        hint = f"; {days} looks like a calendar date" if days in _CALENDAR else ""
        yield f"{name} must lie between {FIRST_DAY} and {LAST_DAY}: dates are days since 1970-01-01{hint}."


def _complaints(command: Command, kind: CommandType, *, connected: bool) -> Iterator[str]:
    yield from _company(command, kind, connected=connected)
    yield from _entities(command, kind)
    yield from _dates(command, kind)
    target = command.get("target_id")
    if target is not None and not kind.target:
        yield "target_id belongs to cancel."
    elif target is not None and not is_uuid(target):
        yield "target_id must be a UUID."


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
    elif command["entities"] and _WITH_DAYS.isdisjoint(command["entities"]):
        yield f"{name} goes with {' or '.join(sorted(_WITH_DAYS))}; the entities named have no days."
    elif first is not None and last is not None and last < first:
        yield "to_date must not be before from_date."
