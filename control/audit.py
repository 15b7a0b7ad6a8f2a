"""The audit: who changed what in the console and when, and what became of the command that was sent for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from control.database import Transaction, statements

_SQL = statements("audit")


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does now. `who` is their e-mail; `detail` holds no secret."""

    user_id: str | None
    who: str
    company_id: str | None
    action: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    command_id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditLine:
    """What somebody did."""

    audit_id: int
    at: datetime
    who: str
    company_id: str | None
    action: str
    detail: dict[str, Any]
    command_id: str | None
    outcome: str | None
    outcome_message: str | None
    outcome_at: datetime | None


def record(tx: Transaction, act: Act) -> None:
    """In the same transaction as the change, where the change is one of the database."""
    tx.execute(
        _SQL["record"],
        {
            "user_id": act.user_id,
            "who": act.who,
            "company_id": act.company_id,
            "action": act.action,
            "detail": Jsonb(dict(act.detail)),
            "command_id": act.command_id,
        },
    )


def note_outcome(tx: Transaction, command_id: str, outcome: str, message: str | None, *, is_last: bool) -> None:
    """What the poller said about a command; the terminal event stays. Does nothing for others' commands."""
    try:
        values = {"command_id": UUID(command_id), "outcome": outcome, "message": message, "is_last": is_last}
    except ValueError:
        return  # Refused for just that: none of the console's.
    tx.execute(_SQL["note_outcome"], values)


def oldest_open(tx: Transaction) -> datetime | None:
    """When the oldest command of the last two weeks was sent whose terminal event is not known yet."""
    row = tx.execute(_SQL["oldest_open"]).fetchone()
    return None if row is None else row[0]


def audit_lines(tx: Transaction, *, company_id: str | None, before: int | None, limit: int) -> list[AuditLine]:
    """Newest first; of one company, or of all where `company_id` is None; `before` is an audit_id."""
    values = {"company_id": company_id, "before": before, "limit": limit}
    with tx.cursor(row_factory=class_row(AuditLine)) as cursor:
        return cursor.execute(_SQL["lines"], values).fetchall()


def audit_of_command(tx: Transaction, company_id: str, command_id: str) -> AuditLine | None:
    values = {"company_id": company_id, "command_id": command_id}
    with tx.cursor(row_factory=class_row(AuditLine)) as cursor:
        return cursor.execute(_SQL["of_command"], values).fetchone()
