"""What needs somebody, with the hours at stake and the one thing to do."""

from __future__ import annotations

from dataclasses import dataclass

from console.reading.company import HeldGroup, Waiting
from console.words import counted, counted_entity, hours


@dataclass(frozen=True, slots=True)
class Item:
    """One line of what needs attention. `query` leads to the shifts it is about, or is empty."""

    hours: str
    sentence: str
    to_do: str
    query: dict[str, str]
    is_held: bool = False


_STATUS = {
    "waiting-for-job": (
        "wait for job {subject}",
        "Let the integration’s user see this job in Buildertrend. The hours move by themselves when it arrives.",
    ),
    "waiting-for-user": (
        "wait for worker {subject}",
        "Check in Buildertrend that this worker still is an internal user.",
    ),
    "waiting-for-cost-code": (
        "wait for cost code {subject}",
        "Check in Buildertrend that this cost code still exists and is in the job’s budget.",
    ),
    "uncoded": ("have no cost code", "Choose a cost code on these shifts in Buildertrend’s Time Clock."),
    "several-codes": ("name several cost codes", "Split them in Buildertrend, one cost code a shift."),
    "ambiguous-code": (
        "name cost code {subject}, and more than one has this title",
        "Give the cost codes titles that differ in Buildertrend.",
    ),
}


def waiting_item(group: Waiting) -> Item:
    """As in `12.5 h on 3 shifts wait for job Tighe Garage`."""
    words, to_do = _STATUS.get(group.link_status, (f"are {group.link_status}", ""))
    told = words.format(subject=group.subject or "that Buildertrend does not name")
    if group.shifts == 1:
        told = _one_shift(told)
    query = {"status": group.link_status, "subject": group.subject or ""}
    return Item(hours(group.minutes), f"on {counted(group.shifts, 'shift', 'shifts')} {told}", to_do, query)


def held_item(group: HeldGroup) -> Item:
    """Deletions that wait for somebody to look at them."""
    records = counted_entity(group.records, group.entity)
    if group.released:
        return Item(_held_hours(group), f"{records} go with the next complete read", "Sync now to see them go.", {})
    return Item(
        _held_hours(group),
        f"{records} are no longer shown by Buildertrend; their deletion is held",
        "Look at the list. Release it if they are really gone, or wait for their return.",
        {"entity": group.entity},
        is_held=True,
    )


def _held_hours(group: HeldGroup) -> str:
    return hours(group.minutes) if group.entity == "time-entries" else ""


def _one_shift(told: str) -> str:
    for several, one in (("wait ", "waits "), ("have ", "has "), ("name ", "names ")):
        if told.startswith(several):
            return one + told.removeprefix(several)
    return told
