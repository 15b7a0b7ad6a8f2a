"""The stages of a record's path, each with what is known of it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.kafka.read import Place
from reports.evidence import Evidence, StoredRow
from reports.words import instant

State = Literal["done", "waiting", "stopped", "nothing"]


@dataclass(frozen=True, slots=True)
class Step:
    """One stage: `done` it is past it, `waiting` it will pass, `stopped` somebody has to act, `nothing` is known."""

    name: str
    state: State
    sentence: str


def steps_of(found: Evidence) -> tuple[Step, ...]:
    """Connection, read, published, linked, stored, and a dead letter if there is one."""
    steps = [_connection(found), _read(found), _published(found), _linked(found), _stored(found)]
    letter = found.refused or found.unread_command
    if letter is not None:
        sentence = (
            f"{letter.stage}, {letter.error_class}: {letter.reason} "
            f"(of {letter.topic} {letter.partition}@{letter.offset}, first seen {letter.first_seen})"
        )
        steps.append(Step("dead letter", "stopped", sentence))
    return tuple(steps)


def _connection(found: Evidence) -> Step:
    connection = found.connection
    if connection is None:
        return Step("connection", "stopped", "The company is not connected.")
    blocked = connection.blocked
    if blocked is not None:
        return Step("connection", "stopped", connection.message or blocked[0])
    doing = "a read is under way" if connection.leased and connection.running else "waits for its next read"
    return Step("connection", "done", f"{connection.state}, {doing} ({instant(connection.next_due_at, found)})")


def _read(found: Evidence) -> Step:
    through = ""
    if found.shown_at is not None:
        through = f" {found.entity} are complete through {instant(found.shown_at, found)}."
    if found.incomplete is not None:
        through += f" The newest read was not complete: {found.incomplete.message}"
    if found.held is not None:
        return Step("read", "stopped", f"No longer shown since {instant(found.held.held_at, found)}.{through}")
    read = found.last_read
    if read is None:
        return Step("read", "nothing", f"No record of this id is known from Buildertrend.{through}")
    if read.started_at is None:
        return Step("read", "done", f"Last changed in run {read.version >> 24}.{through}")
    kind = f"{read.read} read, run {read.run_id}, {read.run_state}"
    return Step("read", "done", f"Last changed in the read of {instant(read.started_at, found)} ({kind}).{through}")


def _published(found: Evidence) -> Step:
    raw = found.raw
    if raw is None:
        state: State = "nothing" if found.last_read is None else "stopped"
        return Step("published", state, "Nothing in the raw topic.")
    return Step("published", "done", f"{raw.op} at {_at(raw.place)}, version {raw.version}, run {raw.run_id}")


def _linked(found: Evidence) -> Step:
    canonical, raw = found.canonical, found.raw
    behind = found.streams_will_come
    if canonical is None or behind:
        state: State = "waiting" if behind else "nothing" if raw is None else "stopped"
        sentence = "Streams have not come to it yet." if behind else "Nothing in the canonical topic."
        return Step("linked", state, sentence)
    said = "deletion" if canonical.deleted else canonical.link_status or "published"
    detail = f" ({canonical.link_detail})" if canonical.link_detail else ""
    waits = (canonical.link_status or "").startswith("waiting")
    sentence = f"{said}{detail} at {_at(canonical.place)}, version {canonical.version}"
    return Step("linked", "waiting" if waits else "done", sentence)


def _stored(found: Evidence) -> Step:
    row, canonical = found.row, found.canonical
    behind = found.sink_will_come
    if row is None:
        state: State = "waiting" if behind else "nothing" if canonical is None else "stopped"
        return Step("stored", state, "The sink has not come to it yet." if behind else "No row in schema protiv.")
    kind = f"deleted {instant(row.deleted_at, found)}" if row.deleted_at else "row"
    newer = "; a newer record waits for the sink" if behind else ""
    sentence = f"{kind} of version {row.version}, written {instant(row.updated_at, found)}{_parts(row)}{newer}"
    return Step("stored", "waiting" if behind else "done", sentence)


def _parts(row: StoredRow) -> str:
    """Of a shift that is split."""
    parts = zip(row.split_cost_code_ids or (), row.split_minutes or (), strict=True)
    told = ", ".join(f"{minutes // 60}:{minutes % 60:02d} to cost code {code_id}" for code_id, minutes in parts)
    return f"; split: {told}" if told else ""


def _at(place: Place) -> str:
    return f"{place.topic} {place.partition}@{place.offset}"
