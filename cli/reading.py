"""What the commands that only read have in common: a transaction, and data as people and machines want it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from control.database import Database, Transaction
from core.settings import Settings


@contextmanager
def database_of(settings: Settings) -> Iterator[Transaction]:
    """A transaction on the database of DATABASE_URL that can only read."""
    database = Database(settings, max_connections=1)
    database.open()
    with closing(database), database.transaction() as tx:
        tx.execute("SET TRANSACTION READ ONLY")
        yield tx


def as_plain(value: Any) -> Any:
    """A dataclass as what JSON takes."""
    return _plain(asdict(value))


def ago(at: datetime | None) -> str:
    """How long an instant is past, for people."""
    return "not yet" if at is None else f"{duration((datetime.now(UTC) - at).total_seconds())} ago"


def ahead(at: datetime | None) -> str:
    """How far an instant is ahead, for people."""
    if at is None:
        return "never"
    seconds = (at - datetime.now(UTC)).total_seconds()
    return "now" if seconds <= 0 else f"in {duration(seconds)}"


def duration(seconds: float) -> str:
    """Seconds in their biggest unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(key)
