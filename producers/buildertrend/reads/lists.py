"""The read of jobs: the picker's rows, and the job list's beside them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from control.source_state import ReadRange
from producers.buildertrend.account import Account
from producers.buildertrend.answers import Json
from producers.buildertrend.reads.rows import (
    READER_VERSION,
    ListedJob,
    PickerJob,
    parse_row,
    row_of,
    stated_number,
)
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
from schemas.entities import JOBS

_CLOSED = 0
_ALL_JOBS = re.compile(r"view(?: all)? [0-9][0-9,.\s]{0,12}(?:job ?sites?|jobs?)", re.IGNORECASE)
DATES_OF_JOBS = ("dateOpened", "projectedStartDate", "actualStartDate", "projectedClosingDate")


class JobsRead:
    """All jobs: the picker's rows, with number and street from the job list. Keeps the ids for the reads by job."""

    entity = JOBS
    reader_version = READER_VERSION
    may_lack_changes = False
    records: int | None = None

    def __init__(self, account: Account) -> None:
        self._account = account
        self.job_ids: list[int] = []
        self.open_job_ids: list[int] = []
        self._second_look = SecondLook()

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """See producers.source.EntityRead."""
        self.job_ids = list(cursor.get("job_ids", ()))
        self.open_job_ids = list(cursor.get("open_job_ids", ()))

    def cursor(self) -> dict[str, Any]:
        return {"job_ids": self.job_ids, "open_job_ids": self.open_job_ids}

    @property
    def newest_first(self) -> list[int]:
        """All jobs: open ones before closed ones, newer before older, so that current shifts are read first."""
        is_open = set(self.open_job_ids)
        return sorted(self.job_ids, key=lambda job_id: (job_id in is_open, job_id), reverse=True)

    def pages(self, _start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        """One page: it is read whole or not at all."""
        yield self._page()

    def complete_range(self) -> ReadRange:
        return ReadRange()

    def incomplete_reason(self) -> IncompleteReason | None:
        return None

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """Both lists again. A job that the job list still has is not deleted, whatever the picker shows.

        The run's other reads keep to the jobs that were read first.
        """
        listed = self._listed()
        page = Page(1, self._merged(listed), 1)
        shown = {row.entity_id for row in page.rows}
        contradicted = sorted(str(job_id) for job_id in listed if str(job_id) in missing and str(job_id) not in shown)
        self._second_look = SecondLook(_contradiction(contradicted))
        yield only(page, missing)

    def second_look_result(self) -> SecondLook:
        return self._second_look

    def _page(self) -> Page:
        rows = self._merged(self._listed())
        jobs = [job for job in map(_job_of, rows) if job is not None]
        self.job_ids = sorted(job["jobId"] for job in jobs)
        self.open_job_ids = sorted(job["jobId"] for job in jobs if job["status"] != _CLOSED)
        return Page(1, rows, 1)

    def _listed(self) -> dict[int, Json]:
        """Of each job what the job list alone states; the picker states the rest."""
        listed: dict[int, Json] = {}
        for raw in self._account.listed_jobs():
            try:
                row = parse_row(ListedJob, raw, what="job list")
            except UnreadableRowError:
                # As if the list did not have this job: what is known of its number and street stays.
                continue
            listed[row.jobID] = row.stated()
        return listed

    def _merged(self, listed: Mapping[int, Json]) -> list[SourceRow]:
        def read(raw: Any) -> SourceRecord:
            job = parse_row(PickerJob, raw, what="jobs").after(raw)
            return _job_record(job, listed.get(job["jobId"]))

        rows = enumerate(self._account.picker_jobs())
        return [row_of(PickerJob, raw, read) for place, raw in rows if not is_no_job(raw, place)]


def _job_of(row: SourceRow) -> Json | None:
    """None for a row that does not have the known form."""
    try:
        return row.read().after
    except UnreadableRowError:
        return None


def _job_record(job: Json, listed: Json | None) -> SourceRecord:
    """Incomplete without the job list's row, so that a number and a street that are known already stay."""
    stated = {name: value for name, value in (listed or {}).items() if name != "status" or job["status"] is None}
    return SourceRecord(str(job["jobId"]), job | stated, incomplete=listed is None)


def is_no_job(raw: Any, place: int) -> bool:
    """Whether a row of the picker is none of a job: that of all jobs, named like "View 214 Jobsites" (J2).

    A row of such a name without an id of a job is none, wherever it stands. With one it may be a job that somebody
    called so: only the first row is then taken for none, and only if it states nothing that a job has.
    """
    if not isinstance(raw, dict):
        return False
    name, job_id = raw.get("jobName"), stated_number(raw.get("jobId"))
    if job_id is not None and job_id < 0:
        return True
    if not isinstance(name, str) or not _ALL_JOBS.fullmatch(name.strip()):
        return False
    return not job_id or (place == 0 and not any(raw.get(field) for field in DATES_OF_JOBS))


def _contradiction(job_ids: Sequence[str]) -> IncompleteReason | None:
    if not job_ids:
        return None
    return IncompleteReason(
        f"Buildertrend's job picker lacks {len(job_ids):,} jobs that its job list has ({job_ids[0]})."
    )


def only(page: Page, ids: Collection[str]) -> Page:
    return Page(page.number, [row for row in page.rows if row.entity_id in ids], page.pages_total)
