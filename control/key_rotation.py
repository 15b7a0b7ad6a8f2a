"""Moves every secret to the newest key, so that an older private key can be taken away.

Nothing is stored that was not opened again with the newest key alone, and nothing is moved while any secret does not
open: to say "moved" of what nobody can read would lose it with the old key.
"""

from __future__ import annotations

from dataclasses import dataclass

from control.connections import PREVIOUS
from control.database import Database, statements
from control.vault import Opener, SealedSecret
from core.errors import ConfigurationError, FatalError

_SQL = statements("key_rotation")


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many secrets are sealed to the newest key now: moved just now, and there before."""

    moved: int
    there: int


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A row of `integration.credentials`."""

    company_id: str
    kind: str
    secret: SealedSecret


def rotate(database: Database, opener: Opener) -> Rotated:
    """Seal every secret to the first of the opener's keys; safe to repeat and while pollers work.

    ConfigurationError names the company, kind and key of a secret that does not open; then nothing was changed.
    """
    with database.transaction() as tx:
        rows = [
            StoredSecret(company_id, kind, SealedSecret(key_id, sealed))
            for company_id, kind, key_id, sealed in tx.execute(_SQL["all"]).fetchall()
        ]
    resealed = [(row, moved_to_newest(row, opener)) for row in rows]
    moved = 0
    for row, new in resealed:
        if new is not None:
            moved += _replace(database, row, new)
    return Rotated(moved, sum(new is None for _, new in resealed))


def moved_to_newest(row: StoredSecret, opener: Opener) -> SealedSecret | None:
    """The secret sealed to the newest key and opened with it again; None if it is sealed to that key already."""
    newest, sealer = opener.newest_alone(), opener.sealer()
    plain = _open(row, opener)
    if row.secret.key_id == sealer.key_id:
        return None
    new = sealer.seal(plain, company_id=row.company_id, kind=_sealed_kind(row))
    if newest.open(new, company_id=row.company_id, kind=_sealed_kind(row)) != plain:
        raise FatalError(f"What was sealed to key {sealer.key_id} does not open with it: nothing was changed.")
    return new


def _sealed_kind(row: StoredSecret) -> str:
    """What it was sealed as: put aside by a Reconnect it keeps its bytes."""
    return row.kind.removeprefix(PREVIOUS)


def _open(row: StoredSecret, opener: Opener) -> bytes:
    try:
        return opener.open(row.secret, company_id=row.company_id, kind=_sealed_kind(row))
    except (ConfigurationError, FatalError) as exc:
        raise ConfigurationError(
            f"The {row.kind} of company {row.company_id} is sealed to a key {row.secret.key_id} that is not in "
            "CREDENTIAL_PRIVATE_KEYS: add it behind the newest one. Nothing was changed. If the key is lost, that "
            "company must be connected again, or disconnected, before keys can be rotated."
        ) from exc


def _replace(database: Database, row: StoredSecret, new: SealedSecret) -> int:
    values = {
        "company_id": row.company_id,
        "kind": row.kind,
        "old": row.secret.sealed,
        "key_id": new.key_id,
        "sealed": new.sealed,
    }
    with database.transaction() as tx:
        return tx.execute(_SQL["move"], values).rowcount
