"""The read of time entries: newest first, until the edge of the window. It notes the workers that shifts name.

Of a row only the head is parsed at first: which shift it is, of which day and worker. A row whose bytes were read
before is never parsed further; that is most rows of most reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import msgspec

from control.checkpoints import INCOMPLETE_REASON
from control.source_state import ReadRange
from producers.buildertrend.account import Account
from producers.buildertrend.answers import parsed_row
from producers.buildertrend.decoding import NotJsonError
from producers.buildertrend.reads.grid_walk import GridWalk, WalkedPage
from producers.buildertrend.reads.job_batches import JobBatches
from producers.buildertrend.reads.named_by_shifts import NamedByShifts
from producers.buildertrend.reads.rows import READER_VERSION, Shift, parse_row, refused_row, unreadable
from producers.buildertrend.reads.shift_head import HEAD, Code, ShiftHead, Start
from producers.buildertrend.reads.tally import Tally, incomplete_reason
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
from producers.working_hours import ShiftTimes
from schemas.entities import TIME_ENTRIES
from schemas.worked_minutes import worked_minutes


@dataclass(frozen=True, slots=True)
class Days:
    """Local days of the shifts that are read, `first` to `last` (None: no bound on that side).

    Of the days from `kept_from` until `first` only those shifts are read that are known already.
    """

    first: date | None = None
    last: date | None = None
    kept_from: date | None = None

    @property
    def edge(self) -> date | None:
        """The first day that is read at all."""
        return self.first if self.first is None or self.kept_from is None else min(self.first, self.kept_from)

    def takes_in(self, day: date | None) -> bool:
        """True for a row without a readable day, too: it becomes a dead letter, so that somebody hears of it."""
        return day is None or ((self.first is None or day >= self.first) and (self.last is None or day <= self.last))

    def covers(self, day: date | None) -> bool:
        return day is None or ((self.edge is None or day >= self.edge) and (self.last is None or day <= self.last))


class TimeEntriesRead:
    """Shifts of some days.

    `job_ids`: of all jobs of the account, closed ones too, in the order in which they are asked for (G2).
    `named` is whom and what the shifts name.
    `times`: when the newest shifts since a day began and ended, for what that says of the company's working hours.
    """

    entity = TIME_ENTRIES
    reader_version = READER_VERSION
    may_lack_changes = False

    def __init__(
        self,
        account: Account,
        days: Days,
        job_ids: Iterable[int] = (),
        *,
        times: ShiftTimes | None = None,
    ) -> None:
        self._days = days
        self._evidence = account.evidence
        self._batches = JobBatches(job_ids)
        self._times = times
        self._walk = GridWalk(account.shifts, grid_row, _id_of, what="shifts", page_size=account.page_size)
        self.named = NamedByShifts()
        self._walked = False
        self._ended_incomplete = False
        self._sorted = True
        self._last: tuple[int, int, date] | None = None
        self._tally = Tally()
        self._second_tally = Tally()
        self._second_shown: set[str] = set()

    @property
    def showed_all(self) -> bool:
        """After the read, also one that an earlier attempt ended: whether it showed all shifts of its days."""
        return self.incomplete_reason() is None if self._walked else not self._ended_incomplete

    @property
    def records(self) -> int | None:
        return self._tally.stated

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """See producers.source.EntityRead."""
        self.named.restore(cursor)
        self._ended_incomplete = INCOMPLETE_REASON in cursor
        self._sorted = cursor.get("sorted", True)
        if "tally" in cursor and self._batches.restore(cursor["batches"]):
            self._tally.restore(cursor["tally"])

    def cursor(self) -> dict[str, Any]:
        return {
            "sorted": self._sorted,
            **self.named.cursor(),
            "batches": self._batches.cursor(),
            "tally": self._tally.cursor(),
        }

    def pages(self, start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        self._walked = True
        walk = self._walk.pages(self._batches, start, tally=self._tally, is_edge=self._is_behind_edge)
        for walked in walk:
            self._note(walked)
            taken = [found.row for found in walked.rows if self._days.takes_in(found.day)]
            others = [] if len(taken) == len(walked.rows) else self._outside(walked)
            in_range = [found.row.entity_id for found in others if self._days.covers(found.day)]
            outside = [found.row for found in others]
            yield Page(walked.number, taken, walked.pages_total, outside, in_range, again=walked.again)

    def complete_range(self) -> ReadRange | None:
        # What pages left out is not deleted.
        return None if self.incomplete_reason() else ReadRange(from_day=self._days.edge, to_day=self._days.last)

    def incomplete_reason(self) -> IncompleteReason | None:
        return incomplete_reason(self._tally, "time entries")

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """All shifts, not only the window's: a shift whose date was corrected may stand anywhere now."""
        left = set(missing)
        self._second_tally, self._second_shown = Tally(), set()
        for walked in self._walk.pages(self._batches, tally=self._second_tally):
            self._second_shown.update(found.row.entity_id for found in walked.rows if self._days.covers(found.day))
            rows = [found.row for found in walked.rows if found.row.entity_id in left]
            left.difference_update(row.entity_id for row in rows)
            yield Page(walked.number, rows, walked.pages_total)
            if not left:
                return

    def second_look_result(self) -> SecondLook:
        return SecondLook(incomplete_reason(self._second_tally, "time entries"), self._second_shown)

    def _note(self, walked: WalkedPage[GridRow]) -> None:
        days = [found.day for found in walked.rows if found.day is not None]
        descends = _descending(self._day_before(walked), days)
        if len(set(days)) > 1:
            self._evidence.note("G15", holds=descends)
        if self._sorted and not descends:
            # A grid that is not sorted as asked is read whole: no row is then the last of the window.
            self._sorted = False
            self._tally.void_edges()
        if days:
            self._last = (walked.batch, walked.in_batch, days[-1])
        elif self._last is not None and self._last[:2] >= (walked.batch, walked.in_batch):
            # The walk began anew: what was last then says nothing about where this page stands.
            self._last = None
        if self._times is not None and self._times.wants(days):
            self._times.note_all(
                (found.day, found.head.timeIn.timeStamp, found.head.ended)
                for found in walked.rows
                if found.day is not None and found.head is not None
            )
        self.named.note_all(found.head for found in walked.rows if found.head and self._days.covers(found.day))

    def _day_before(self, walked: WalkedPage[GridRow]) -> date | None:
        """Day of the last row before this page; None if it is not known, as the walk stepped back."""
        if self._last is None or (walked.batch, walked.in_batch) != (self._last[0], self._last[1] + 1):
            return None
        return self._last[2]

    def _is_behind_edge(self, walked: WalkedPage[GridRow]) -> bool:
        """Whether this page reached past the window: the batch's pages after it do not matter."""
        if not self._days.edge or not self._sorted or self._last is None or self._last[0] != walked.batch:
            return False
        return self._last[2] < self._days.edge

    def _outside(self, walked: WalkedPage[GridRow]) -> list[GridRow]:
        return [found for found in walked.rows if not self._days.takes_in(found.day)]


class GridRow(msgspec.Struct, frozen=True):
    """A row of the grid with its head; one that does not have the known form has neither day nor head."""

    row: SourceRow
    day: date | None
    head: ShiftHead | None


def _id_of(found: GridRow) -> str:
    return found.row.entity_id


def shift_head(raw: Any) -> ShiftHead:
    """The head of a row, which comes as bytes or parsed; UnreadableRowError with the field if it does not fit."""
    try:
        return HEAD.decode(raw) if isinstance(raw, bytes) else msgspec.convert(raw, ShiftHead)
    except (msgspec.MsgspecError, RecursionError):
        # The rules of the whole row accept some more forms, and name the field that has another one.
        row = parse_row(Shift, _parsed(raw), what="shifts")
    codes = [Code(code["id"], code["costCodeTitle"]) for code in row.costCodes]
    return ShiftHead(row.id, row.userID, Start(row.timeIn["timeStamp"]), row.name, None, codes)


def grid_row(raw: Any) -> GridRow:
    """A row of the grid, of which only the head is parsed."""
    try:
        head = shift_head(raw)
        day = _local_day(head, raw)
    except UnreadableRowError as error:
        return GridRow(refused_row(Shift, _parsed_or_none(raw), error), None, None)
    read = partial(_record, raw, day)
    return GridRow(SourceRow(str(head.id), read, day, raw if isinstance(raw, bytes) else None), day, head)


def _parsed(raw: Any) -> Any:
    """The parsed row; UnreadableRowError if it exceeds the bounds of decoding."""
    try:
        return parsed_row(raw)
    except NotJsonError as exc:
        size_and_hash = {"bytes": len(raw), "blake2b": blake2b(raw, digest_size=16).hexdigest()}
        raise unreadable("shifts", "(row)", size_and_hash) from exc


def _parsed_or_none(raw: Any) -> Any:
    try:
        return _parsed(raw)
    except UnreadableRowError:
        return None


def _record(raw: Any, local_day: date) -> SourceRecord:
    parsed = _parsed(raw)
    row = parse_row(Shift, parsed, what="shifts")
    minutes = worked_minutes(row.regularTime, row.overTime, row.doubleOverTime)
    return SourceRecord(str(row.id), row.after(parsed), local_day=local_day, job_id=str(row.jobId), minutes=minutes)


def _local_day(head: ShiftHead, raw: Any) -> date:
    try:
        return date.fromisoformat(head.timeIn.timeStamp[:10])
    except ValueError:
        raise unreadable("shifts", "timeIn.timeStamp", _parsed_or_none(raw)) from None


def _descending(previous: date | None, days: list[date]) -> bool:
    chain = days if previous is None else [previous, *days]
    return all(earlier >= later for earlier, later in pairwise(chain))
