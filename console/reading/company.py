"""A company as its page shows it, in one snapshot of the database: connection, runs, freshness, what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from console.reading.rows import plain_rows, queries, row_of, rows_of, set_tenant
from console.refused import Refused
from control.database import Transaction
from reports.company_status import CompanyFacts
from reports.status import read_facts

_SQL = queries("company")
RUNS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Link:
    """The connection. `heard_at`: a poller that works on it was heard of then; `session_at`: signed in since.

    `refused_`: credentials of a Reconnect that were not accepted; those before are in use again.
    """

    company_id: str
    username: str
    time_zone: str
    import_from: date | None
    state: str
    fault: str | None
    message: str | None
    hint: str | None
    builder_id: str | None
    builder_name: str | None
    initial_done_at: datetime | None
    last_success_at: datetime | None
    next_due_at: datetime
    paused_by: str | None
    paused_reason: str | None
    paused_at: datetime | None
    pending_builder_id: str | None
    pending_builder_name: str | None
    refused_username: str | None
    refused_fault: str | None
    refused_message: str | None
    refused_at: datetime | None
    leased: bool
    heard_at: datetime | None
    session_at: datetime | None


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the history, the newest attempt's state; `requested_by` is None for scheduled ones."""

    run_id: str
    read: str
    state: str
    fault: str | None
    message: str | None
    counts: dict[str, dict[str, int]]
    position: int
    attempts: int
    started_at: datetime
    attempted_at: datetime
    finished_at: datetime | None
    command_id: str | None
    command_type: str | None
    requested_by: str | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the read of an entity stands in a run."""

    entity: str
    state: str
    began_at: datetime
    pages_done: int
    pages_total: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Shifts that are stored and not linked for the same reason; `subject` names what they wait for.

    `groups` above 1: so many reasons together, those with the fewest hours. `stored_at`: when the newest was stored.
    """

    link_status: str
    subject: str | None
    shifts: int
    minutes: int
    first_day: date
    last_day: date
    stored_at: datetime
    groups: int = 1


@dataclass(frozen=True, slots=True)
class HeldGroup:
    """Held deletions of an entity; `minutes` are those of the shifts among them."""

    entity: str
    records: int
    since: datetime
    released: bool
    minutes: int


@dataclass(frozen=True, slots=True)
class Shifts:
    """What is stored of time entries."""

    first_day: date | None
    last_day: date | None
    shifts: int
    minutes: int


@dataclass(frozen=True, slots=True)
class OpenShifts:
    """Shifts that have had no end for more than 16 hours, and since when the longest of them."""

    shifts: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class StaleShifts:
    """Shifts that are stored as they were before an update that was refused, with the minutes that are stored."""

    shifts: int
    minutes: int


@dataclass(frozen=True, slots=True)
class RefusedGroup:
    """Refused records of an entity that are not in Protiv as they are in Buildertrend; `minutes` as last read."""

    entity: str
    records: int
    minutes: int


@dataclass(frozen=True, slots=True)
class RefusedFacts:
    """What is refused of a company; `more` were counted without being looked at one by one."""

    groups: tuple[RefusedGroup, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a company's page says, as of `read_at`; `link` and `facts` are None while it was never connected.

    `refused` is None while it is not known. `stored_at`: when a row was stored last.
    """

    company_id: str
    read_at: datetime
    link: Link | None
    facts: CompanyFacts | None
    runs: tuple[Run, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    held: tuple[HeldGroup, ...] = ()
    shifts: Shifts = Shifts(None, None, 0, 0)
    open_shifts: OpenShifts = OpenShifts(0, None)
    stale_shifts: StaleShifts = StaleShifts(0, 0)
    refused: RefusedFacts | None = None
    stored_at: datetime | None = None
    poll_interval_s: float = 7200.0
    full_sync_interval_s: float = 86_400.0

    @property
    def running(self) -> Run | None:
        """The run that goes on now: a poller holds the connection and the newest run has no end."""
        newest = self.runs[0] if self.runs else None
        is_held = self.link is not None and self.link.leased
        return newest if is_held and newest is not None and newest.state == "running" else None


def read_company(
    tx: Transaction,
    company_id: str,
    *,
    refused: Refused | None = None,
    poll_interval_s: float = 7200.0,
    full_sync_interval_s: float = 86_400.0,
) -> Snapshot:
    """The snapshot of a company, also of one that nobody has connected; `refused` as the dead letters say."""
    now = tx.execute(_SQL["now"]).fetchone()
    assert now is not None
    link = row_of(tx, Link, _SQL["link"], company_id=company_id)
    if link is None:
        return Snapshot(company_id, now[0], None, None)
    set_tenant(tx, company_id)
    runs = read_runs(tx, company_id, limit=RUNS_SHOWN)
    return Snapshot(
        company_id=company_id,
        read_at=now[0],
        link=link,
        facts=read_facts(tx, [company_id])[0],
        runs=tuple(runs),
        checkpoints=tuple(read_checkpoints(tx, runs[0].run_id)) if runs else (),
        waiting=tuple(rows_of(tx, Waiting, _SQL["waiting"], company_id=company_id)),
        held=tuple(rows_of(tx, HeldGroup, _SQL["held"], company_id=company_id)),
        shifts=row_of(tx, Shifts, _SQL["shifts"], company_id=company_id) or Shifts(None, None, 0, 0),
        open_shifts=rows_of(tx, OpenShifts, _SQL["open_shifts"], company_id=company_id)[0],
        stale_shifts=rows_of(tx, StaleShifts, _SQL["stale_shifts"], company_id=company_id)[0],
        refused=None if refused is None else _refused(tx, company_id, refused),
        stored_at=plain_rows(tx, _SQL["stored_at"], company_id=company_id)[0]["max"],
        poll_interval_s=poll_interval_s,
        full_sync_interval_s=full_sync_interval_s,
    )


def _refused(tx: Transaction, company_id: str, refused: Refused) -> RefusedFacts:
    records = list(refused.versions)
    values = {
        "entities": [entity for entity, _ in records],
        "entity_ids": [entity_id for _, entity_id in records],
        "versions": [refused.versions[record] for record in records],
    }
    found = rows_of(tx, RefusedGroup, _SQL["refused"], company_id=company_id, **values) if records else []
    return RefusedFacts(tuple(found), refused.more)


def read_runs(
    tx: Transaction,
    company_id: str,
    *,
    limit: int,
    offset: int = 0,
    state: str | None = None,
    read: str | None = None,
    run_id: str | None = None,
) -> list[Run]:
    """Newest first, filtered by what is given."""
    values: dict[str, Any] = {"company_id": company_id, "limit": limit, "offset": offset}
    return rows_of(tx, Run, _SQL["runs"], **values, state=state, read=read, run_id=run_id)


def read_checkpoints(tx: Transaction, run_id: str) -> list[Checkpoint]:
    return rows_of(tx, Checkpoint, _SQL["checkpoints"], run_id=run_id)


@dataclass(frozen=True, slots=True)
class CompanyLine:
    """A company in the list of all."""

    company_id: str
    builder_name: str | None
    state: str
    fault: str | None
    message: str | None
    last_success_at: datetime | None
    next_due_at: datetime
    leased: bool
    run_state: str | None
    held: int


@dataclass(frozen=True, slots=True)
class CompanyList:
    """One page of the companies found. `total` counts all there are, `attention` those that need somebody."""

    lines: tuple[CompanyLine, ...]
    total: int
    attention: int
    found: int


def read_companies(tx: Transaction, *, find: str, limit: int, offset: int) -> CompanyList:
    """Companies whose id or account name has `find` in it; those that need attention first."""
    lines = rows_of(tx, CompanyLine, _SQL["companies"], find=find, limit=limit, offset=offset)
    counts = plain_rows(tx, _SQL["company_counts"], find=find)[0]
    return CompanyList(tuple(lines), **counts)
