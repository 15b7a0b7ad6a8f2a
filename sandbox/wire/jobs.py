"""Jobs in their three spellings: the job picker (`jobId`), the existing-job list (`jobID`) and one job in full."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.faults.rows import is_in_share, without_missing
from sandbox.model import GENERAL_JOB_ID, Job
from sandbox.wire.call import Call, WireRefusedError, enveloped
from sandbox.wire.gate import wire_route
from sandbox.wire.values import date_or_sentinel, wrapped


def routes() -> list[Route]:
    return [
        wire_route("/api/jobpicker/GetJobPickerData", _picker, method="POST"),
        wire_route("/api/jobpicker/GetExistingJobList", _existing, method="GET"),
        wire_route("/api/jobsites/{job_id:int}", _jobsite, method="GET"),
    ]


def _picker(call: Call) -> Response:
    body = call.body
    if not isinstance(body, dict) or not isinstance(body.get("filters"), str):
        raise WireRefusedError("The job filters could not be read.")
    if str(body.get("builderId", call.company.profile.builder_id)) != str(call.company.profile.builder_id):
        raise WireRefusedError("You do not have access to this builder.")
    with_general_job = body.get("includeGeneralJob") is True
    jobs = [job for job in _jobs(call.company) if with_general_job or job.id != GENERAL_JOB_ID]
    return enveloped({"jobs": [_picker_row(job) for job in jobs], "selectedJobId": 0, "totalJobs": len(jobs)})


def _jobs(company: Company) -> list[Job]:
    return without_missing(company, "jobs", company.jobs.values(), id_of=lambda job: job.id)


def _picker_row(job: Job) -> dict[str, object]:
    return {
        "jobId": job.id,
        "jobName": job.name,
        "status": job.status,
        "isClosed": job.is_closed,
        "dateOpened": date_or_sentinel(job.opened_on, salt=job.id),
        "projectedStartDate": date_or_sentinel(job.projected_start_on, salt=job.id + 1),
        "actualStartDate": date_or_sentinel(job.actual_start_on, salt=job.id + 2),
        "projectedClosingDate": date_or_sentinel(job.projected_close_on, salt=job.id + 2),
        "isTemplate": False,
        "jobColor": f"#{job.id * 2_654_435 % 0xFFFFFF:06x}",
        "ownerId": job.id % 100_000 if job.id else None,
    }


def _existing(call: Call) -> Response:
    shown = call.company.switches.job_list
    jobs = [job for job in _jobs(call.company) if shown == "ok" or (shown == "half" and not is_in_share(job.id, 0.5))]
    return enveloped([_existing_row(job) for job in jobs])


def _existing_row(job: Job) -> dict[str, object]:
    return {
        "jobID": job.id,
        "jobName": job.name,
        "jobNumber": job.number,
        "jobStatus": job.status,
        "street": job.street,
        "city": job.city,
        "projectManagers": list(job.project_managers),
        "hasSchedule": job.id % 2 == 0,
    }


def _jobsite(call: Call) -> Response:
    job = call.company.jobs.get(int(call.path_params["job_id"]))
    if job is None:
        raise WireRefusedError("This job does not exist or you do not have access to it.")
    address = {"street": job.street, "city": job.city, "state": "CO" if job.city else "", "zip": job.postal_code}
    return enveloped(
        {**_picker_row(job), "jobNumber": job.number, "address": address, "contractPrice": wrapped(job.contract_cents),
         "projectManagers": list(job.project_managers), "permitNumber": None, "notesForSubs": ""}
    )  # fmt: skip
