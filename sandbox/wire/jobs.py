"""Jobs in their three spellings: the job picker (`jobId`), the existing-job list (`jobID`) and one job in full."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.faults.rows import is_in_share, without_missing
from sandbox.model import GENERAL_JOB_ID, STATUS_CLOSED, STATUS_OPEN, STATUS_PRESALE, STATUS_WARRANTY, Job
from sandbox.wire.call import Call, WireRefusedError, enveloped
from sandbox.wire.gate import wire_route
from sandbox.wire.grid import page_of, read_grid_query
from sandbox.wire.values import date_or_sentinel, wrapped

STATUS_WORDS = {STATUS_CLOSED: "Closed", STATUS_OPEN: "Open", STATUS_WARRANTY: "Warranty", STATUS_PRESALE: "Presale"}


def routes() -> list[Route]:
    return [
        wire_route("/api/jobpicker/GetJobPickerData", _picker, method="POST"),
        wire_route("/api/jobpicker/GetExistingJobList", _existing, method="GET"),
        wire_route("/api/jobsites/{job_id:int}", _jobsite, method="GET"),
        wire_route("/api/Jobsites/Grid", _grid, method="POST"),
    ]


def _picker(call: Call) -> Response:
    """Takes the long body, which has filters, or the short one, which has a search term (J1)."""
    body = call.body
    if not isinstance(body, dict) or not isinstance(body.get("filters", body.get("searchTerm")), str):
        raise WireRefusedError("The job filters could not be read.")
    if str(body.get("builderId", call.company.profile.builder_id)) != str(call.company.profile.builder_id):
        raise WireRefusedError("You do not have access to this builder.")
    asked = body.get("includeGeneralJob") is True or body.get("showGeneral") is True
    with_general_job = asked and call.company.switches.general_job == "listed"
    jobs = [job for job in _jobs(call.company) if with_general_job or job.id != GENERAL_JOB_ID]
    rows = [*_no_job(call.company, jobs), *(_picker_row(job) for job in jobs)]
    return enveloped({"jobs": rows, "selectedJobId": 0, "totalJobs": len(jobs)})


def _no_job(company: Company, jobs: list[Job]) -> list[dict[str, object]]:
    """The row that stands first and is no job (J2); its id nobody recorded [C]."""
    stated = company.switches.jobs_row
    if stated == "none":
        return []
    dates = dict.fromkeys(("dateOpened", "projectedStartDate", "actualStartDate", "projectedClosingDate"))
    count = sum(job.id != GENERAL_JOB_ID for job in jobs)
    return [
        {
            "jobId": None if stated == "null" else int(stated),
            "jobName": f"View {count} Jobsites",
            "status": 1,
            "isClosed": False,
            **dates,
            "isTemplate": False,
            "jobColor": None,
            "ownerId": None,
        }
    ]


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
        "jobStatus": STATUS_WORDS.get(job.status, ""),
        "street": job.street,
        "city": job.city,
        "projectManagers": list(job.project_managers),
        "hasSchedule": job.id % 2 == 0,
    }


def _grid(call: Call) -> Response:
    """The jobs page's grid, where a role may open it (J5); its page number is a number (G8)."""
    if not call.company.switches.jobs_grid:
        raise WireRefusedError("You do not have access to this feature.")
    query = read_grid_query(call.body, page_number="number")
    jobs = [job for job in sorted(_jobs(call.company), key=lambda job: job.name) if job.id != GENERAL_JOB_ID]
    page, facts = page_of(jobs, query, total_pages=call.company.switches.total_pages)
    return enveloped({"data": [_jobsite_row(job) for job in page], **facts})


def _jobsite(call: Call) -> Response:
    job = call.company.jobs.get(int(call.path_params["job_id"]))
    if job is None:
        raise WireRefusedError("This job does not exist or you do not have access to it.")
    return enveloped(_jobsite_row(job))


def _jobsite_row(job: Job) -> dict[str, object]:
    address = {"street": job.street, "city": job.city, "state": "CO" if job.city else "", "zip": job.postal_code}
    return {
        **_picker_row(job),
        "jobNumber": job.number,
        "address": address,
        "contractPrice": wrapped(job.contract_cents),
        "projectManagers": list(job.project_managers),
        "permitNumber": None,
        "notesForSubs": "",
        "customFields": [{"id": 1, "name": "Permit", "value": None}],
    }
