"""The audit: who changed what and when, and what became of the command that was sent for it.

Lines are only ever added (a trigger refuses the rest). What became of a command is what the poller stored with its
effect, never what an event on Kafka claims.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

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


def note_not_sent(tx: Transaction, command_id: str, message: str) -> None:
    """The command never reached the poller: it failed, for this reason."""
    tx.execute(_SQL["note_not_sent"], {"command_id": command_id, "message": message})


def audit_lines(tx: Transaction, *, company_id: str | None, before: int | None, limit: int) -> list[AuditLine]:
    """Newest first; of one company, or of all where `company_id` is None; `before` is an audit_id."""
    values = {"company_id": company_id, "before": before, "limit": limit}
    with tx.cursor(row_factory=class_row(AuditLine)) as cursor:
        return cursor.execute(_SQL["lines"], values).fetchall()


def audit_of_command(tx: Transaction, company_id: str, command_id: str) -> AuditLine | None:
    values = {"company_id": company_id, "command_id": command_id}
    with tx.cursor(row_factory=class_row(AuditLine)) as cursor:
        return cursor.execute(_SQL["of_command"], values).fetchone()
