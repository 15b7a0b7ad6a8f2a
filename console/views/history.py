"""Runs in words: a line of the history, and one run in full."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from console.reading.company import Checkpoint, Run
from console.views.card import run_state
from console.views.faults import fault_words
from console.words import ENTITY_NAMES, READ_ORDER, READS, RUN_STATES, Moment, duration, known_moment, reference

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
        reason=fault_words(run.fault).title if run.fault else "",
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
