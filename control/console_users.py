"""Console users: who they are, what they may do, and the Argon2id hash of their password."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg.rows import class_row

from control.database import Transaction, statements
from control.passwords import password_problem
from core.errors import ConfigurationError

ROLES = ("admin", "operator", "viewer")
LONGEST_EMAIL = 200
_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_SMALL = {ord(letter): letter.lower() for letter in string.ascii_uppercase}

_SQL = statements("console_users")
_HASHER = PasswordHasher()
# Each takes 64 MiB and all of a core: sign-ins beyond these wait.
_AT_ONCE = BoundedSemaphore(2)
# What an unknown e-mail is compared with, so that it takes as long as a known one.
_NOBODY = _HASHER.hash("nobody has this password")


@dataclass(frozen=True, slots=True)
class ConsoleUser:
    """Somebody who may sign in. `company_id` is None for those who see all companies."""

    user_id: str
    email: str
    name: str
    role: str
    company_id: str | None
    has_password: bool
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to add; without a password they sign in with OpenID Connect alone."""

    email: str
    name: str
    role: str
    company_id: str | None = None
    password: str | None = field(default=None, repr=False)


def add_user(tx: Transaction, new: NewUser) -> str:
    """Store a user; the id. ConfigurationError with what is wrong, also for an e-mail that exists."""
    checked = _checked(new)
    values = {
        "email": checked.email,
        "name": checked.name,
        "role": checked.role,
        "company_id": checked.company_id,
        "password_hash": None if checked.password is None else hash_password(checked.password),
    }
    row = tx.execute(_SQL["add"], values).fetchone()
    if row is None:
        raise ConfigurationError(f"There is a user {checked.email} already: change it with `user password`.")
    return str(row[0])


def list_users(tx: Transaction) -> list[ConsoleUser]:
    with tx.cursor(row_factory=class_row(ConsoleUser)) as cursor:
        return cursor.execute(_SQL["list"]).fetchall()


def user_by_email(tx: Transaction, email: str) -> ConsoleUser | None:
    with tx.cursor(row_factory=class_row(ConsoleUser)) as cursor:
        return cursor.execute(_SQL["by_email"], {"email": normal_email(email)}).fetchone()


def set_password(tx: Transaction, email: str, password: str) -> None:
    """A new password; every session of the user ends. ConfigurationError for a weak one, nobody, and the disabled."""
    values = {"email": normal_email(email), "password_hash": hash_password(_strong(password, email))}
    _one(tx.execute(_SQL["set_password"], values).fetchone(), email)


def disable_user(tx: Transaction, email: str) -> None:
    """No sign-in any more; every session ends, password and OpenID subject go, so that nothing of them comes back.

    ConfigurationError if there is no such user.
    """
    _one(tx.execute(_SQL["disable"], {"email": normal_email(email)}).fetchone(), email)


def enable_user(tx: Transaction, email: str) -> None:
    """A disabled user may sign in again, with a new password or OpenID Connect; what there was before stays gone.

    ConfigurationError if there is no such user, or it is not disabled.
    """
    if tx.execute(_SQL["enable"], {"email": normal_email(email)}).fetchone() is None:
        raise ConfigurationError(f"There is no disabled user {normal_email(email)}; `user list` shows those there are.")


def password_hash_of(tx: Transaction, email: str) -> str | None:
    """The hash to compare with; None for nobody, for those who have none, and for the disabled."""
    row = tx.execute(_SQL["password_hash"], {"email": normal_email(email)}).fetchone()
    return None if row is None else row[0]


def user_of_subject(tx: Transaction, *, issuer: str, subject: str, email: str) -> ConsoleUser | None:
    """The user that an OpenID provider speaks of; binds it to the user of the (verified) e-mail at the first time."""
    values = {"issuer": issuer, "subject": subject, "email": normal_email(email)}
    tx.execute(_SQL["bind_subject"], values)
    with tx.cursor(row_factory=class_row(ConsoleUser)) as cursor:
        return cursor.execute(_SQL["by_subject"], values).fetchone()


def hash_password(password: str) -> str:
    """Argon2id, with the parameters of argon2-cffi. Takes a good part of a second of a core."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def password_fits(password_hash: str | None, password: str) -> bool:
    """Takes as long for nobody's hash (None) as for somebody's. Outside of a transaction, please: it is slow."""
    try:
        with _AT_ONCE:
            fits = _HASHER.verify(password_hash or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return fits and password_hash is not None


def normal_email(text: str) -> str:
    """Without spaces around it, its ASCII letters small. No other letter changes: some turn into an ASCII one."""
    return text.strip().translate(_SMALL)


def is_email(email: str) -> bool:
    """Whether a normal e-mail can be that of a user: plain ASCII, without spaces and control characters."""
    return len(email) <= LONGEST_EMAIL and _EMAIL.fullmatch(email) is not None


def _checked(new: NewUser) -> NewUser:
    email = normal_email(new.email)
    if not is_email(email):
        raise ConfigurationError("EMAIL must be an e-mail address of plain letters, digits and signs (ASCII).")
    if new.role not in ROLES:
        raise ConfigurationError(f"--role must be one of {', '.join(ROLES)}.")
    if new.role == "admin" and not new.company_id:
        raise ConfigurationError("An admin is of one company: give --company.")
    if new.role == "operator" and new.company_id:
        raise ConfigurationError("An operator sees every company: leave --company out.")
    if new.company_id and ("/" in new.company_id or new.company_id == "*"):
        raise ConfigurationError("--company must be Protiv's id of one company; it holds no slash and is not *.")
    password = None if new.password is None else _strong(new.password, email, new.name, new.company_id or "")
    return NewUser(email, new.name.strip() or email, new.role, new.company_id or None, password)


def _strong(password: str, *known: str) -> str:
    problem = password_problem(password, known=known)
    if problem:
        raise ConfigurationError(problem)
    return password


def _one(row: object, email: str) -> None:
    if row is None:
        raise ConfigurationError(
            f"There is no user {normal_email(email)}, or it is disabled; `user list` shows those there are."
        )
