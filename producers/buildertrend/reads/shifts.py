"""The read of time entries: newest first, until the edge of the window. It notes the workers that shifts name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec

from control.source_state import ReadRange
from producers.buildertrend.account import Account
from producers.buildertrend.reads.glance import Glance, glance, whole_row
from producers.buildertrend.reads.grid_walk import GridWalk, Tally, WalkedPage, short_of
from producers.buildertrend.reads.rows import Shift, parse_row, refused_row, unreadable
from producers.buildertrend.reads.version import READER_VERSION
from producers.source import (
    FROM_THE_START,
    IncompleteReason,
    Page,
    ReadStart,
    SecondLook,
    SourceRecord,
    SourceRow,
    UnreadableRowError,
)
from schemas.catalogue import TIME_ENTRIES


@dataclass(frozen=True, slots=True)
class Days:
    """Local days whose shifts are taken in, `first` to `last` (None: no bound on that side).

    From `kept_from` on, if that is before the first, shifts are read that are known already.
    """

    first: date | None = None
    last: date | None = None
    kept_from: date | None = None

    @property
    def edge(self) -> date | None:
        """The first day that is read at all."""
        return self.first if self.first is None or self.kept_from is None else min(self.first, self.kept_from)

    def takes_in(self, day: date | None) -> bool:
        """A row that says no day that can be read is taken in: so somebody hears of it."""
        return day is None or ((self.first is None or day >= self.first) and (self.last is None or day <= self.last))

    def covers(self, day: date | None) -> bool:
        return day is None or ((self.edge is None or day >= self.edge) and (self.last is None or day <= self.last))


class TimeEntriesRead:
    """Shifts of some days.

    `notes_workers` is asked at the first page: whether names of workers are wanted, as the users endpoint is missing.
    """

    entity = TIME_ENTRIES
    name = TIME_ENTRIES.name
    reader_version = READER_VERSION
    endpoint_missing = False

    def __init__(
        self,
        account: Account,
        days: Days,
        *,
        notes_workers: Callable[[], bool] = lambda: False,
    ) -> None:
        self._account = account
        self._days = days
        self._notes_workers = notes_workers
        self._walk = GridWalk(account.shifts, _look, lambda seen: seen.row.entity_id, what="shifts")
        self.workers: dict[int, str | None] = {}
        self._sorted = True
        self._last: tuple[int, date] | None = None
        self._tally = Tally()
        self._look = Tally()
        self._looked_at: set[str] = set()

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """See producers.source.EntityRead."""
        self.workers = {int(user_id): name for user_id, name in cursor.get("workers", {}).items()}
        self._sorted = cursor.get("sorted", True)

    def cursor(self) -> dict[str, Any]:
        return {"sorted": self._sorted, "workers": {str(user_id): name for user_id, name in self.workers.items()}}

    def pages(self, start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        for walked in self._walk.pages(start, tally=self._tally, is_edge=lambda _page: self._is_behind_edge()):
            self._look_over(walked)
            taken = [seen.row for seen in walked.rows if self._days.takes_in(seen.day)]
            others = [] if len(taken) == len(walked.rows) else self._others(walked)
            covered = [seen.row.entity_id for seen in others if self._days.covers(seen.day)]
            yield Page(walked.number, taken, walked.pages_total, [seen.row for seen in others], covered)

    def complete_range(self) -> ReadRange | None:
        # What pages left out is not gone.
        return None if self.incomplete_reason() else ReadRange(from_day=self._days.edge, to_day=self._days.last)

    def incomplete_reason(self) -> IncompleteReason | None:
        return short_of(self._tally, "time entries")

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """All shifts, not only the window's: a shift whose date was corrected may stand anywhere now."""
        left = set(missing)
        self._look, self._looked_at = Tally(), set()
        for walked in self._walk.pages(tally=self._look):
            self._looked_at.update(seen.row.entity_id for seen in walked.rows if self._days.covers(seen.day))
            found = [seen.row for seen in walked.rows if seen.row.entity_id in left]
            left.difference_update(row.entity_id for row in found)
            yield Page(walked.number, found, walked.pages_total)
            if not left:
                return

    def second_look_result(self) -> SecondLook:
        return SecondLook(short_of(self._look, "time entries"), self._looked_at)

    def _look_over(self, walked: WalkedPage[_Seen]) -> None:
        days = [seen.day for seen in walked.rows if seen.day is not None]
        # A grid that does not sort as asked is read whole: its end is then no edge.
        self._sorted = self._sorted and _descending(self._day_before(walked), days)
        self._last = (walked.number, days[-1]) if days else self._last
        if self._notes_workers():
            for glanced in (seen.glance for seen in walked.rows if seen.glance is not None):
                # Newest first: the newest shift knows the worker's name best.
                self.workers.setdefault(glanced.userID, glanced.worker())

    def _day_before(self, walked: WalkedPage[_Seen]) -> date | None:
        """Of the last row before this page; None where that is not known, as the walk went back."""
        number, day = self._last or (0, None)
        return day if walked.number == number + 1 else None

    def _is_behind_edge(self) -> bool:
        """How many rows there are behind the edge of the window does not matter."""
        return bool(self._days.edge and self._sorted and self._last and self._last[1] < self._days.edge)

    def _others(self, walked: WalkedPage[_Seen]) -> list[_Seen]:
        """Rows of days that are not taken in."""
        return [seen for seen in walked.rows if not self._days.takes_in(seen.day)]


class _Seen(msgspec.Struct, frozen=True):
    """A row of the grid that was looked at; without a day and a glance it is one that is not understood."""

    row: SourceRow
    day: date | None
    glance: Glance | None


def _look(raw: Any) -> _Seen:
    try:
        seen = glance(raw)
        day = _local_day(seen, raw)
    except UnreadableRowError as error:
        return _Seen(refused_row(_stated(raw), error, name="id"), None, None)
    read = partial(_record, raw, day)
    return _Seen(SourceRow(str(seen.id), read, day, raw if isinstance(raw, bytes) else None), day, seen)


def _stated(raw: Any) -> Any:
    try:
        return whole_row(raw)
    except UnreadableRowError:
        return None


def _record(raw: Any, local_day: date) -> SourceRecord:
    parsed = whole_row(raw)
    row = parse_row(Shift, parsed, what="shifts")
    stated = [part for part in (row.regularTime, row.overTime) if part is not None]
    minutes = sum(stated) if stated else None
    return SourceRecord(str(row.id), row.after(parsed), local_day=local_day, job_id=str(row.jobId), minutes=minutes)


def _local_day(seen: Glance, raw: Any) -> date:
    try:
        return date.fromisoformat(seen.timeIn.timeStamp[:10])
    except ValueError:
        raise unreadable("shifts", "timeIn.timeStamp", _stated(raw)) from None


def _descending(previous: date | None, days: list[date]) -> bool:
    chain = days if previous is None else [previous, *days]
    return all(earlier >= later for earlier, later in pairwise(chain))
