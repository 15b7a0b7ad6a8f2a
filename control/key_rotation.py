"""Moves every secret to the newest key, so that an older private key can be taken away."""

from __future__ import annotations

from dataclasses import dataclass

from control.database import Database, statements
from control.vault import Opener, SealedSecret

_SQL = statements("key_rotation")


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many secrets are sealed to the newest key now: moved just now, and there before."""

    moved: int
    there: int


def rotate(database: Database, opener: Opener) -> Rotated:
    """Seal every secret to the first of the opener's keys; safe to repeat and while pollers work.

    ConfigurationError names the key of a secret that none of the keys opens; what was moved until then stays so.
    """
    sealer = opener.sealer()
    moved = there = 0
    with database.transaction() as tx:
        rows = tx.execute(_SQL["all"]).fetchall()
    for company_id, kind, key_id, sealed in rows:
        if key_id == sealer.key_id:
            there += 1
            continue
        secret = opener.open(SealedSecret(key_id, sealed), company_id=company_id, kind=kind)
        new = sealer.seal(secret, company_id=company_id, kind=kind)
        values = {"company_id": company_id, "kind": kind, "old": sealed, "key_id": new.key_id, "sealed": new.sealed}
        with database.transaction() as tx:
            moved += tx.execute(_SQL["move"], values).rowcount
    return Rotated(moved, there)
