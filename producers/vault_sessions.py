"""Keeps a connection's session sealed in its row, between runs and across pollers, and the journal of its sign-ins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from control import connections
from control.connections import PASSWORD, SESSION, Lease, credential, hold_epoch, put_credential
from control.database import Database, Transaction
from control.vault import Opener
from producers.buildertrend.faults import SOURCE_UNAVAILABLE, Fault, SourceFaultError
from producers.buildertrend.sign_in import Session, SignedIn

TRIMMED_HINT = "Buildertrend accepted the password without the spaces before or after it."
_FIRST_PAUSE_S = 300.0


@dataclass(frozen=True, slots=True)
class VaultSessions:
    """See producers.buildertrend.account.SessionStore. FencedError where the credentials may be others by now.

    `longest_pause_s` bounds the pause after sign-ins that had no answer.
    """

    database: Database
    opener: Opener
    lease: Lease
    longest_pause_s: float

    def load(self) -> Session | None:
        with self.database.transaction() as tx:
            sealed = credential(tx, self._company_id, SESSION)
        if sealed is None:
            return None
        return Session.from_json(self.opener.open(sealed, company_id=self._company_id, kind=SESSION))

    def save(self, signed_in: SignedIn) -> None:
        """Also the password, where it was accepted without its spaces only: those must not be tried again."""
        with self._held() as tx:
            self._put(tx, SESSION, signed_in.session.to_json())
            kept = credential(tx, self._company_id, PASSWORD)
            accepted = signed_in.password.encode()
            if kept is not None and self.opener.open(kept, company_id=self._company_id, kind=PASSWORD) != accepted:
                self._put(tx, PASSWORD, accepted)
                connections.set_hint(tx, self._company_id, TRIMMED_HINT)

    def begin_sign_in(self) -> None:
        with self._held() as tx:
            may = connections.begin_sign_in(
                tx, self._company_id, first_s=_FIRST_PAUSE_S, longest_s=self.longest_pause_s
            )
        if not may:
            raise SourceFaultError(
                SOURCE_UNAVAILABLE, "sign-in: earlier attempts had no answer, waiting before another"
            )

    def sign_in_answered(self) -> None:
        with self._held() as tx:
            connections.sign_in_answered(tx, self._company_id)

    def sign_in_refused(self, fault: Fault) -> None:
        with self._held() as tx:
            connections.sign_in_refused(tx, self._company_id, fault=fault.name, message=fault.for_admin)

    def _put(self, tx: Transaction, kind: str, secret: bytes) -> None:
        sealed = self.opener.sealer().seal(secret, company_id=self._company_id, kind=kind)
        put_credential(tx, self._company_id, kind, sealed)

    @property
    def _company_id(self) -> str:
        return self.lease.company_id

    @contextmanager
    def _held(self) -> Iterator[Transaction]:
        with self.database.transaction() as tx:
            hold_epoch(tx, self.lease)
            yield tx
