"""Reconnecting to another Buildertrend account than before: it waits until somebody confirms it by name."""

from __future__ import annotations

from control.database import Transaction, statements

_SQL = statements("other_account")


def ask_confirmation(tx: Transaction, company_id: str, *, builder_id: str, builder_name: str) -> None:
    """Remember whose account the new username belongs to, for the admin to confirm."""
    tx.execute(_SQL["ask"], {"company_id": company_id, "builder_id": builder_id, "builder_name": builder_name})


def accept(tx: Transaction, company_id: str, *, builder_id: str) -> bool:
    """Take this other account at the next sign-in; false if it is not the one that waits for a confirmation."""
    row = tx.execute(_SQL["accept"], {"company_id": company_id, "builder_id": builder_id}).fetchone()
    return row is not None


def is_accepted(tx: Transaction, company_id: str, *, builder_id: str) -> bool:
    row = tx.execute(_SQL["is_accepted"], {"company_id": company_id, "builder_id": builder_id}).fetchone()
    return row is not None


def forget_confirmation(tx: Transaction, company_id: str) -> None:
    """What was asked or confirmed is over: the account was taken, or other credentials are entered."""
    tx.execute(_SQL["forget"], {"company_id": company_id})
