"""Whether a connection is read at all: paused and resumed, disconnected, put off."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from control.database import Transaction, statements

_SQL = statements("connection_state")


def pause(tx: Transaction, company_id: str, *, by: str | None, reason: str | None) -> None:
    """Read nothing until it is resumed; its fault stays known."""
    tx.execute(_SQL["pause"], {"company_id": company_id, "by": by, "reason": reason})


def resume(tx: Transaction, company_id: str, *, state: str) -> None:
    """Read again, at once if it can be."""
    tx.execute(_SQL["resume"], {"company_id": company_id, "state": state})


def disconnect(tx: Transaction, company_id: str) -> None:
    """Read nothing any more, and forget password and session; what was read stays."""
    tx.execute(_SQL["disconnect"], {"company_id": company_id})
    tx.execute(_SQL["forget_credentials"], {"company_id": company_id})


@dataclass(frozen=True, slots=True)
class Due:
    """What the schedule wants now: a read, a glance."""

    read: bool = False
    glance: bool = False


def due_now(tx: Transaction, company_id: str) -> Due:
    """By the database's clock, as leases go by it."""
    row = tx.execute(_SQL["due_now"], {"company_id": company_id}).fetchone()
    return Due() if row is None else Due(bool(row[0]), bool(row[1]))


def put_off(tx: Transaction, company_id: str, *, next_due_at: datetime) -> None:
    """The next read begins no sooner."""
    tx.execute(_SQL["put_off"], {"company_id": company_id, "next_due_at": next_due_at})


def companies_in(tx: Transaction, states: Collection[str]) -> list[str]:
    """Ids of the companies whose connection is in one of these states."""
    return [str(company_id) for (company_id,) in tx.execute(_SQL["for_all"], {"states": list(states)})]
