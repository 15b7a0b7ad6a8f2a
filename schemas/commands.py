"""Commands: their types, each declared once, and the rules by which one is refused.

The poller, the console and the CLI apply the same rules before they send or take one. Pure; each refusal is a sentence
that begins with the field it is about. Lengths, ranges and characters come first: a command that breaks those may not
reach the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from core.topics import ALL_COMPANIES
from schemas.codec import to_days
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


class CommandType(StrEnum):
    """Every type of command. Whoever does something for each of them (`match`, `assert_never`) has to name them all."""

    SYNC = "sync"
    FULL_SYNC = "full-sync"
    BACKFILL = "backfill"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    DISCONNECT = "disconnect"
    RELEASE_DELETIONS = "release-deletions"
    REPLAY_DEAD_LETTERS = "replay-dead-letters"

    @property
    def rules(self) -> CommandRules:
        match self:
            # A sync asks for what is recent: any read under way has it, save what was changed after it was read there.
            # For that another read follows, if the one under way had begun.
            case CommandType.SYNC:
                rules = CommandRules(reads=True, joins=True, entities=True)
            case CommandType.FULL_SYNC:
                rules = CommandRules(reads=True, entities=True)
            case CommandType.RELEASE_DELETIONS:
                rules = CommandRules(reads=True, alone=True, entities=True)
            case CommandType.BACKFILL:
                rules = CommandRules(reads=True, alone=True, entities=True, dates=True)
            case CommandType.PAUSE:
                rules = CommandRules(interrupts=True)
            case CommandType.CANCEL:
                rules = CommandRules(interrupts=True, target=True)
            case CommandType.DISCONNECT:
                rules = CommandRules(interrupts=True, for_all=False)
            case CommandType.RESUME:
                rules = CommandRules()
            case CommandType.REPLAY_DEAD_LETTERS:
                rules = CommandRules(entities=True)
            case _:
                assert_never(self)
        return rules

    def validate(self, command: Command, *, connected: bool) -> str | None:
        """Why a well-formed command of this type is refused, naming the field; None if it is fine."""
        return next(_broken_rules(command, self, connected=connected), None)


@dataclass(frozen=True, slots=True)
class CommandRules:
    """`reads`: it is done by reading the source. `interrupts`: it does not wait for a read under way.

    `joins`: it may join a read under way. `alone`: its read is its own; nothing joins that.
    `for_all`: it may name all companies. `entities`, `dates`, `target`: it takes these fields.
    """

    reads: bool = False
    interrupts: bool = False
    joins: bool = False
    alone: bool = False
    for_all: bool = True
    entities: bool = False
    dates: bool = False
    target: bool = False


UNKNOWN_TYPE = f"type must be one of {', '.join(CommandType)}."
INTERRUPTING = tuple(kind.value for kind in CommandType if kind.rules.interrupts)
ALONE = tuple(kind.value for kind in CommandType if kind.rules.alone)
JOINING = tuple(kind.value for kind in CommandType if kind.rules.joins)


def command_type(name: str) -> CommandType | None:
    """The type of this name; None if there is none, as in a command that a later version stored."""
    return CommandType(name) if name in set(CommandType) else None


def refusal(command: Command, *, connected: bool) -> str | None:
    """Why a command is refused, in the order in which the poller checks it; None if it is fine."""
    return malformed(command) or invalid(command, connected=connected)


def malformed(command: Command) -> str | None:
    """Why a command is refused before it reaches the database, which could not store it; None if it may."""
    return next(_malformations(command), None)


def invalid(command: Command, *, connected: bool) -> str | None:
    """Why a well-formed command is refused, naming the field; None if it is fine."""
    kind = command_type(command["type"])
    return UNKNOWN_TYPE if kind is None else kind.validate(command, connected=connected)


def company_problem(company_id: str) -> str | None:
    """What is wrong with an id of a company or `*`, in a sentence that begins with company_id; None if nothing is."""
    if not company_id or "/" in company_id:
        return f"company_id must be Protiv's id of one company, without a slash, or {ALL_COMPANIES} for all."
    if "\0" in company_id:
        return "company_id must not hold a NUL character."
    return _too_long("company_id", company_id)


def date_problem(command: Command) -> str | None:
    """Which of a command's dates lies outside 1970 to 2100; None if neither does."""
    return next(_dates_out_of_range(command), None)


def is_uuid(text: str) -> bool:
    """As Postgres takes it: Python also takes braces, prefixes and hyphens anywhere."""
    if len(text) != _UUID_LENGTH:
        return False
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _malformations(command: Command) -> Iterator[str]:
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
    yield from _dates_out_of_range(command)
    if not 0 <= command["requested_at"] <= (_LAST_DAYS + 1) * _MICROS_A_DAY:
        yield "requested_at must be microseconds since 1970-01-01, between 1970 and 2100."


def _too_long(name: str, value: object) -> str | None:
    longest = LONGEST.get(name)
    if longest is None or not isinstance(value, str) or len(value) <= longest:
        return None
    return f"{name} must not be longer than {longest:,} characters."


def _dates_out_of_range(command: Command) -> Iterator[str]:
    for name in _DATES:
        days = command.get(name)
        if days is None or 0 <= days <= _LAST_DAYS:
            continue
        hint = f"; {days} looks like a calendar date" if days in _CALENDAR else ""
        yield f"{name} must lie between {FIRST_DAY} and {LAST_DAY}: dates are days since 1970-01-01{hint}."


def _broken_rules(command: Command, kind: CommandType, *, connected: bool) -> Iterator[str]:
    yield from _company(command, kind, connected=connected)
    yield from _entities(command, kind)
    yield from _dates(command, kind)
    target = command.get("target_id")
    if target is not None and not kind.rules.target:
        yield "target_id belongs to cancel."
    elif target is not None and not is_uuid(target):
        yield "target_id must be a UUID."


def _company(command: Command, kind: CommandType, *, connected: bool) -> Iterator[str]:
    company_id = command["company_id"]
    if company_id == ALL_COMPANIES:
        if not kind.rules.for_all:
            yield f"company_id: {kind} takes one company, not all of them."
        elif command.get("target_id") is not None:
            yield "target_id: a command to cancel is one company's; name that."
    elif not connected:
        yield f"company_id: {company_id} is not connected; connect it first."


def _entities(command: Command, kind: CommandType) -> Iterator[str]:
    named = set(command["entities"])
    if named and not kind.rules.entities:
        yield f"entities: {kind} takes none."
    elif not named <= set(ENTITY_BY_NAME):
        yield f"entities must be among {', '.join(ENTITY_BY_NAME)}."


def _dates(command: Command, kind: CommandType) -> Iterator[str]:
    first, last = command["from_date"], command["to_date"]
    if first is None and last is None:
        return
    name = "from_date" if first is not None else "to_date"
    if not kind.rules.dates:
        yield f"{name} belongs to backfill."
    elif command["entities"] and _WITH_DAYS.isdisjoint(command["entities"]):
        yield f"{name} goes with {' or '.join(sorted(_WITH_DAYS))}; the entities named have no days."
    elif first is not None and last is not None and last < first:
        yield "to_date must not be before from_date."
