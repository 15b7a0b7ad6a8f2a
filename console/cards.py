"""A company as the page words it: every text is ready here, the templates only place it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime, tzinfo

from console.overview import Company
from console.words import FaultWords, absolute, counted, duration, fault_words, relative, zone
from control.runs import RunSummary
from schemas.catalogue import ENTITIES

_STATES = {
    "connecting": "Connecting",
    "connected": "Connected",
    "syncing": "Syncing",
    "needs-attention": "Needs attention",
    "paused": "Paused",
    "disconnected": "Disconnected",
}
_READS = {"initial": "First sync", "full": "Full sync", "recent": "Recent changes"}
_RUN_STATES = {
    "running": "Running",
    "completed": "Completed",
    "held": "Deletions held",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "interrupted": "Interrupted",
}
_ENTITY_NAMES = {
    "jobs": "Jobs",
    "users": "Users",
    "cost-codes": "Cost codes",
    "budgets": "Budgets",
    "time-entries": "Time entries",
}
_CHANGES = ("created", "updated", "deleted")


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant for people and, in ISO form, for machines."""

    iso: str
    absolute: str
    relative: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One entity. `level` is done, moving or unknown (schema protiv cannot be read)."""

    entity: str
    name: str
    published: int
    stored: int | None
    level: str
    detail: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell above everything else. `level` is bad, warn or info; `command` is for a shell, or empty."""

    level: str
    title: str
    text: str
    to_do: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class RunLine:
    """A line of the history."""

    state: str
    state_name: str
    read_name: str
    started: Moment
    duration: str
    records: str
    changes: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What the run that goes on has read so far."""

    title: str
    entities: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One company's card. `key` tells cards apart in the page."""

    key: str
    title: str
    company_id: str
    time_zone: str
    state: str
    state_name: str
    notice: Notice | None
    progress: Progress | None
    last_success: Moment | None
    next_sync: Moment | None
    next_sync_words: str
    tiles: tuple[Tile, ...]
    history: tuple[RunLine, ...]


def card(company: Company, now: datetime) -> Card:
    """The card of a company as it is at `now`."""
    connection = company.connection
    where = zone(connection.time_zone)
    return Card(
        key=f"company-{connection.company_id.encode().hex()}",
        title=connection.builder_name or connection.company_id,
        company_id=connection.company_id,
        time_zone=connection.time_zone,
        state=company.state,
        state_name=_STATES[company.state],
        notice=_notice(company, now),
        progress=_progress(company.running, now),
        last_success=_moment(connection.last_success_at, now, where),
        next_sync=None if company.running else _moment(company.next_due_at, now, where),
        next_sync_words=_next_sync_words(company, now),
        tiles=tuple(_tile(company, entity.name) for entity in ENTITIES),
        history=tuple(_line(run, company, now, where) for run in company.runs),
    )


def _moment(at: datetime | None, now: datetime, where: tzinfo) -> Moment | None:
    return None if at is None else _known_moment(at, now, where)


def _known_moment(at: datetime, now: datetime, where: tzinfo) -> Moment:
    return Moment(at.isoformat(), absolute(at, where), relative(at, now))


def _next_sync_words(company: Company, now: datetime) -> str:
    due = company.next_due_at
    if company.running:
        return "Running now"
    if due is None:
        return "None planned"
    return "Due now" if due <= now else relative(due, now).capitalize()


def _notice(company: Company, now: datetime) -> Notice | None:
    connection = company.connection
    words = fault_words(connection.fault)
    if connection.state == "needs-attention":
        return Notice("bad", words.reason, connection.message or "", words.to_do, _command_for(company, words))
    if connection.state == "paused":
        return Notice("info", "Syncing is paused", "Nothing is read from Buildertrend until it is resumed.")
    if connection.state == "disconnected":
        text = "Nothing is read from Buildertrend any more. What was synced stays."
        return Notice("info", "Disconnected", text, "To connect again:", _connect_command(company))
    if connection.fault:
        again = "" if company.running else f"It is tried again {_again(connection.next_due_at, now)}."
        return Notice("warn", words.reason, connection.message or "", f"{words.to_do} {again}".strip())
    return _late_notice(company, now)


def _late_notice(company: Company, now: datetime) -> Notice | None:
    if not company.is_late(now):
        return None
    text = f"It was due {relative(company.connection.next_due_at, now)} and no poller has begun it."
    return Notice("warn", "The next sync is late", text, "See that a poller runs:", "protiv-buildertrend poller")


def _again(due: datetime, now: datetime) -> str:
    return "now" if due <= now else relative(due, now)


def _command_for(company: Company, words: FaultWords) -> str:
    return _connect_command(company) if words.to_do.endswith(":") else ""


def _connect_command(company: Company) -> str:
    connection = company.connection
    return shlex.join(["protiv-buildertrend", "connect", connection.company_id, "--time-zone", connection.time_zone])


def _progress(run: RunSummary | None, now: datetime) -> Progress | None:
    if run is None:
        return None
    so_far = duration((now - run.started_at).total_seconds())
    read = tuple((_ENTITY_NAMES.get(name, name), counts.get("read", 0)) for name, counts in run.counts.items())
    return Progress(f"{_READS.get(run.read, run.read)} running for {so_far}", read)


def _tile(company: Company, entity: str) -> Tile:
    published = company.published.get(entity, 0)
    stored = None if company.stored is None else company.stored.get(entity, 0)
    level, detail = _stored_words(published, stored)
    return Tile(entity, _ENTITY_NAMES[entity], published, stored, level, detail)


def _stored_words(published: int, stored: int | None) -> tuple[str, str]:
    if stored is None:
        return "unknown", "rows in Protiv not readable"
    if stored == published:
        return "done", f"{stored:,} in Protiv" if stored else "none yet"
    return "moving", f"{stored:,} in Protiv"


def _line(run: RunSummary, company: Company, now: datetime, where: tzinfo) -> RunLine:
    state = "interrupted" if run.state == "running" and run is not company.running else run.state
    ended = run.finished_at or (now if state == "running" else None)
    return RunLine(
        state=state,
        state_name=_RUN_STATES[state],
        read_name=_READS.get(run.read, run.read),
        started=_known_moment(run.started_at, now, where),
        duration=duration((ended - run.started_at).total_seconds()) if ended else "unknown",
        records=f"{_total(run, 'read'):,} read",
        changes=_changes(run),
        reason=fault_words(run.fault).reason if run.fault else "",
        message=run.message or "",
    )


def _changes(run: RunSummary) -> str:
    parts = [f"{total:,} {name}" for name in _CHANGES if (total := _total(run, name))]
    return ", ".join(parts) or "no changes"


def _total(run: RunSummary, name: str) -> int:
    return sum(counts.get(name, 0) for counts in run.counts.values())


def summary(total: int, attention: int) -> str:
    """The line under the heading."""
    told = counted(total, "company", "companies") if total else "No company is connected yet"
    return f"{told}, {attention:,} in need of attention" if attention else told
