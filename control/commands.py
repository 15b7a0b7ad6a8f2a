"""Stored commands: once an id, oldest first, each with the one answer that ends it.

An answer is stored in the transaction of its command's effect, and a command that has one is never done again; then it
is published (see producers.commands.answer_publisher).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from control.database import Transaction, statements

_SQL = statements("commands")

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OpenCommand:
    """A command that has had no final answer yet; `body` is its whole record."""

    command_id: str
    type: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundCommand:
    """A command by its id; `outcome` is the type of its answer, null while it has none."""

    command_id: str
    type: str
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A final event that is stored and may not be published yet."""

    command_id: str
    company_id: str
    event: dict[str, Any]
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Joined:
    """A command that joined a read under way."""

    command_id: str
    company_id: str
    run_id: str


def put_command(tx: Transaction, body: Body) -> bool:
    """Store a command; false if this id is known already."""
    values = {key: body[key] for key in ("command_id", "company_id", "type")}
    return tx.execute(_SQL["put"], values | {"body": Jsonb(dict(body))}).fetchone() is not None


def open_commands(tx: Transaction, company_id: str) -> list[OpenCommand]:
    """The company's commands that are due and have no answer, oldest first."""
    with tx.cursor(row_factory=class_row(OpenCommand)) as cursor:
        return cursor.execute(_SQL["open"], {"company_id": company_id}).fetchall()


def commands_of_run(tx: Transaction, company_id: str, run_id: str) -> list[OpenCommand]:
    """Commands that the run is for and that have no answer, oldest first."""
    with tx.cursor(row_factory=class_row(OpenCommand)) as cursor:
        return cursor.execute(_SQL["of_run"], {"company_id": company_id, "run_id": run_id}).fetchall()


def start_commands(tx: Transaction, command_ids: Sequence[str], run_id: str) -> None:
    """Store that a run is for these commands, and which of them joined after it had begun to read."""
    tx.execute(_SQL["start"], {"command_ids": list(command_ids), "run_id": run_id})


def read_again(tx: Transaction, company_id: str, run_id: str) -> set[str]:
    """Let commands that joined this read after it had begun wait for another one; their ids.

    What was changed in Buildertrend before they were sent may have been read before the change.
    """
    rows = tx.execute(_SQL["again"], {"company_id": company_id, "run_id": run_id})
    return {str(command_id) for (command_id,) in rows}


def answer_commands(tx: Transaction, command_ids: Sequence[str], event: Body) -> list[str]:
    """Store the event that ends these commands; the types of those that had none yet. The first answer stands."""
    values = {"command_ids": list(command_ids), "event_ids": [terminal_event_id(one) for one in command_ids]}
    return [str(kind) for _, kind in tx.execute(_SQL["answer"], values | {"event": Jsonb(dict(event))})]


def find_command(tx: Transaction, company_id: str, command_id: str) -> FoundCommand | None:
    """A command of this company."""
    with tx.cursor(row_factory=class_row(FoundCommand)) as cursor:
        return cursor.execute(_SQL["find"], {"company_id": company_id, "command_id": command_id}).fetchone()


def unpublished_answers(tx: Transaction, *, limit: int) -> list[Answer]:
    """Answers of all companies that are stored and not known to be published, oldest command first."""
    with tx.cursor(row_factory=class_row(Answer)) as cursor:
        return cursor.execute(_SQL["unpublished"], {"limit": limit}).fetchall()


def mark_published(tx: Transaction, command_ids: Collection[str]) -> None:
    tx.execute(_SQL["published"], {"command_ids": list(command_ids)})


def join_reads(
    tx: Transaction, company_ids: Collection[str], *, types: Collection[str], all_entities: Collection[str]
) -> list[Joined]:
    """Let pending commands of these types join their company's read under way, if that reads all they ask for."""
    values = {
        "company_ids": list(company_ids),
        "types": list(types),
        "all_entities": Jsonb(sorted(all_entities)),
    }
    with tx.cursor(row_factory=class_row(Joined)) as cursor:
        return cursor.execute(_SQL["join"], values).fetchall()


def companies_to_interrupt(tx: Transaction, company_ids: Collection[str], *, types: Collection[str]) -> set[str]:
    """Those of the companies for which a command of one of these types waits."""
    rows = tx.execute(_SQL["interrupting"], {"company_ids": list(company_ids), "types": list(types)})
    return {str(company_id) for (company_id,) in rows}


def terminal_event_id(command_id: str) -> str:
    """The id of a command's final event: the same however often it is published, so that readers take it once."""
    return str(uuid5(NAMESPACE_URL, f"protiv-buildertrend:terminal:{command_id}"))
