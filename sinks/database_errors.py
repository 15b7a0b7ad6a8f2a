"""What Postgres answers, sorted into the error tree by SQLSTATE: the row's fault, an outage, or a wrong set-up.

No text of Postgres goes into a row's reason: it may quote the row.
"""

from __future__ import annotations

import psycopg

from core.errors import ConfigurationError, FatalError, IntegrationError, InvalidRecordError, RetriableError
from core.sql import OUTAGE, SETUP, outage_sentence

REFUSED = "refused-by-postgres"

# Classes (the first two digits of a SQLSTATE).
_ROW_AT_FAULT = {
    "22": "a value does not fit its column",
    "23": "a constraint does not hold",
    "54": "a value is too long",
}


def sorted_error(exc: psycopg.Error) -> IntegrationError:
    """The error to raise from `exc`."""
    state = exc.sqlstate
    if state is None:
        return _without_state(exc)
    if state[:2] in _ROW_AT_FAULT:
        return InvalidRecordError(_refusal(exc, state), error_class=REFUSED)
    if state[:2] in OUTAGE:
        return RetriableError(outage_sentence(exc))
    if state[:2] in SETUP:
        return ConfigurationError(
            f"Postgres refuses the sink's statements ({type(exc).__name__}, {state}): run `protiv-buildertrend setup` "
            "and check the rights of the role of DATABASE_URL."
        )
    return FatalError(f"Postgres failed in a way that no retry can fix ({type(exc).__name__}, {state}).")


def _without_state(exc: psycopg.Error) -> IntegrationError:
    # psycopg refuses some values itself (a NUL in a text) before Postgres can.
    if isinstance(exc, psycopg.DataError):
        return InvalidRecordError(
            "Postgres cannot store the row: a value does not fit its column.", error_class=REFUSED
        )
    return RetriableError(f"Postgres of DATABASE_URL does not answer ({type(exc).__name__}{_refused_connection(exc)}).")


def _refused_connection(exc: psycopg.Error) -> str:
    """Why no connection was made, in Postgres's words: there is no SQLSTATE yet to sort by, and no row to quote."""
    if not isinstance(exc, psycopg.OperationalError) or exc.pgconn is None:
        return ""
    lines = exc.pgconn.error_message.decode(errors="replace").strip().splitlines()
    return f": {lines[-1].rpartition('FATAL:')[2].strip()}" if lines else ""


def _refusal(exc: psycopg.Error, state: str) -> str:
    named = [name for name in (exc.diag.constraint_name, exc.diag.column_name) if name]
    where = f" ({', '.join([*named, state])})"
    return f"Postgres refuses the row: {_ROW_AT_FAULT[state[:2]]}{where}."
