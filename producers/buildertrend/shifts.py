"""The read of time entries: newest first, until the edge of the window. It notes the workers that shifts name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any

from control.source_state import ReadRange
from core.log import get_logger
from producers.buildertrend.account import Account
from producers.buildertrend.answers import changed, parsed_row
from producers.buildertrend.glance import Glance, glance
from producers.buildertrend.grid_walk import GridWalk, WalkedPage
from producers.buildertrend.reading import READING
from producers.buildertrend.rows import Shift, parse_row
from producers.source import FROM_THE_START, Page, SourceRecord, SourceRow, Standing
from schemas.catalogue import TIME_ENTRIES

_LOG = get_logger(__name__)


class ShiftsRead:
    """Shifts from local day `from_day` to `to_day` (None: no bound on that side).

    `notes_workers` is asked at the first page: whether names of workers are wanted, as the users endpoint is missing.
    """

    entity = TIME_ENTRIES
    name = TIME_ENTRIES.name
    reading = READING

    def __init__(
        self,
        account: Account,
        *,
        from_day: date | None,
        to_day: date | None = None,
        notes_workers: Callable[[], bool] = lambda: False,
    ) -> None:
        self._account = account
        self._from_day = from_day
        self._to_day = to_day
        self._notes_workers = notes_workers
        self._walk = GridWalk(account.shifts, lambda raw: str(glance(raw).id), what="shifts")
        self.workers: dict[int, str | None] = {}
        self._sorted = True
        self._previous: date | None = None
        self._shown = 0
        self._stated: int | None = None

    def restore(self, mark: Mapping[str, Any]) -> None:
        """See producers.source.EntityRead."""
        self.workers = {int(user_id): name for user_id, name in mark.get("workers", {}).items()}
        self._sorted = mark.get("sorted", True)
        self._shown = mark.get("shown", 0)
        self._stated = mark.get("stated")

    def mark(self) -> dict[str, Any]:
        workers = {str(user_id): name for user_id, name in self.workers.items()}
        return {"sorted": self._sorted, "shown": self._shown, "stated": self._stated, "workers": workers}

    def pages(self, standing: Standing = FROM_THE_START) -> Iterator[Page]:
        for walked in self._walk.pages(standing):
            glances = [glance(raw) for raw in walked.grid.rows]
            self._look_over(walked, glances)
            rows = [_row(*both) for both in zip(walked.grid.rows, glances, strict=True)]
            yield Page(walked.number, [row for row in rows if self._in_range(row)], walked.grid.pages_total)
            if self._from_day and self._sorted and self._previous and self._previous < self._from_day:
                # The edge of the window: how many rows there are behind it does not matter.
                self._stated = None
                return

    def covered(self) -> ReadRange | None:
        if self._stated is not None and self._shown < self._stated:
            # Pages that hold fewer rows than the grid says it has: what they left out is not gone.
            _LOG.warning("read_incomplete", entity=self.entity.name, shown=self._shown, stated=self._stated)
            return None
        return ReadRange(from_day=self._from_day, to_day=self._to_day)

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """All shifts, not only the window's: a shift whose date was corrected may stand anywhere now."""
        left = set(missing)
        for walked in self._walk.pages():
            rows = [_row(raw, glance(raw)) for raw in walked.grid.rows]
            found = [row for row in rows if row.entity_id in left]
            left.difference_update(row.entity_id for row in found)
            yield Page(walked.number, found, walked.grid.pages_total)
            if not left:
                return

    def _look_over(self, walked: WalkedPage, glances: list[Glance]) -> None:
        days = [_local_day(one) for one in glances]
        # A grid that does not sort as asked is read whole: its end is then no edge.
        self._sorted = self._sorted and _descending(self._previous, days)
        self._previous = days[-1] if days else self._previous
        self._shown += len(days)
        self._stated = walked.grid.records
        if self._notes_workers():
            for one in glances:
                # Newest first: the newest shift knows the worker's name best.
                self.workers.setdefault(one.userID, one.name)

    def _in_range(self, row: SourceRow) -> bool:
        day = row.local_day
        if day is None:
            return True
        return (self._from_day is None or day >= self._from_day) and (self._to_day is None or day <= self._to_day)


def _row(raw: Any, seen: Glance) -> SourceRow:
    read = partial(_record, raw, _local_day(seen))
    return SourceRow(str(seen.id), read, _local_day(seen), raw if isinstance(raw, bytes) else None)


def _record(raw: Any, local_day: date) -> SourceRecord:
    row = parse_row(Shift, parsed_row(raw), what="shifts")
    stated = [part for part in (row.regularTime, row.overTime) if part is not None]
    minutes = sum(stated) if stated else None
    return SourceRecord(str(row.id), row.after(), local_day=local_day, job_id=str(row.jobId), minutes=minutes)


def _local_day(seen: Glance) -> date:
    try:
        return date.fromisoformat(seen.timeIn.timeStamp[:10])
    except ValueError as exc:
        raise changed("shifts", "timeIn.timeStamp") from exc


def _descending(previous: date | None, days: list[date]) -> bool:
    chain = days if previous is None else [previous, *days]
    return all(earlier >= later for earlier, later in pairwise(chain))
