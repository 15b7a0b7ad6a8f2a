"""The overview from Postgres: one read-only snapshot each time, and only the companies of the page are counted."""

from __future__ import annotations

import threading
from pathlib import Path

from console.overview import Company, Overview, Wanted, listing
from control.connections import Connection, list_connections
from control.database import Database, Transaction
from control.runs import latest_runs
from control.source_state import counts_published
from core.clock import Clock
from core.errors import RetriableError
from core.log import get_logger
from core.outage import outlast
from core.settings import Settings
from core.sql import read_statements
from schemas.catalogue import ENTITIES

_LOG = get_logger(__name__)
_SQL = read_statements(Path(__file__).parent / "queries" / "overview.sql")
_RUNS_SHOWN = 8
_MAX_CONNECTIONS = 4


class DatabaseSource:
    """Reads the database of DATABASE_URL once `connect` has reached it; until then every read is a RetriableError."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings.require("database_url")
        self._clock = clock
        self._database: Database | None = None

    def connect(self, stop: threading.Event) -> None:
        """Blocks until the database answers or `stop` is set."""
        try:
            self._database = outlast(self._opened, clock=self._clock, stop=stop)
        except RetriableError as exc:
            _LOG.info("console_ended_before_the_database_answered", reason=str(exc))
        else:
            _LOG.info("database_answers")

    def close(self) -> None:
        """Give the connections back. Can be called before `connect` is done."""
        if self._database is not None:
            self._database.close()

    def ping(self) -> None:
        """See console.overview.OverviewSource."""
        with self._reached().transaction() as tx:
            tx.execute(_SQL["ping"])

    def read(self, wanted: Wanted) -> Overview:
        """See console.overview.OverviewSource."""
        with self._reached().transaction() as tx:
            tx.execute(_SQL["read_only"])
            tx.execute(_SQL["time_limit"])
            found = listing(list_connections(tx), wanted)
            leased = {company_id for (company_id,) in tx.execute(_SQL["leased"])}
            readable = _stored_is_readable(tx)
            companies = tuple(
                _company(
                    tx, one, leased=one.company_id in leased, stored=_stored(tx, one.company_id) if readable else None
                )
                for one in found.connections
            )
        return Overview(self._clock.now(), found, companies)

    def _opened(self) -> Database:
        # A pool that gave up once cannot be opened again, so every attempt has one of its own.
        database = Database(self._settings, max_connections=_MAX_CONNECTIONS)
        database.open()
        return database

    def _reached(self) -> Database:
        if self._database is None:
            raise RetriableError("The database of DATABASE_URL does not answer.")
        return self._database


def _company(tx: Transaction, connection: Connection, *, leased: bool, stored: dict[str, int] | None) -> Company:
    return Company(
        connection=connection,
        leased=leased,
        runs=tuple(latest_runs(tx, connection.company_id, limit=_RUNS_SHOWN)),
        published=counts_published(tx, connection.company_id),
        stored=stored,
    )


def _stored_is_readable(tx: Transaction) -> bool:
    row = tx.execute(_SQL["stored_is_readable"]).fetchone()
    return row is not None and bool(row[0])


def _stored(tx: Transaction, company_id: str) -> dict[str, int]:
    """Rows by entity name; the statement's columns stand in the order of ENTITIES."""
    tx.execute(_SQL["tenant"], {"company_id": company_id})
    row = tx.execute(_SQL["stored"], {"company_id": company_id}).fetchone()
    return {} if row is None else {entity.name: int(count) for entity, count in zip(ENTITIES, row, strict=True)}
