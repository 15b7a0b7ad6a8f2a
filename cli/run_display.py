"""Shows a run while it goes on: a bar an entity, on a terminal; a line an entity elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from core.terminal import styled
from core.visible import visible
from schemas.codec import Record
from schemas.entities import ENTITY_BY_NAME

_CHANGES = ("created", "updated", "deleted")


def show_run(events: Iterable[Record], console: Console) -> Record:
    """Display events as they come; the last one. There is always one."""
    last: Record = {}
    columns = (
        TextColumn("  {task.description:<13}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[said]}", markup=False),
    )
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as bars:
        lines = _Lines(bars, console)
        for event in events:
            lines.take(event)
            last = event
    return last


def changes_in(counts: Mapping[str, int]) -> int:
    """How many changes were published, by an event's counts."""
    return sum(counts.get(name, 0) for name in _CHANGES)


def sentence(event: Record) -> str:
    """A terminal event as a sentence for people."""
    counts = event["counts"]
    if event["type"] == "completed" and counts is None:
        return f"Done: {event['message']}" if event["message"] else "Done."
    if event["type"] == "completed":
        changed = changes_in(counts)
        told = f"Done: {counts['read']:,} records read, {changed:,} changes published"
        details = ", ".join(f"{counts[name]:,} {name}" for name in _CHANGES if counts[name])
        done = f"{told} ({details})." if details else f"{told}."
        return f"{done} {event['message']}" if event["message"] else done
    return f"{event['type'].capitalize()}: {event['message'] or 'no reason given'}"


class _Lines:
    def __init__(self, bars: Progress, console: Console) -> None:
        self._bars = bars
        self._console = console
        self._tasks: dict[str, TaskID] = {}

    def take(self, event: Record) -> None:
        entity = event["entity"]
        if event["type"] == "held":
            self._bars.console.print(styled("  Held:", "yellow"), visible(event["message"] or ""))
        elif entity and event["type"] in ("progress", "entity-complete"):
            self._update(entity, event)

    def _update(self, entity: str, event: Record) -> None:
        task = self._tasks.get(entity)
        if task is None:
            task = self._tasks[entity] = self._bars.add_task(_title(entity), total=None, said="")
        counts = event["counts"]
        done = event["type"] == "entity-complete"
        changed = changes_in(counts)
        said = f"{counts['read']:>7,} read, {changed:,} published{_left(event)}"
        # An entity without pages is complete, too.
        total = max(event["pages_total"] or 0, 1) if done else event["pages_total"]
        self._bars.update(task, completed=total if done else event["pages_done"], total=total, said=said)
        if done and not self._console.is_terminal:
            self._console.print(f"  {_title(entity)}: {said.strip()}")


def _left(event: Record) -> str:
    """Time left of the run, once its pace is known."""
    seconds = event.get("seconds_left")
    if event["type"] != "progress" or seconds is None:
        return ""
    return f", about {max(1, round(seconds / 60))} min left" if seconds >= 60 else f", about {seconds} s left"


def _title(entity: str) -> str:
    """Of a name in an event, which a newer poller may have written."""
    known = ENTITY_BY_NAME.get(entity)
    return visible(entity) if known is None else known.title
