"""Commands as the poller keeps them: once an id, oldest first, until each has had its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from control.database import Transaction, statements

_SQL = statements("commands")


@dataclass(frozen=True, slots=True)
class OpenCommand:
    """A command that has had no final answer yet; `body` is its whole record."""

    command_id: str
    type: str
    body: dict[str, Any]


def put_command(tx: Transaction, body: Mapping[str, Any]) -> bool:
    """Store a command; false if this id is known already."""
    values = {key: body[key] for key in ("command_id", "company_id", "type")}
    return tx.execute(_SQL["put"], values | {"body": Jsonb(dict(body))}).fetchone() is not None


def open_commands(tx: Transaction, company_id: str) -> list[OpenCommand]:
    """The company's commands that still want an answer, oldest first."""
    with tx.cursor(row_factory=class_row(OpenCommand)) as cursor:
        return cursor.execute(_SQL["open"], {"company_id": company_id}).fetchall()


def start_commands(tx: Transaction, command_ids: Sequence[str], run_id: str) -> None:
    tx.execute(_SQL["start"], {"command_ids": list(command_ids), "run_id": run_id})


def finish_commands(tx: Transaction, command_ids: Sequence[str]) -> None:
    tx.execute(_SQL["finish"], {"command_ids": list(command_ids)})
