"""Jobs: merged from their two lists, without rows that are none; what the job list still has is not deleted."""

from __future__ import annotations

from typing import Any

import pytest

from producers.buildertrend.reads.lists import JobsRead
from producers.source import EntityRead, IncompleteReason, SecondLook, UnreadableRowError
from tests.factories import records_of
from tests.unit.producers.fix_account import MemoryAccount


def job(job_id: int, **fields: Any) -> dict[str, Any]:
    return {"jobId": job_id, "jobName": f"Job {job_id}", "status": 1, **fields}


def afters(read: EntityRead) -> dict[str, dict[str, Any]]:
    return {record.entity_id: record.after for record in records_of(read.pages())}


def second(read: EntityRead, *missing: str) -> list[str]:
    return [record.entity_id for record in records_of(read.second_look(missing))]


def test_jobs_take_number_and_street_from_the_list() -> None:
    account = MemoryAccount(
        jobs=[job(1), job(2)], listed=[{"jobID": 1, "jobNumber": "A-1", "street": "1 Elm", "city": "Denver"}]
    )
    found = afters(JobsRead(account.as_account()))
    assert (found["1"]["jobNumber"], found["1"]["street"]) == ("A-1", "1 Elm")
    assert (found["2"]["jobNumber"], found["2"]["street"]) == (None, None)


def test_jobs_of_the_list_alone_are_not_jobs() -> None:
    account = MemoryAccount(jobs=[job(1)], listed=[{"jobID": 9}])
    assert list(afters(JobsRead(account.as_account()))) == ["1"]


def test_jobs_keep_ids_for_the_reads_by_job_by_status_not_by_the_closed_flag() -> None:
    account = MemoryAccount(
        jobs=[job(3, status=0), job(1, isClosed=True), job(2, status=None), job(0), job(4, status=3)]
    )
    read = JobsRead(account.as_account())
    list(read.pages())
    assert read.job_ids == [0, 1, 2, 3, 4]
    assert read.open_job_ids == [0, 1, 2, 4]


def test_jobs_second_look_shows_only_the_missing() -> None:
    account = MemoryAccount(jobs=[job(1), job(2)])
    assert second(JobsRead(account.as_account()), "2", "9") == ["2"]


def test_jobs_second_look_does_not_confirm_what_the_job_list_still_has() -> None:
    read = JobsRead(MemoryAccount(jobs=[job(1)], listed=[{"jobID": 1}, {"jobID": 2}]).as_account())
    assert second(read, "2") == []
    assert read.second_look_result().incomplete == IncompleteReason(
        "Buildertrend's job picker lacks 1 jobs that its job list has (2)."
    )
    assert second(read, "3") == []
    assert read.second_look_result() == SecondLook()


def test_jobs_that_the_job_list_lacks_are_incomplete() -> None:
    account = MemoryAccount(jobs=[job(1), job(2)], listed=[{"jobID": 1, "jobNumber": "A-1", "street": "1 Elm"}])
    records = records_of(JobsRead(account.as_account()).pages())
    assert {record.entity_id: record.incomplete for record in records} == {"1": False, "2": True}


NO_JOBS = [
    job(0, jobName="View 214 Jobsites"),
    job(-1, jobName="View 214 Jobsites"),
    job(-3, jobName="All listed jobs"),
    {"jobId": None, "jobName": "View 1,214 Jobsites"},
    {"jobName": "View 7 Jobsites", "status": None},
    job(9, jobName="View 214 Jobsites"),
]


@pytest.mark.parametrize("row", NO_JOBS)
def test_jobs_row_of_all_jobs_is_no_job(row: dict[str, Any]) -> None:
    """Its name changes with the number of jobs (J2)."""
    read = JobsRead(MemoryAccount(jobs=[row, job(1)]).as_account())
    assert list(afters(read)) == ["1"]
    assert read.job_ids == [1]


@pytest.mark.parametrize(
    ("place", "row"),
    [
        (0, job(9, jobName="View 214 Jobsites", dateOpened="2024-01-01")),
        (1, job(9, jobName="View 214 Jobsites")),
        (0, job(9, jobName="View Road 214")),
        (0, job(9, jobName="Mountain View 3 Jobsites")),
        (0, job(0, jobName="General")),
    ],
)
def test_jobs_row_that_may_be_a_job_is_one(place: int, row: dict[str, Any]) -> None:
    rows = [job(1), job(2)]
    rows.insert(place, row)
    assert str(row["jobId"]) in afters(JobsRead(MemoryAccount(jobs=rows).as_account()))


def test_jobs_row_without_an_id_and_of_no_such_name_is_refused_and_not_left_out() -> None:
    (page,) = JobsRead(MemoryAccount(jobs=[{"jobID": 7, "jobName": "Tighe Garage", "status": 1}]).as_account()).pages()
    with pytest.raises(UnreadableRowError):
        page.rows[0].read()


def test_jobs_status_is_the_pickers_and_the_lists_text_where_the_picker_states_none() -> None:
    listed = [
        {"jobID": 1, "jobStatus": "Closed"},
        {"jobID": 2, "jobStatus": "Pre-Sale"},
        {"jobID": 3, "jobStatus": "On hold"},
        {"jobID": 4, "jobStatus": 0},
    ]
    jobs = [job(1, status=1), *(job(number, status=None) for number in (2, 3, 4))]
    read = JobsRead(MemoryAccount(jobs=jobs, listed=listed).as_account())
    assert {job_id: after["status"] for job_id, after in afters(read).items()} == {"1": 1, "2": 4, "3": None, "4": 0}
    assert read.open_job_ids == [1, 2, 3]


def test_jobs_are_asked_for_open_ones_and_newer_ones_first() -> None:
    read = JobsRead(MemoryAccount(jobs=[job(3, status=0), job(1), job(0), job(2), job(4, status=0)]).as_account())
    list(read.pages())
    assert read.newest_first == [2, 1, 0, 4, 3]
