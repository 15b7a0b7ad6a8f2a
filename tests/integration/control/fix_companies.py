"""A control database of the test's own, and connections in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from control.connections import PASSWORD, Connection, Lease, NewConnection, get_connection, lease_due, save_connection
from control.database import Database
from control.vault import SealedSecret
from core.settings import Settings
from tests import factories

SEALED = SealedSecret("k1", b"sealed")


@dataclass(frozen=True, slots=True)
class Office:
    """Shortcuts for tests; what is under test is called directly."""

    database: Database

    def connect(self, company_id: str | None = None, **changes: Any) -> str:
        wanted = {"username": "ana", "time_zone": "America/Denver", "import_from": None} | changes
        new = NewConnection(company_id or factories.company_id(), **wanted)
        with self.database.transaction() as tx:
            save_connection(tx, new, SEALED)
        return new.company_id

    def make_due(self, company_id: str) -> None:
        self.execute("UPDATE integration.connections SET next_due_at = now() - interval '1 second'", company_id)

    def expire(self, company_id: str) -> None:
        self.execute("UPDATE integration.connections SET lease_expires_at = now() - interval '1 second'", company_id)

    def execute(self, update: str, company_id: str) -> None:
        with self.database.transaction() as tx:
            tx.execute(f"{update} WHERE company_id = %s".encode(), [company_id])

    def lease(self, owner: str = "one", *, limit: int = 10) -> list[Lease]:
        with self.database.transaction() as tx:
            return lease_due(tx, owner=owner, ttl_s=30, limit=limit)

    def connection(self, company_id: str) -> Connection:
        with self.database.transaction() as tx:
            found = get_connection(tx, company_id)
        assert found is not None
        return found


__all__ = ["PASSWORD", "SEALED", "Office", "office"]


@pytest.fixture
def office(own_database: Settings) -> Iterator[Office]:
    database = Database(own_database, max_connections=5)
    database.open()
    yield Office(database)
    database.close()
