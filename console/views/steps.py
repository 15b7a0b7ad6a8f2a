"""Connect while it happens: four steps, each from what the database says, so that a reload shows the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from console.reading.company import Link, Snapshot
from console.words import reference
from schemas.faults import NO_PERMISSION, fault_of

_NOBODY_AFTER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Step:
    """`state` is waiting, now, done or failed."""

    name: str
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """`outcome` is going, connected, failed (enter something else), another-account, trying (by itself), or no-access
    (somebody has to change permissions in Buildertrend).
    """

    steps: tuple[Step, ...]
    outcome: str
    title: str = ""
    text: str = ""
    hint: str = ""
    field: str = ""
    reference: str = ""


_NAMES = ("Signing in to Buildertrend", "Checking access", "Reading the company", "Starting the first sync")


def steps_of(snapshot: Snapshot, command_id: str, asked_at: datetime, now: datetime) -> Steps:
    """Where a Connect stands that was asked for at `asked_at` with this command."""
    link = snapshot.link
    assert link is not None
    done = _done(snapshot, asked_at)
    stopped = _stopped(link, command_id, asked_at)
    if stopped is not None:
        return stopped
    if done == len(_NAMES):
        return Steps(_lines(done), "connected", "Connected", hint=link.hint or "")
    if link.fault:
        fault = fault_of(link.fault)
        shown = reference(command_id) if fault.contact_support else ""
        return Steps(_lines(done, failed=True), "trying", fault.heading, link.message or "", reference=shown)
    waits = not link.leased and not done and now - asked_at > _NOBODY_AFTER
    return Steps(
        _lines(done, detail="Waiting for a free reader; this is taking longer than usual." if waits else ""), "going"
    )


def _stopped(link: Link, command_id: str, asked_at: datetime) -> Steps | None:
    """Why it goes on only when somebody has done something; None while it goes on by itself."""
    if link.pending_builder_id and link.state == "needs-attention":
        return Steps(_lines(1, failed=True), "another-account", "This is another Buildertrend account")
    if link.refused_at is not None and link.refused_at >= asked_at:
        return _went_back(link)
    fault = fault_of(link.fault)
    if link.fault == NO_PERMISSION.name:
        return Steps(_lines(1, failed=True), "no-access", fault.heading, link.message or "", fault.admin_step)
    if link.state != "needs-attention":
        return None
    shown = reference(command_id) if fault.contact_support else ""
    return Steps(
        _lines(0, failed=True), "failed", fault.heading, link.message or "", link.hint or "", fault.connect_field, shown
    )


def _went_back(link: Link) -> Steps:
    fault = fault_of(link.refused_fault)
    goes_on = "The connection continues with the previous username and password."
    return Steps(
        _lines(0, failed=True),
        "failed",
        fault.heading,
        link.refused_message or "",
        goes_on,
        fault.connect_field or "password",
    )


def _done(snapshot: Snapshot, asked_at: datetime) -> int:
    """How many steps are behind: each later one stands for those before it. Runs of before do not count."""
    link = snapshot.link
    assert link is not None
    newest = next((run for run in snapshot.runs[:1] if run.attempted_at >= asked_at), None)
    counts = newest.counts if newest else {}
    rules = (
        link.session_at is not None,
        link.state == "connected",
        link.state == "connected" and any(counts.values()),
        link.state == "connected" and newest is not None and (newest.position > 0 or newest.finished_at is not None),
    )
    return max((number for number, holds in enumerate(rules, start=1) if holds), default=0)


def _lines(done: int, *, failed: bool = False, detail: str = "") -> tuple[Step, ...]:
    states = ["done"] * done + ["failed" if failed else "now"] + ["waiting"] * len(_NAMES)
    return tuple(
        Step(name, state, detail if state == "now" else "") for name, state in zip(_NAMES, states, strict=False)
    )
