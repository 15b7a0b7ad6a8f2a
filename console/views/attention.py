"""What needs somebody, with the hours at stake and the one thing to do; and whether surely nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from console.reading.company import (
    HeldGroup,
    Link,
    OpenShifts,
    RefusedFacts,
    RefusedGroup,
    Snapshot,
    StaleShifts,
    Waiting,
)
from console.words import ENTITY_NAMES, absolute, counted, counted_entity, hours, listed
from reports.company_status import INTERVALS_UNTIL_LATE, CompanyFacts, CompanyStatus, company_status

MOST_SHOWN = 12
# Rows arrive one batch after the other: what was stored so recently may be linked a moment later.
_JUST_STORED = timedelta(seconds=30)
_STILL_STORING = timedelta(minutes=2)
_FIRST_HOUR = timedelta(hours=1)
_PARENT = {"waiting-for-job": "jobs", "waiting-for-user": "users", "waiting-for-cost-code": "cost-codes"}
# An entity in any other state is not known to be complete.
_WELL = frozenset({"on time", "syncing", "queued"})


@dataclass(frozen=True, slots=True)
class Item:
    """One line of what needs attention. `query` leads to the shifts it is about, or is empty."""

    hours: str
    sentence: str
    to_do: str
    query: dict[str, str]
    is_held: bool = False
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Attention:
    """`is_calm` only where everything is known and nothing needs anybody; `unknown` says what is not known."""

    items: tuple[Item, ...] = ()
    is_calm: bool = False
    unknown: str = ""


def attention_of(snapshot: Snapshot, link: Link, now: datetime, where: tzinfo) -> Attention:
    """What needs attention of a company that was connected once."""
    is_storing = any(_is_moving(snapshot, entity) for entity in ENTITY_NAMES)
    status = None if snapshot.facts is None else _status(snapshot, snapshot.facts, now)
    items = (
        *map(held_item, snapshot.held),
        *_refused_items(snapshot.refused),
        *_stale_items(snapshot.stale_shifts),
        *_late_items(status, snapshot, link, where),
        *_open_items(snapshot.open_shifts, where),
        *_waiting_items([one for one in snapshot.waiting if not _comes_still(one, snapshot, link)]),
    )
    is_well = status is not None and all(one.state in _WELL for one in status.entities)
    is_quiet = not (items or is_storing or snapshot.waiting) and is_well and link.fault is None
    unknown = "Whether records were refused is not known right now: Kafka does not answer."
    is_known = snapshot.refused is not None
    return Attention(items, is_quiet and is_known, unknown if is_quiet and not is_known else "")


def _status(snapshot: Snapshot, facts: CompanyFacts, now: datetime) -> CompanyStatus:
    return company_status(
        facts,
        now=now,
        poll_interval_s=snapshot.poll_interval_s,
        full_sync_interval_s=snapshot.full_sync_interval_s,
    )


def _refused_items(refused: RefusedFacts | None) -> Iterator[Item]:
    for group in refused.groups if refused else ():
        yield refused_item(group)
    if refused and refused.more:
        records = counted(refused.more, "record was refused", "records were refused")
        yield Item("", records, _REFUSED_TO_DO, {}, is_refused=True)


def _stale_items(found: StaleShifts) -> Iterator[Item]:
    """They stay so for longer than their dead letters are kept."""
    if found.shifts:
        words = "is stored as it was" if found.shifts == 1 else "are stored as they were"
        sentence = f"{counted(found.shifts, 'shift', 'shifts')} {words} before an update that was refused"
        to_do = "See the list: it says what to correct in Buildertrend for each shift."
        yield Item(hours(found.minutes), sentence, to_do, {"status": "stale"})


_REFUSED_TO_DO = "Protiv support has to review these: contact them if they have not contacted you."


def refused_item(group: RefusedGroup) -> Item:
    """Records that Buildertrend shows and that could not be processed."""
    words = "was refused and is" if group.records == 1 else "were refused and are"
    sentence = f"{counted_entity(group.records, group.entity)} {words} not in Protiv as in Buildertrend"
    told = hours(group.minutes) if group.entity == "time-entries" and group.minutes else ""
    return Item(told, sentence, _REFUSED_TO_DO, {}, is_refused=True)


def _late_items(status: CompanyStatus | None, snapshot: Snapshot, link: Link, where: tzinfo) -> Iterator[Item]:
    """A first sync that goes on and a connection that reads nothing are told elsewhere, once for all entities."""
    if status is None or link.state != "connected" or link.initial_done_at is None:
        return
    since = snapshot.read_at - timedelta(seconds=INTERVALS_UNTIL_LATE * snapshot.poll_interval_s)
    names = {one.entity: ENTITY_NAMES[one.entity] for one in status.entities}
    through = {one.entity: one.facts.complete_through for one in status.entities if one.state not in _WELL}
    never = [names[entity] for entity, at in through.items() if at is None]
    late = {names[entity]: at for entity, at in through.items() if at is not None and at < since}
    if never:
        yield Item("", f"{_sentence(never)} were never read completely", _LATE_TO_DO, {})
    if late:
        as_of = absolute(min(late.values()), where)
        yield Item("", f"{_sentence(list(late))} are known to be complete only as of {as_of}", _LATE_TO_DO, {})


_LATE_TO_DO = "Press Sync now; contact Protiv support if that does not help."


def _sentence(names: list[str]) -> str:
    return listed([name.lower() for name in names]).capitalize()


def _open_items(found: OpenShifts, where: tzinfo) -> Iterator[Item]:
    if found.since is None:
        return
    shifts = counted(found.shifts, "shift has had no end", "shifts have had no end")
    sentence = f"{shifts} for more than 16 hours, the longest since {absolute(found.since, where)}"
    yield Item(
        "", sentence, "Clock out in Buildertrend’s Time Clock: a shift has no hours until then.", {"status": "open"}
    )


def _waiting_items(groups: list[Waiting]) -> Iterator[Item]:
    """The groups with the most hours, and one line for all the others together."""
    single = [one for one in groups if one.groups == 1]
    yield from map(waiting_item, single[:MOST_SHOWN])
    rest = [*single[MOST_SHOWN:], *(one for one in groups if one.groups > 1)]
    if rest:
        shifts = counted(sum(one.shifts for one in rest), "more shift is", "more shifts are")
        causes = counted(sum(one.groups for one in rest), "other reason", "other reasons")
        told = hours(sum(one.minutes for one in rest))
        yield Item(told, f"on {shifts} not linked, for {causes}", "See the full list.", {"status": ""})


def _comes_still(group: Waiting, snapshot: Snapshot, link: Link) -> bool:
    """Whether its parent is likely to arrive by itself within moments: that it waits is no news then."""
    parent = _PARENT.get(group.link_status)
    if parent is None:
        return False
    since = timedelta.max if snapshot.stored_at is None else snapshot.read_at - snapshot.stored_at
    is_moving = _is_moving(snapshot, parent) or _is_moving(snapshot, "time-entries")
    return (
        link.initial_done_at is None
        or snapshot.read_at - group.stored_at < _JUST_STORED
        or (is_moving and since < _STILL_STORING)
        or (snapshot.read_at - link.initial_done_at < _FIRST_HOUR and since < _JUST_STORED)
    )


def _is_moving(snapshot: Snapshot, entity: str) -> bool:
    """Whether something that was read of the entity is not stored yet."""
    found = snapshot.facts.entities.get(entity) if snapshot.facts else None
    return found is not None and (found.stored or 0) != (found.published or 0)


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
    "several-codes": (
        "name several cost codes without the time of each",
        "Enter the time of each cost code on these shifts in Buildertrend’s Time Clock.",
    ),
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
        return Item(
            _held_hours(group), f"{records} will be deleted after the next complete read", "Press Sync now.", {}
        )
    return Item(
        _held_hours(group),
        f"{records} are no longer shown by Buildertrend; their deletion is held",
        "Review the list. Release them if they are really gone, or wait for them to come back.",
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
