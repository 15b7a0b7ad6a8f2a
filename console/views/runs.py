"""Runs in words: the progress of a current one, a line of the history, and one run in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from console.reading.company import Checkpoint, Run, Shifts, Snapshot
from console.words import (
    ENTITY_NAMES,
    READ_ORDER,
    READS,
    RUN_STATES,
    Moment,
    counted,
    day_words,
    duration,
    hours,
    known_moment,
    listed,
    reference,
    roughly,
)
from schemas.faults import fault_of

_CHANGES = ("created", "updated", "deleted")
_LOOKS = {
    "running": ("busy", "spin"),
    "completed": ("good", "check"),
    "held": ("warn", "alert"),
    "failed": ("bad", "cross"),
    "cancelled": ("idle", "off"),
    "interrupted": ("warn", "alert"),
}


@dataclass(frozen=True, slots=True)
class RunLine:
    """A line of the history."""

    run_id: str
    state: str
    level: str
    icon: str
    state_name: str
    read_name: str
    started: Moment
    duration: str
    records: str
    changes: str
    reason: str
    message: str
    asked_by: str
    attempts: int
    reference: str


@dataclass(frozen=True, slots=True)
class EntityLine:
    """What a run did with one entity."""

    name: str
    state: str
    pages: str
    counts: tuple[int, int, int, int, int]


def line_of(run: Run, running: Run | None, now: datetime, where: tzinfo) -> RunLine:
    """A run as a line."""
    state = run_state(run, running)
    level, icon = _LOOKS[state]
    ended = run.finished_at or (now if state == "running" else None)
    return RunLine(
        run_id=run.run_id,
        state=state,
        level=level,
        icon=icon,
        state_name=RUN_STATES[state],
        read_name=READS.get(run.read, run.read),
        started=known_moment(run.started_at, now, where),
        duration=duration((ended - run.started_at).total_seconds()) if ended else "unknown",
        records=f"{_total(run, 'read'):,} read",
        changes=_changes(run),
        reason=fault_of(run.fault).heading if run.fault else "",
        message=run.message or "",
        asked_by=(run.requested_by or "").removeprefix("console:") or "the schedule",
        attempts=run.attempts,
        reference=reference(run.run_id),
    )


def entity_lines(run: Run, checkpoints: list[Checkpoint]) -> list[EntityLine]:
    """What the run did, an entity a line, in the order of reading."""
    at = {one.entity: one for one in checkpoints}
    names = [name for name in READ_ORDER if name in run.counts or name in at]
    return [_entity_line(name, run, at.get(name)) for name in names]


def _entity_line(name: str, run: Run, at: Checkpoint | None) -> EntityLine:
    counts = run.counts.get(name, {})
    numbers = [counts.get(key, 0) for key in ("read", "created", "updated", "deleted", "unchanged")]
    pages = "" if at is None else f"{at.pages_done:,} of {at.pages_total:,}" if at.pages_total else f"{at.pages_done:,}"
    state = {"complete": "Complete", "held": "Deletions held"}.get(at.state, "Not complete") if at else ""
    return EntityLine(ENTITY_NAMES[name], state, pages, (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]))


def _changes(run: Run) -> str:
    parts = [f"{total:,} {name}" for name in _CHANGES if (total := _total(run, name))]
    return ", ".join(parts) or "no changes"


def _total(run: Run, name: str) -> int:
    return sum(counts.get(name, 0) for counts in run.counts.values())


def run_state(run: Run, snapshot_running: Run | None) -> str:
    """A run that nobody works on is interrupted, whatever is recorded of it."""
    is_lost = run.state == "running" and (snapshot_running is None or snapshot_running.run_id != run.run_id)
    return "interrupted" if is_lost else run.state


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
