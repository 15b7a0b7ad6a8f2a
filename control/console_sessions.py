"""Signed-in browsers, and how often something was tried: both in the database, so that every console knows."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from psycopg.rows import class_row

from control.console_users import ConsoleUser
from control.database import Transaction, statements

IDLE_H = 8
LONGEST_H = 24

_SQL = statements("console_sessions")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` of a kind for a subject within `window_s`."""

    kind: str
    attempts: int
    window_s: int


SIGN_IN_LIMIT = Limit("sign-in", 10, 900)
CONNECT_LIMIT = Limit("connect", 6, 900)


def begin_session(tx: Transaction, user_id: str, *, instead_of: str = "") -> str:
    """The token of a new session, to be kept by the browser alone; the session `instead_of` ends."""
    token = secrets.token_urlsafe(32)
    tx.execute(_SQL["begin"], {"token_hash": _hash(token), "user_id": user_id})
    if instead_of:
        end_session(tx, instead_of)
    return token


def session_user(tx: Transaction, token: str) -> ConsoleUser | None:
    """Whose session it is, and that it was seen now; None once it is over, idle for 8 hours or a day old."""
    values = {"token_hash": _hash(token), "idle_h": IDLE_H, "longest_h": LONGEST_H}
    with tx.cursor(row_factory=class_row(ConsoleUser)) as cursor:
        user = cursor.execute(_SQL["user"], values).fetchone()
    if user is not None:
        tx.execute(_SQL["seen"], values)
    return user


def end_session(tx: Transaction, token: str) -> None:
    tx.execute(_SQL["end"], {"token_hash": _hash(token)})


def is_over_limit(tx: Transaction, limit: Limit, subject: str) -> bool:
    values = {"kind": limit.kind, "subject": subject, "window_s": limit.window_s}
    row = tx.execute(_SQL["attempts"], values).fetchone()
    return row is not None and int(row[0]) >= limit.attempts


def note_attempt(tx: Transaction, limit: Limit, subject: str) -> None:
    tx.execute(_SQL["note_attempt"], {"kind": limit.kind, "subject": subject})


def forget_attempts(tx: Transaction, limit: Limit, subject: str) -> None:
    """It went well: what failed before no longer counts."""
    tx.execute(_SQL["forget_attempts"], {"kind": limit.kind, "subject": subject})


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
