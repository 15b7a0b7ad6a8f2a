"""The glance: the newest page of shifts, and the pages after it while nothing on them is known yet.

It proves no deletion and is complete for nothing: what it does not show, the recent and full reads do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from control.source_state import ReadRange
from producers.buildertrend.account import Account
from producers.buildertrend.answers import GridPage, RefusedQueryError
from producers.buildertrend.bodies import PageAsk
from producers.buildertrend.reads.job_batches import JobBatches
from producers.buildertrend.reads.rows import READER_VERSION
from producers.buildertrend.reads.time_entries import Days, grid_row
from producers.source import FROM_THE_START, IncompleteReason, Page, ReadStart, SecondLook
from schemas.entities import TIME_ENTRIES

# So many shifts are not entered between two glances; the recent read takes what lies behind.
_MOST_PAGES = 5


class _Owner(msgspec.Struct, frozen=True, rename={"builder_id": "builderId"}):
    """Whose shift a row is (S10)."""

    builder_id: int | str | None = None


_OWNER = msgspec.json.Decoder(_Owner)


class GlanceRead:
    """The newest shifts of `days`, of `job_ids`, those with the newest shifts first, and General.

    Where so many jobs are refused, it asks for the first of them only; `most_jobs` then tells of how many.
    `known`: those of some ids that are published. `check` is called with the builder ids that the rows of a page state,
    before the page is given away; an empty set where not all rows state one.
    """

    entity = TIME_ENTRIES
    reader_version = READER_VERSION
    may_lack_changes = False
    records: int | None = None

    def __init__(
        self,
        account: Account,
        days: Days,
        job_ids: Sequence[int] = (),
        *,
        most_jobs: int | None = None,
        known: Callable[[Collection[str]], Collection[str]],
        check: Callable[[Collection[str]], None],
    ) -> None:
        self._account = account
        self._days = days
        self._batches = JobBatches(job_ids if most_jobs is None else job_ids[:most_jobs])
        self.most_jobs = most_jobs
        self._known = known
        self._check = check

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """See producers.source.EntityRead; it has nothing to resume."""

    def cursor(self) -> dict[str, Any]:
        return {}

    def pages(self, _start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        records: int | None = None
        for number in range(1, _MOST_PAGES + 1):
            grid = self._page(PageAsk(number, self._account.page_size, records))
            records = grid.records
            if not grid.rows:
                return
            self._check(_owners(grid.rows))
            rows = [grid_row(raw) for raw in grid.rows]
            reached_known = bool(self._known([found.row.entity_id for found in rows]))
            taken = [found.row for found in rows if self._days.takes_in(found.day)]
            yield Page(number, taken, None, [found.row for found in rows if not self._days.takes_in(found.day)])
            if reached_known or not taken:
                return

    def _page(self, ask: PageAsk) -> GridPage:
        """How a long list is refused is not known (G5): whatever refuses is asked again with fewer jobs."""
        while True:
            try:
                return self._account.shifts(self._batches[0], ask)
            except RefusedQueryError:
                if not self._batches.split(0):
                    raise
                self.most_jobs = len(self._batches[0].job_ids)

    def complete_range(self) -> ReadRange | None:
        return None

    def incomplete_reason(self) -> IncompleteReason | None:
        return None

    def second_look(self, _missing: Collection[str]) -> Iterator[Page]:
        """Never called, as no range is complete."""
        yield from ()

    def second_look_result(self) -> SecondLook:
        return SecondLook()


def _owners(rows: Collection[Any]) -> Collection[str]:
    """The builder ids that the rows state, if all of them state one."""
    owners: set[str] = set()
    for raw in rows:
        try:
            found = _OWNER.decode(raw) if isinstance(raw, bytes) else msgspec.convert(raw, _Owner)
        except (msgspec.MsgspecError, RecursionError):
            return ()
        if found.builder_id is None:
            return ()
        owners.add(str(found.builder_id))
    return owners
