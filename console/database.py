"""The console's database: it may be away, even at the start; a page reads one snapshot of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from console.metrics import OUTAGE
from control.database import Database, Transaction
from core.clock import Clock
from core.errors import RetriableError, StoppedError
from core.log import get_logger
from core.postgres import Session
from core.retry import Patience
from core.settings import Settings

log = get_logger(__name__)
_MAX_CONNECTIONS = 8
_SESSION = Session("protiv-console", statement_s=60, lock_s=10, idle_in_transaction_s=60)
_AWAY = "The database of DATABASE_URL does not answer."
_READ_ONLY = b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TIME_LIMIT = b"SET LOCAL statement_timeout = '15s'"


class ConsoleDatabase:
    """Transactions on the database of DATABASE_URL once `connect` has reached it; until then a RetriableError."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings.require("database_url")
        self._clock = clock
        self._database: Database | None = None
        self._is_away = False
        self._trying = threading.Lock()

    def connect(self, stop: threading.Event) -> None:
        """Blocks until the database answers or `stop` is set."""
        OUTAGE.set(1)
        try:
            self._database = Patience(self._clock, stop).until_done(self._opened)
        except StoppedError as exc:
            log.info("console_ended_before_the_database_answered", reason=str(exc))
        else:
            OUTAGE.set(0)
            log.info("database_answers")

    def close(self) -> None:
        """Give the connections back. Can be called before `connect` is done."""
        if self._database is not None:
            self._database.close()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """One read-only snapshot; IntegrationError with a sentence for people."""
        with self._transaction() as tx:
            tx.execute(_READ_ONLY)
            tx.execute(_TIME_LIMIT)
            yield tx

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """One transaction: committed at the end of the block, undone if it raises."""
        with self._transaction() as tx:
            tx.execute(_TIME_LIMIT)
            yield tx

    def ping(self) -> None:
        """Return if it answers and holds this version's tables."""
        with self.reading() as tx:
            tx.execute("SELECT 1 FROM integration.console_users LIMIT 1")

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        """While the database is away one request at a time tries it; the others are told at once instead of waiting."""
        if not self._is_away:
            with self._noticed(), self._reached().transaction() as tx:
                yield tx
            return
        if not self._trying.acquire(blocking=False):
            raise RetriableError(_AWAY)
        try:
            with self._noticed(), self._reached().transaction() as tx:
                yield tx
        finally:
            self._trying.release()

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        try:
            yield
        except RetriableError:
            self._is_away = True
            OUTAGE.set(1)
            raise
        else:
            self._is_away = False
            OUTAGE.set(0)

    def _opened(self) -> Database:
        # A pool that gave up once cannot be opened again, so every attempt has one of its own.
        database = Database(self._settings, max_connections=_MAX_CONNECTIONS, session=_SESSION)
        database.open()
        return database

    def _reached(self) -> Database:
        if self._database is None:
            raise RetriableError(_AWAY)
        return self._database
