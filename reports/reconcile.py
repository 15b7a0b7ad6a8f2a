"""Compares the four sides of an entity: totals a job and week, every difference, and what to read again. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from control.left_overs import LeftOver
from reports.sides import Item, Items, Sides
from schemas.entities import BUDGETS

SIDES = ("buildertrend", "raw", "canonical", "table")
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Total:
    """Records and minutes of one side; `minutes` is null where not all of them are known."""

    records: int
    minutes: int | None


@dataclass(frozen=True, slots=True)
class WeekLine:
    """One job in one week (its Monday; null where no day is known), on each of SIDES."""

    job_id: str | None
    week: date | None
    totals: tuple[Total, Total, Total, Total]

    @property
    def differs(self) -> bool:
        known = {total.minutes for total in self.totals if total.minutes is not None}
        return len({total.records for total in self.totals}) > 1 or len(known) > 1


@dataclass(frozen=True, slots=True)
class Difference:
    """A record on which two neighbouring sides do not agree.

    `kind` is missing (the later side lacks it), stale (holds an older version), left-over (it is gone before) or
    hours (minutes, day or job differ). `between` names the two sides.
    """

    kind: str
    between: tuple[str, str]
    entity: str
    entity_id: str
    job_id: str | None
    day: date | None
    detail: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What a backfill has to read again: local days (null: no limit) of an entity."""

    entity: str
    from_day: date | None
    to_day: date | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One entity of a company. `lines` is for shifts, by week and job; `totals` counts all on each of SIDES."""

    entity: str
    totals: tuple[Total, Total, Total, Total]
    lines: tuple[WeekLine, ...]
    differences: tuple[Difference, ...]
    left_over: tuple[LeftOver, ...] = ()
    """What is on a later side and not in Buildertrend, as last read."""

    @property
    def agrees(self) -> bool:
        return not self.differences


def reconcile(entity: str, sides: Sides) -> Reconciliation:
    """Compare what exists on the four sides."""
    lists = (sides.buildertrend, sides.raw, sides.canonical, sides.table)
    dated = any(item.day is not None for items in lists for item in items.values())
    return Reconciliation(
        entity=entity,
        totals=_totals([tuple(items.values()) for items in lists]),
        lines=tuple(_lines(lists)) if dated else (),
        differences=tuple(_differences(entity, lists)),
        left_over=tuple(_left_over(entity, lists)),
    )


def _left_over(entity: str, lists: Sequence[Items]) -> Iterator[LeftOver]:
    source, *later = lists
    for entity_id in sorted(set().union(*later) - source.keys()):
        items = [items[entity_id] for items in later if entity_id in items]
        day = next((item.day for item in items if item.day is not None), None)
        job_id = next((item.job_id for item in items if item.job_id is not None), None)
        if entity == BUDGETS.name:
            job_id = entity_id.partition(":")[0]
        yield LeftOver(entity_id, max(item.version for item in items), day, job_id)


def repairs(found: Sequence[Reconciliation]) -> list[Repair]:
    """The ranges to read again: of shifts the weeks with differences, neighbours together, of others the entity."""
    wanted: list[Repair] = []
    for one in found:
        days = [difference.day for difference in one.differences]
        if None in days:
            wanted.append(Repair(one.entity, None, None))
        else:
            wanted.extend(_ranges(one.entity, {monday(day) for day in days if day is not None}))
    return wanted


def monday(day: date) -> date:
    """The first day of a day's week."""
    return day - timedelta(days=day.weekday())


def _ranges(entity: str, weeks: Iterable[date]) -> Iterator[Repair]:
    first: date | None = None
    last: date | None = None
    for week in sorted(weeks):
        if first is not None and last is not None and week - last > _WEEK:
            yield Repair(entity, first, last + _WEEK - timedelta(days=1))
            first = None
        first, last = first or week, week
    if first is not None and last is not None:
        yield Repair(entity, first, last + _WEEK - timedelta(days=1))


def _totals(groups: Sequence[Sequence[Item]]) -> tuple[Total, Total, Total, Total]:
    source, raw, canonical, table = (_total(items) for items in groups)
    return source, raw, canonical, table


def _total(items: Sequence[Item]) -> Total:
    known = [item.minutes for item in items if item.minutes is not None]
    return Total(len(items), sum(known) if known or not items else None)


def _lines(lists: Sequence[Items]) -> Iterator[WeekLine]:
    groups = [_by_job_and_week(items, lists[1]) for items in lists]
    keys = {key for group in groups for key in group}
    for job_id, week in sorted(keys, key=lambda key: (str(key[1]), str(key[0]))):
        totals = _totals([group.get((job_id, week), ()) for group in groups])
        yield WeekLine(job_id, week, totals)


def _by_job_and_week(items: Items, raw: Items) -> dict[tuple[str | None, date | None], list[Item]]:
    """Sum up; a side that does not know a shift's job takes it from the raw record."""
    found: dict[tuple[str | None, date | None], list[Item]] = {}
    for entity_id, item in items.items():
        job_id = item.job_id or (raw[entity_id].job_id if entity_id in raw else None)
        found.setdefault((job_id, monday(item.day) if item.day else None), []).append(item)
    return found


def _differences(entity: str, lists: Sequence[Items]) -> Iterator[Difference]:
    for number in range(len(SIDES) - 1):
        between = (SIDES[number], SIDES[number + 1])
        before, after = lists[number], lists[number + 1]
        for entity_id in sorted(before.keys() | after.keys()):
            found = _difference(before.get(entity_id), after.get(entity_id))
            if found is not None:
                kind, detail = found
                item = before.get(entity_id) or after[entity_id]
                yield Difference(kind, between, entity, entity_id, item.job_id, item.day, detail)


def _difference(before: Item | None, after: Item | None) -> tuple[str, str] | None:
    """How the later side differs; it may be newer, since a parent's change publishes it again."""
    if after is None:
        return "missing", ""
    if before is None:
        return "left-over", f"version {after.version}"
    if after.version < before.version:
        return "stale", f"version {after.version} instead of {before.version}"
    parts = [
        f"{name} {theirs} instead of {ours}"
        for name, ours, theirs in zip(("day", "job", "minutes"), before[1:], after[1:], strict=True)
        if ours is not None and ours != theirs
    ]
    return ("hours", ", ".join(parts)) if parts else None


def by_kind(differences: Iterable[Difference]) -> Mapping[tuple[str, str, str], int]:
    """How many differences there are of each kind between each pair of sides."""
    return Counter((one.kind, *one.between) for one in differences)
