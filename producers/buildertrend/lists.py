"""The reads of jobs and users, which are short lists."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from control.source_state import ReadRange
from producers.buildertrend.account import Account
from producers.buildertrend.answers import ModuleMissingError, changed
from producers.buildertrend.rows import InternalUser, ListedJob, PickerJob, parse_row
from producers.source import Page, SourceRecord
from schemas.catalogue import JOBS, USERS

_CLOSED = 0


class JobsRead:
    """All jobs: the picker's rows, with number and street from the job list. Keeps ids for the reads by job."""

    entity = JOBS

    def __init__(self, account: Account) -> None:
        self._account = account
        self.job_ids: list[int] = []
        self.open_job_ids: list[int] = []

    def pages(self) -> Iterator[Page]:
        jobs = self._merged()
        self.job_ids = sorted(job.jobId for job in jobs)
        self.open_job_ids = sorted(job.jobId for job in jobs if job.status != _CLOSED)
        yield Page([SourceRecord(str(job.jobId), job.after()) for job in jobs], 1)

    def covered(self) -> ReadRange:
        return ReadRange()

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        yield from _only(self.pages(), missing)

    def _merged(self) -> list[PickerJob]:
        listed: dict[int, ListedJob] = {}
        for raw in self._account.listed_jobs():
            row = parse_row(ListedJob, raw, what="job list")
            listed[row.jobID] = row
        picked = [parse_row(PickerJob, raw, what="jobs") for raw in self._account.picker_jobs()]
        return [_with_list(job, listed.get(job.jobId)) for job in picked]


class UsersRead:
    """All internal users. Where the endpoint is missing it shows nothing, and `missing` says so."""

    entity = USERS

    def __init__(self, account: Account) -> None:
        self._account = account
        self.missing = False

    def pages(self) -> Iterator[Page]:
        pages = self._all_pages()
        try:
            first = next(pages)
        except ModuleMissingError:
            self.missing = True
            return
        yield first
        yield from pages

    def covered(self) -> ReadRange | None:
        return None if self.missing else ReadRange()

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """All users again; an endpoint that is missing by now confirms nothing, it raises."""
        yield from _only(self._all_pages(), missing)

    def _all_pages(self) -> Iterator[Page]:
        number = 1
        while True:
            grid = self._account.users(number)
            rows = [parse_row(InternalUser, raw, what="users") for raw in grid.rows]
            yield Page([SourceRecord(str(row.userId), row.after()) for row in rows], grid.pages_total)
            if number >= grid.pages_total:
                return
            if not rows:
                raise changed("users", f"data (page {number} of {grid.pages_total} is empty)")
            number += 1


class ShiftWorkersRead:
    """Workers as shifts name them, for accounts without the users endpoint. Their absence means nothing."""

    entity = USERS

    def __init__(self, workers: Mapping[int, str | None]) -> None:
        self._workers = workers

    def pages(self) -> Iterator[Page]:
        rows = [InternalUser(userId=user_id, name=name) for user_id, name in sorted(self._workers.items())]
        # A shift knows less of a worker than the users list; it must not replace what that said.
        yield Page([SourceRecord(str(row.userId), row.after(), incomplete=True) for row in rows], 1)

    def covered(self) -> ReadRange | None:
        return None

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:  # noqa: ARG002 - never called without a range
        yield from ()


def _with_list(job: PickerJob, listed: ListedJob | None) -> PickerJob:
    """The job with what only the list states; the list's other fields are of no use here."""
    if listed is None:
        return job
    stated = {name: value for name in ("jobNumber", "street") if (value := getattr(listed, name)) is not None}
    return job.model_copy(update=stated)


def _only(pages: Iterator[Page], ids: Collection[str]) -> Iterator[Page]:
    for page in pages:
        yield Page([record for record in page.records if record.entity_id in ids], page.pages_total)
