"""Whether a session stays with one backend. Behind a pooler in transaction mode each transaction may run in another:
locks of a session remain with strangers, its settings and temporary tables are gone, and none of that is an error.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from contextlib import closing

import psycopg
from psycopg.rows import TupleRow

from core.errors import ConfigurationError

Connection = psycopg.Connection[TupleRow]

_PID = b"SELECT pg_backend_pid()"
_ROUNDS = 3
_PATIENCE_S = 5.0


def check_session(connection: Connection, another: Callable[[], Connection]) -> None:
    """ConfigurationError if two statements of this connection may reach two backends.

    `another` makes a second connection to the same address; both must be in autocommit. If the pooler gives it the
    backend that the first one just used, the first does not hold its backend. Called only where there is a pooler.
    """
    if connection.info.backend_pid == _pid(connection):
        return  # No pooler: one would report a number of its own.
    with closing(another()) as other:
        for _ in range(_ROUNDS):
            mine = _pid(connection)
            theirs = _pid(other)
            if theirs is None:
                return  # No backend is left for it, so this connection holds one.
            if theirs == mine or _pid(connection) != mine:
                raise ConfigurationError(
                    "DATABASE_URL leads through a pooler in transaction mode, where locks and settings of a session do "
                    "not hold: set it to the address of Postgres itself, or of a pool in session mode "
                    "(PgBouncer: pool_mode = session)."
                )


def _pid(connection: Connection) -> int | None:
    """The backend that answers now; None if none does in time."""
    link = connection.pgconn
    link.send_query(_PID)
    if not _has_result(link):
        return None
    result = link.get_result()
    value = None if result is None else result.get_value(0, 0)
    while _has_result(link):
        if link.get_result() is None:
            break
    else:
        raise psycopg.OperationalError("the pooler did not end its answer")
    if value is None:
        raise psycopg.OperationalError("the pooler gave no backend")
    return int(value)


def _has_result(link: psycopg.pq.abc.PGconn) -> bool:
    """Wait a bounded time until `get_result` returns at once.

    Called earlier it waits inside libpq, without end and with the interpreter's lock: no thread and no signal gets on.
    """
    readable = select.poll()
    readable.register(link.socket, select.POLLIN)
    while link.is_busy():
        if not readable.poll(_PATIENCE_S * 1000):
            return False
        link.consume_input()
    return True
