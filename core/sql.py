"""Named statements kept in `.sql` files, and what a SQLSTATE means to us.

A statement begins with `-- name: <name>`, comment lines after it describe it. A SQLSTATE is sorted by its class (the
first two characters), because the driver's own classes do not decide: a value that is too long is an OperationalError
to it, and a database that takes no writes an InternalError.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType

import psycopg

_NAME = re.compile(r"^-- name: ([a-z_]+)\n", re.MULTILINE)

# Connection, transaction state (read-only), rollback (deadlock), resources, lock, operator intervention, I/O.
OUTAGE = frozenset({"08", "25", "40", "53", "55", "57", "58"})
# A wrong locator, role, password, database, schema, syntax or privilege.
SETUP = frozenset({"0L", "0P", "28", "3D", "3F", "42"})
# A value does not fit its column, a constraint does not hold, a limit of the program.
VALUE = frozenset({"22", "23", "54"})
_READ_ONLY = "25006"


def read_statements(path: Path) -> MappingProxyType[str, bytes]:
    """Statement text by name, as bytes for psycopg, which takes them for trusted constants."""
    parts = _NAME.split(path.read_text())
    return MappingProxyType(
        {name: text.strip().rstrip(";").encode() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    )


def is_outage(exc: psycopg.Error) -> bool:
    """Whether the same statement may succeed later. An error without a state is one of the connection."""
    if exc.sqlstate is None:
        return isinstance(exc, (psycopg.OperationalError, psycopg.InterfaceError))
    return exc.sqlstate[:2] in OUTAGE


def is_value(exc: psycopg.Error) -> bool:
    """Whether a value can never be stored. psycopg refuses some itself (a NUL in a text), without a state."""
    return isinstance(exc, psycopg.DataError) if exc.sqlstate is None else exc.sqlstate[:2] in VALUE


def outage_sentence(exc: psycopg.Error) -> str:
    """Why Postgres cannot do it now, without anything that it quotes."""
    if exc.sqlstate == _READ_ONLY:
        return (
            "The database of DATABASE_URL is read-only now (25006): nothing can be stored until it takes writes again."
        )
    return f"Postgres cannot do it now ({type(exc).__name__}, {exc.sqlstate})."
