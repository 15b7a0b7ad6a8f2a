"""A run while it goes on: where each entity stands, what is here already, and how long it honestly takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.reading.company import Checkpoint, Run, Shifts, Snapshot
from console.words import ENTITY_NAMES, READ_ORDER, READS, counted, day_words, duration, hours, listed, roughly

_ENOUGH_S = 2.0


@dataclass(frozen=True, slots=True)
class EntityProgress:
    """`state` is waiting, reading or done; `done` of `total` pages, None where that is not known."""

    entity: str
    name: str
    state: str
    detail: str
    done: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """`here` says what is in Protiv already, in a first sync."""

    title: str
    so_far: str
    left: str
    entities: tuple[EntityProgress, ...]
    here: str
    is_first: bool


def progress_of(snapshot: Snapshot, now: datetime) -> Progress | None:
    """The progress of the run that goes on, or None."""
    run, facts = snapshot.running, snapshot.facts
    if run is None or facts is None:
        return None
    running = facts.running
    wanted = [name for name in READ_ORDER if running is None or running.wants(name)]
    at = {one.entity: one for one in snapshot.checkpoints}
    entities = tuple(_entity(name, run, at.get(name), wanted) for name in wanted)
    return Progress(
        title=READS.get(run.read, run.read),
        so_far=duration((now - run.started_at).total_seconds()),
        left=_left(entities, at, now),
        entities=entities,
        here=_here(snapshot.shifts) if run.read == "initial" else "",
        is_first=run.read == "initial",
    )


def _entity(name: str, run: Run, at: Checkpoint | None, wanted: Sequence[str]) -> EntityProgress:
    read = run.counts.get(name, {}).get("read", 0)
    state = _state(name, run, at, wanted)
    detail = {"waiting": "waits", "reading": f"{read:,} read", "done": f"{read:,} read"}[state]
    done, total = (at.pages_done, at.pages_total) if at else (None, None)
    return EntityProgress(name, ENTITY_NAMES[name], state, detail, done, total)


def _state(name: str, run: Run, at: Checkpoint | None, wanted: Sequence[str]) -> str:
    if at is not None:
        return "reading" if at.state in ("reading", "read") else "done"
    if name not in run.counts:
        return "waiting"
    begun = [one for one in wanted if one in run.counts]
    return "reading" if begun and begun[-1] == name else "done"


def _left(entities: Sequence[EntityProgress], at: dict[str, Checkpoint], now: datetime) -> str:
    reading = next((one for one in entities if one.state == "reading"), None)
    later = [one.name.lower() for one in entities if one.state == "waiting"]
    then = f", then {listed(later)}" if later else ""
    if reading is None:
        return "Signing in" if later else "Finishing"
    estimate = _estimate_s(at.get(reading.entity), now)
    if estimate is None:
        return f"Reading {reading.name.lower()}{then}. How long it takes is not known yet."
    return f"{roughly(estimate).capitalize()} left for {reading.name.lower()}{then}"


def _estimate_s(at: Checkpoint | None, now: datetime) -> float | None:
    if at is None or not at.pages_done or at.pages_total is None:
        return None
    took = (now - at.began_at).total_seconds()
    return None if took < _ENOUGH_S else took / at.pages_done * max(0, at.pages_total - at.pages_done)


def _here(shifts: Shifts) -> str:
    if shifts.first_day is None:
        return "Shifts arrive newest first: those of the current pay period come within moments."
    told = counted(shifts.shifts, "shift", "shifts")
    return f"{told} back to {day_words(shifts.first_day)} are in Protiv already: {hours(shifts.minutes)}."
