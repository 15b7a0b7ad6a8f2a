"""Signed-in browsers, and how often something was tried: both in the database, so that every console knows."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass
from typing import Any

from psycopg.rows import class_row

from control.console_users import ConsoleUser
from control.database import Transaction, statements

IDLE_H = 8
LONGEST_H = 24

_SQL = statements("console_sessions")


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` tries of a kind in a row; behind each further one a pause, from `first_s` doubled up to `longest_s`.

    `forget_s` without a try begins anew.
    """

    kind: str
    free: int
    first_s: float
    longest_s: float
    forget_s: float = 3600.0


# For one e-mail from one address: whoever guesses there keeps nobody out who comes from anywhere else.
SIGN_IN_LIMIT = Limit("sign-in", 5, 2, 900)
# For all e-mails of one address, an office behind one address included.
ADDRESS_LIMIT = Limit("sign-in", 30, 2, 900)
# Every Connect is a real sign-in, which Buildertrend counts.
CONNECT_LIMIT = Limit("connect", 6, 900, 900, forget_s=900.0)
OPENID_LIMIT = Limit("openid", 60, 2, 900)


class TooManyTriesError(Exception):
    """Not now; `wait_s` says when again."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many tries, again in {wait_s:.0f} s")
        self.wait_s = wait_s


def claim(tx: Transaction, limit: Limit, subject: str) -> None:
    """Count a try that is about to be made; TooManyTriesError, and nothing is counted, while a pause lasts."""
    values = _limit_values(limit, subject)
    if tx.execute(_SQL["claim"], values).fetchone() is None:
        row = tx.execute(_SQL["wait_s"], values).fetchone()
        raise TooManyTriesError(max(1.0, float(row[0])) if row else 1.0)


def give_back(tx: Transaction, limit: Limit, subject: str) -> None:
    """A claimed try was none that counts; those before it still do."""
    tx.execute(_SQL["give_back"], _limit_values(limit, subject))


def forget_tries(tx: Transaction, limit: Limit, subject: str) -> None:
    """It went well for just this subject: what failed before no longer counts."""
    tx.execute(_SQL["forget"], _limit_values(limit, subject))


def _limit_values(limit: Limit, subject: str) -> dict[str, Any]:
    return {**asdict(limit), "subject": subject}


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


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
