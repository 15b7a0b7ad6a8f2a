"""The locks that migrations wait for. Who holds one is named, and nobody waits for ever: a pooler keeps the lock of a
session that is long gone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from core.clock import Clock
from core.errors import RetriableError
from core.postgres import Connection

# `setup` configures no log of ours: what the standard library logs is a sentence on its standard error.
log = logging.getLogger(__name__)
_LOCK = 7_305_112_024
_PAUSE_S = 1.0
_SAY_EVERY_S = 30.0
# Another `setup` may build an index of a large table meanwhile. One that does nothing for so long is none.
_LONGEST_S = 900.0
_IDLE_S = 15.0

_SHOWN = "a.pid, a.application_name, a.usename, host(a.client_addr), a.state = 'idle'"
_HOLDER = f"""
SELECT {_SHOWN} FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32 | l.objid::bigint) = {_LOCK}
"""
_LONGEST_TRANSACTION = f"""
SELECT {_SHOWN} FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid()
ORDER BY a.xact_start LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """A session that is waited for. `is_idle` is null where this role may not see it."""

    pid: int
    application: str | None
    role: str | None
    host: str | None
    is_idle: bool | None

    @property
    def words(self) -> str:
        name = self.application or "without a name"
        return f"process {self.pid} ({name}, as {self.role or '?'}, from {self.host or 'this machine'})"


class Patience:
    """How long is waited, and for whom: said at once, and again now and then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._idle_since: float | None = None
        self._say_at = self._began

    def wait(self, holder: Holder | None, what: str) -> None:
        """A moment. RetriableError with what to do when it was long enough, sooner if the holder does nothing."""
        now = self._clock.monotonic()
        if holder is None or not holder.is_idle:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        idle = self._idle_since is not None and now - self._idle_since >= _IDLE_S
        if idle or now - self._began >= _LONGEST_S:
            raise RetriableError(f"{what}{_what_to_do(holder)}")
        if now >= self._say_at:
            self._say_at = now + _SAY_EVERY_S
            log.warning("%s Held by %s. Waiting.", what, "somebody" if holder is None else holder.words)
        self._clock.wait(_PAUSE_S)


def take_lock(connection: Connection, clock: Clock) -> None:
    """Be the only one that migrates, until the connection ends. RetriableError: see Patience."""
    patience = Patience(clock)
    while connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone() != (True,):
        patience.wait(_found(connection, _HOLDER), "Another session holds the lock of migrations.")


def longest_transaction(connection: Connection) -> Holder | None:
    """Whoever has been in a transaction for longest: the one that a change of a table waits for, most likely."""
    return _found(connection, _LONGEST_TRANSACTION)


def _found(connection: Connection, query: str) -> Holder | None:
    row = connection.execute(query.encode()).fetchone()
    return None if row is None else Holder(*row)


def _what_to_do(holder: Holder | None) -> str:
    if holder is None:
        return " Run `setup` again."
    return (
        f" It is {holder.words}. If that is no other `setup` at work, a pooler or a dead client left it: end it with "
        f"SELECT pg_terminate_backend({holder.pid}), and run `setup` again with the address of Postgres itself."
    )
