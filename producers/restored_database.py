"""Notices that the database was set back to an earlier state, and lets it catch up with the raw topics first.

A database from yesterday knows nothing of what was published since: its next versions would be below those that readers
hold, edits made since would be dropped as old, and what Buildertrend has meanwhile put back would never be published.
So a poller compares before it takes its first connection, after each outage of the database, and whenever the beat in
the database is lower than one that it saw. What was published since the last beat is read back from the topics; where
that is of later runs than the database knows, these companies go on above it, and each record is published anew, or
deleted, by a read of everything.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from control import restored_database
from control.database import Database
from control.restored_database import Pulse
from core.clock import Clock
from core.log import get_logger
from producers import metrics
from producers.raw_topics import Found
from producers.runs.compare import UNCONFIRMED

# By how much the clocks of the brokers' writers and of the database may differ; `doctor` allows 5 s.
MARGIN = timedelta(seconds=60)
BEAT_EVERY_S = 5.0
_SHUT_OUT_S = 300.0

log = get_logger(__name__)


class Published(Protocol):
    """What the raw topics hold (see producers.raw_topics.RawTopics)."""

    def highest_runs(self, since: datetime | None) -> dict[str, int]: ...

    def records(self, since: datetime | None, company_ids: Collection[str]) -> Found: ...


@dataclass(slots=True)
class RestoreGuard:
    """To be asked before connections are leased. Of one thread."""

    database: Database
    published: Published
    clock: Clock
    _compared: bool = False
    _seen: int = 0
    _beat_at: float = field(default=0.0)

    def check(self) -> None:
        """Returns once the database is known to hold what the topics do, and tells it so every few seconds.

        Blocks while topics are read. RetriableError: an outage; nothing may be leased, and the next call looks again.
        """
        try:
            self._check()
        except BaseException:
            # It may be another state of the database that answers next.
            self._compared = False
            raise

    def _check(self) -> None:
        with self.database.statement() as tx:
            pulse = restored_database.read_pulse(tx)
        set_back = pulse.beat < self._seen
        if set_back or not self._compared:
            self._compare(pulse, set_back=set_back)
            self._compared = True
            self._beat_at = 0.0
        now = self.clock.monotonic()
        if not self._beat_at or now - self._beat_at >= BEAT_EVERY_S:
            with self.database.statement() as tx:
                self._seen = restored_database.beat(tx, above=self._seen)
            self._beat_at = now

    def _compare(self, pulse: Pulse, *, set_back: bool) -> None:
        since = None if pulse.at is None else pulse.at - MARGIN
        highest = self.published.highest_runs(since)
        with self.database.transaction() as tx:
            known = restored_database.known_seqs(tx, highest)
        ahead = {company for company, run_seq in highest.items() if run_seq > known.get(company, 0)}
        # One company that it knows is proof: of the others it may have lost a part of a run.
        affected = set(highest) if set_back or ahead & known.keys() else ahead
        if affected:
            self._catch_up(since, {company: highest[company] for company in affected})

    def _catch_up(self, since: datetime | None, highest: dict[str, int]) -> None:
        with self.database.transaction() as tx:
            restored_database.shut_out(tx, highest, seconds=_SHUT_OUT_S)
        found = self.published.records(since, highest)
        unconfirmed = 0
        with self.database.transaction() as tx:
            for (company_id, entity), records in found.items():
                unconfirmed += restored_database.put_found(
                    tx, company_id, entity.name, list(records.values()), unconfirmed=UNCONFIRMED
                )
            restored_database.read_anew(tx, highest)
        metrics.SET_BACKS.inc()
        metrics.SET_BACK_RECORDS.inc(unconfirmed)
        log.error(
            "database_was_set_back",
            companies=len(highest),
            records_in_doubt=unconfirmed,
            since="the beginning" if since is None else since.isoformat(),
        )
