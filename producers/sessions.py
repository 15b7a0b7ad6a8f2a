"""Keeps a connection's session sealed in its row, between runs and across pollers, and the journal of its sign-ins."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from control import connections
from control.connections import (
    PASSWORD,
    SESSION,
    Lease,
    SharedSession,
    SignInPauses,
    credential,
    hold_epoch,
    put_credential,
    shared_sessions,
)
from control.database import Database, Transaction
from control.vault import Opener
from core.errors import ConfigurationError, FatalError
from core.log import get_logger
from producers.buildertrend.faults import SIGN_IN_UNCONFIRMED, SourceFaultError
from producers.buildertrend.sign_in import Session, SignedIn
from schemas.faults import Fault

TRIMMED_HINT = "Buildertrend accepted the password without the spaces before or after it."
_FIRST_PAUSE_S = 300.0
# A poller that was killed in a sign-in: one attempt more locks no account.
_INTERRUPTED_PAUSE_S = 20.0
log = get_logger(__name__)


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
        """The newest session of this Buildertrend user: which has one at a time, so that companies of one share it.

        Only companies that hold the same password: whoever knows a username alone is not let in with it.
        """
        with self.database.transaction() as tx:
            kept = shared_sessions(tx, self._company_id)
        return next((found for one in kept if (found := self._opened(one)) is not None), None)

    def _opened(self, kept: SharedSession) -> Session | None:
        """The session, if it can be used and is this company's own or of the same password."""
        try:
            if kept.company_id != self._company_id and not self._has_password_of(kept):
                return None
            return Session.from_json(self.opener.open(kept.session, company_id=kept.company_id, kind=SESSION))
        except (ConfigurationError, FatalError) as exc:
            if kept.company_id == self._company_id:
                raise
            log.warning("shared_session_not_opened", of_company=kept.company_id, reason=str(exc))
        except ValueError:
            # Kept by a version that did not look at it: no request could carry it.
            log.warning("session_not_usable", of_company=kept.company_id)
        return None

    def _has_password_of(self, other: SharedSession) -> bool:
        with self.database.transaction() as tx:
            own = credential(tx, self._company_id, PASSWORD)
        if own is None:
            return False
        mine = self.opener.open(own, company_id=self._company_id, kind=PASSWORD)
        return hmac.compare_digest(mine, self.opener.open(other.password, company_id=other.company_id, kind=PASSWORD))

    def save(self, signed_in: SignedIn) -> None:
        """Also the password, where it was accepted without its spaces only: those must not be tried again."""
        with self._held() as tx:
            self._put(tx, SESSION, signed_in.session.to_json())
            kept = credential(tx, self._company_id, PASSWORD)
            accepted = signed_in.password.encode()
            if kept is not None and self.opener.open(kept, company_id=self._company_id, kind=PASSWORD) != accepted:
                self._put(tx, PASSWORD, accepted)
                connections.set_hint(tx, self._company_id, TRIMMED_HINT)

    def renew(self, session: Session) -> None:
        with self._held() as tx:
            self._put(tx, SESSION, session.to_json())

    def has_unanswered_sign_in(self) -> bool:
        with self._held() as tx:
            return connections.has_unanswered_sign_in(tx, self._company_id)

    def begin_sign_in(self) -> None:
        pauses = SignInPauses(_INTERRUPTED_PAUSE_S, _FIRST_PAUSE_S, self.longest_pause_s)
        with self._held() as tx:
            wait_s = connections.begin_sign_in(tx, self._company_id, pauses)
        if wait_s:
            detail = "sign-in: earlier attempts had no answer, waiting before another"
            raise SourceFaultError(SIGN_IN_UNCONFIRMED, detail, retry_after_s=wait_s)

    def sign_in_unanswered(self) -> None:
        with self._held() as tx:
            connections.sign_in_unanswered(tx, self._company_id)

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
