"""Connections: who reads which Buildertrend account, in what state, and until when it is whose to work on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from psycopg.rows import class_row

from control.database import Transaction, Writing, statements
from control.vault import SealedSecret

PASSWORD = "password"  # noqa: S105 - the name of a kind of credential
SESSION = "session"
PREVIOUS = "previous-"
# Faults of a sign-in: what ended with one of them is nothing to go back to.
_REFUSING = ["wrong-credentials", "mfa-required", "person-required", "account-locked", "blocked-by-buildertrend"]

_SQL = statements("connections")


@dataclass(frozen=True, slots=True)
class Connection:
    """One company's connection, as the database has it."""

    company_id: str
    username: str
    time_zone: str
    import_from: date | None
    state: str
    fault: str | None
    message: str | None
    builder_id: str | None
    builder_name: str | None
    initial_done_at: datetime | None
    last_full_at: datetime | None
    last_success_at: datetime | None
    next_due_at: datetime
    hint: str | None = None
    paused_by: str | None = None
    paused_reason: str | None = None
    paused_at: datetime | None = None
    glance_failures: int = 0
    glance_jobs: int | None = None
    working_hours: Mapping[str, Any] | None = None
    session_timeout_s: int | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a connection until it expires or a later epoch exists.

    `fences`: its predecessor did not hand it back, and may wake and go on at any time.
    """

    company_id: str
    owner: str
    epoch: int
    fences: bool = False


@dataclass(frozen=True, slots=True)
class NewConnection:
    """What an admin enters in Connect."""

    company_id: str
    username: str
    time_zone: str
    import_from: date | None


def save_connection(tx: Transaction, new: NewConnection, password: SealedSecret) -> None:
    """Store a connection with its sealed password; a run under way is fenced off.

    The password and session that worked until now are kept until the new ones have signed in (see
    `restore_previous_credentials`).
    """
    tx.execute(_SQL["keep_previous"], {"company_id": new.company_id, "refusing": _REFUSING})
    tx.execute(_SQL["upsert"], {field.name: getattr(new, field.name) for field in fields(new)})
    put_credential(tx, new.company_id, PASSWORD, password)
    drop_credential(tx, new.company_id, SESSION)


def put_credential(tx: Transaction, company_id: str, kind: str, secret: SealedSecret) -> None:
    tx.execute(
        _SQL["put_credential"],
        {"company_id": company_id, "kind": kind, "key_id": secret.key_id, "sealed": secret.sealed},
    )


def drop_credential(tx: Transaction, company_id: str, kind: str) -> None:
    tx.execute(_SQL["drop_credential"], {"company_id": company_id, "kind": kind})


def credential(tx: Transaction, company_id: str, kind: str) -> SealedSecret | None:
    with tx.cursor(row_factory=class_row(SealedSecret)) as cursor:
        return cursor.execute(_SQL["credential"], {"company_id": company_id, "kind": kind}).fetchone()


def get_connection(tx: Transaction, company_id: str) -> Connection | None:
    with tx.cursor(row_factory=class_row(Connection)) as cursor:
        return cursor.execute(_SQL["get"], {"company_id": company_id}).fetchone()


@dataclass(frozen=True, slots=True)
class SharedSession:
    """A session of the same Buildertrend user and the password that it belongs to, sealed for `company_id`."""

    company_id: str
    session: SealedSecret
    password: SealedSecret


def shared_sessions(tx: Transaction, company_id: str) -> list[SharedSession]:
    """The sessions of all connections with this one's username, its own among them, newest first."""
    rows = tx.execute(_SQL["shared_sessions"], {"company_id": company_id})
    return [
        SharedSession(owner, SealedSecret(session_key, session), SealedSecret(password_key, password))
        for owner, session_key, session, password_key, password in rows
    ]


def list_connections(tx: Transaction) -> list[Connection]:
    with tx.cursor(row_factory=class_row(Connection)) as cursor:
        return cursor.execute(_SQL["list"]).fetchall()


def lease_due(tx: Transaction, *, owner: str, ttl_s: float, limit: int) -> list[Lease]:
    """Lease up to `limit` connections that are due or have commands; nobody else gets them while the lease lives."""
    rows = tx.execute(_SQL["lease_due"], {"owner": owner, "ttl_s": ttl_s, "limit": limit})
    return [Lease(company_id, owner, epoch, fences) for company_id, epoch, fences in rows]


def renew_leases(tx: Transaction, leases: Collection[Lease], *, ttl_s: float) -> set[Lease]:
    """Make them last `ttl_s` from now on; returns those that another poller has taken over."""
    values = {
        "company_ids": [lease.company_id for lease in leases],
        "epochs": [lease.epoch for lease in leases],
        "ttl_s": ttl_s,
    }
    kept = {tuple(row) for row in tx.execute(_SQL["renew_leases"], values)}
    return {lease for lease in leases if (lease.company_id, lease.epoch) not in kept}


def release_lease(tx: Transaction, lease: Lease, *, yielded: bool = False) -> None:
    """Give the connection back; does nothing if it is another's by now.

    `yielded`: its run made room for others and continues after those that wait now.
    """
    tx.execute(_SQL["release_lease"], _lease_values(lease) | {"yielded": yielded})


def count_waiting(tx: Transaction) -> int:
    """How many connections want work that nobody does now."""
    row = tx.execute(_SQL["waiting"]).fetchone()
    return 0 if row is None else int(row[0])


def hold_epoch(tx: Writing, lease: Lease) -> None:
    """Make this transaction commit only under the lease's epoch; the block of the transaction raises FencedError."""
    tx.execute(_SQL["hold_epoch"], {"company_id": lease.company_id, "epoch": lease.epoch})


def set_signed_in(
    tx: Transaction, company_id: str, *, builder_id: str, builder_name: str, session_timeout_s: int | None = None
) -> None:
    """These credentials are in; `session_timeout_s`: after how long without a request a session ends, where stated."""
    values = {"builder_id": builder_id, "builder_name": builder_name, "session_timeout_s": session_timeout_s}
    tx.execute(_SQL["set_signed_in"], {"company_id": company_id} | values)


@dataclass(frozen=True, slots=True)
class NextReads:
    """When the next read is due, and the next glance; None leaves the schedule as it is."""

    due_at: datetime | None = None
    glance_at: datetime | None = None

    def values(self) -> dict[str, Any]:
        return {"next_due_at": self.due_at, "next_glance_at": self.glance_at}


def set_succeeded(tx: Transaction, company_id: str, following: NextReads, *, at: datetime, full: bool) -> None:
    """A run went well; `full` says that it read everything."""
    tx.execute(_SQL["set_succeeded"], {"company_id": company_id, "at": at, "full": full} | following.values())


@dataclass(frozen=True, slots=True)
class IncompleteRun:
    """A run that came to its end without having been shown everything; `full`: it was to read everything."""

    fault: str
    message: str
    following: NextReads
    full: bool


def set_incomplete(tx: Transaction, company_id: str, short: IncompleteRun, *, at: datetime) -> None:
    """When everything is read again is planned for itself (see entity_reads.plan_retry)."""
    values: dict[str, Any] = {"fault": short.fault, "message": short.message, "full": short.full}
    tx.execute(_SQL["set_incomplete"], values | short.following.values() | {"company_id": company_id, "at": at})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run ended early, and what the connection is then; `failures` in a row, this one counted."""

    state: str
    fault: str
    message: str
    next_due_at: datetime
    failures: int = 1


def failures(tx: Transaction, company_id: str) -> int:
    """How many runs failed in a row without reading anything."""
    row = tx.execute(_SQL["failures"], {"company_id": company_id}).fetchone()
    return 0 if row is None else int(row[0])


def back_off(tx: Transaction, lease: Lease, *, pause_s: float, fault: str, message: str) -> None:
    """Keep every poller off the connection for a while, with the reason; no effect if another holds the lease."""
    values = {"pause_s": pause_s, "fault": fault, "message": message}
    tx.execute(_SQL["back_off"], _lease_values(lease) | values)


def note_outage(tx: Transaction, lease: Lease) -> float:
    """Note that our own services keep the connection's runs from going on; for how many seconds by now."""
    row = tx.execute(_SQL["note_outage"], _lease_values(lease)).fetchone()
    return 0.0 if row is None else float(row[0])


def show_outage(tx: Transaction, lease: Lease, *, pause_s: float, fault: str, message: str) -> None:
    """Show an outage that lasts as the connection's fault; it is tried again after the pause."""
    values = {"pause_s": pause_s, "fault": fault, "message": message}
    tx.execute(_SQL["show_outage"], _lease_values(lease) | values)


def set_failed(tx: Transaction, company_id: str, failure: Failure) -> None:
    values: dict[str, Any] = {field.name: getattr(failure, field.name) for field in fields(failure)}
    tx.execute(_SQL["set_failed"], values | {"company_id": company_id})


def _lease_values(lease: Lease) -> dict[str, Any]:
    return {"company_id": lease.company_id, "owner": lease.owner, "epoch": lease.epoch}


@dataclass(frozen=True, slots=True)
class SignInPauses:
    """Pauses after sign-ins that had no answer, in seconds: `first_s` doubles with each one, up to `longest_s`.

    `interrupted_s`: after the only one, if nobody saw its end.
    """

    interrupted_s: float
    first_s: float
    longest_s: float


def begin_sign_in(tx: Transaction, company_id: str, pauses: SignInPauses) -> float:
    """Note that a sign-in is about to be sent and return 0; else the seconds until one may be."""
    values = {field.name: getattr(pauses, field.name) for field in fields(pauses)} | {"company_id": company_id}
    if tx.execute(_SQL["begin_sign_in"], values).fetchone() is not None:
        return 0.0
    row = tx.execute(_SQL["sign_in_wait"], values).fetchone()
    return pauses.first_s if row is None else max(float(row[0]), 1.0)


def has_unanswered_sign_in(tx: Transaction, company_id: str) -> bool:
    """Whether the last sign-in had no answer that shows its outcome."""
    row = tx.execute(_SQL["has_unanswered_sign_in"], {"company_id": company_id}).fetchone()
    return row is not None and bool(row[0])


def sign_in_unanswered(tx: Transaction, company_id: str) -> None:
    """The sign-in that was begun ended without an answer that shows its outcome."""
    tx.execute(_SQL["sign_in_unanswered"], {"company_id": company_id})


def sign_in_answered(tx: Transaction, company_id: str) -> None:
    tx.execute(_SQL["sign_in_answered"], {"company_id": company_id})


def sign_in_refused(tx: Transaction, company_id: str, *, fault: str, message: str) -> None:
    """No sign-in with these any more; where others worked before a Reconnect, they are used again."""
    if restore_previous_credentials(tx, company_id, fault=fault, message=message):
        return
    tx.execute(_SQL["sign_in_refused"], {"company_id": company_id, "fault": fault, "message": message})


def restore_previous_credentials(tx: Transaction, company_id: str, *, fault: str, message: str) -> bool:
    """Use the credentials of before a Reconnect again, with their time zone and start; false where there are none.

    The connection is connected and due now, and keeps what was refused and why.
    """
    values = {"company_id": company_id, "fault": fault, "message": message}
    if tx.execute(_SQL["has_previous"], values).fetchone() is None:
        return False
    tx.execute(_SQL["restore_previous_credentials"], values)
    return bool(tx.execute(_SQL["restore"], values).fetchall())


def previous_credentials_restored(tx: Transaction, company_id: str, *, fault: str) -> bool:
    """Whether credentials were just refused with this fault and those before are in use again."""
    return (
        tx.execute(_SQL["previous_credentials_restored"], {"company_id": company_id, "fault": fault}).fetchone()
        is not None
    )


def set_hint(tx: Transaction, company_id: str, hint: str | None) -> None:
    """A remark for the admin beside the state."""
    tx.execute(_SQL["set_hint"], {"company_id": company_id, "hint": hint})
