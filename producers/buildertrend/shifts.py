"""The read of time entries: newest first, until the edge of the window. It notes the workers that shifts name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from itertools import pairwise

from control.source_state import ReadRange
from producers.buildertrend.account import Account
from producers.buildertrend.answers import changed
from producers.buildertrend.rows import Shift, parse_row
from producers.source import Page, SourceRecord
from schemas.catalogue import TIME_ENTRIES


class ShiftsRead:
    """Shifts from local day `from_day` on (None: all)."""

    entity = TIME_ENTRIES

    def __init__(self, account: Account, *, from_day: date | None) -> None:
        self._account = account
        self._from_day = from_day
        self.workers: dict[int, str | None] = {}

    def pages(self) -> Iterator[Page]:
        sorted_so_far = True
        previous: date | None = None
        for page in self._all_pages():
            days = [day for record in page.records if (day := record.local_day) is not None]
            # A grid that does not sort as asked is read whole: its end is then no edge.
            sorted_so_far = sorted_so_far and _descending(previous, days)
            previous = days[-1] if days else previous
            yield Page([record for record in page.records if self._in_range(record)], page.pages_total)
            if self._from_day and sorted_so_far and previous and previous < self._from_day:
                return

    def covered(self) -> ReadRange:
        return ReadRange(from_day=self._from_day)

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """All shifts, not only the window's: a shift whose date was corrected may stand anywhere now."""
        left = set(missing)
        for page in self._all_pages():
            found = [record for record in page.records if record.entity_id in left]
            left.difference_update(record.entity_id for record in found)
            yield Page(found, page.pages_total)
            if not left:
                return

    def _in_range(self, record: SourceRecord) -> bool:
        return self._from_day is None or record.local_day is None or record.local_day >= self._from_day

    def _all_pages(self) -> Iterator[Page]:
        number = 1
        while True:
            grid = self._account.shifts(number)
            rows = [parse_row(Shift, raw, what="shifts") for raw in grid.rows]
            for row in rows:
                # Newest first: the newest shift knows the worker's name best.
                self.workers.setdefault(row.userID, row.name)
            yield Page([_record(row) for row in rows], grid.pages_total)
            if number >= grid.pages_total:
                return
            if not rows:
                # An empty page before the last one is no page: taking it for "no more" would lose what is behind it.
                raise changed("shifts", f"data (page {number} of {grid.pages_total} is empty)")
            number += 1


def _record(row: Shift) -> SourceRecord:
    try:
        local_day = date.fromisoformat(row.timeIn.timeStamp[:10])
    except ValueError as exc:
        raise changed("shifts", "timeIn.timeStamp") from exc
    return SourceRecord(str(row.id), row.after(), local_day=local_day)


def _descending(previous: date | None, days: list[date]) -> bool:
    chain = days if previous is None else [previous, *days]
    return all(earlier >= later for earlier, later in pairwise(chain))
