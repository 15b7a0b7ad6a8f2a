"""A Buildertrend job as the canonical record of `protiv.jobs`."""

from __future__ import annotations

from schemas.catalogue import JOBS
from schemas.codec import Record
from streams.normalise.envelope import envelope
from streams.normalise.times import day
from streams.normalise.values import identifier, text

GENERAL_JOB_ID = "0"
_STATUS = {0: "closed", 1: "open", 3: "warranty", 4: "presale"}


def normalise_job(change: Record) -> Record:
    """`status` decides, not `isClosed`: they disagree on some jobs and the status is right."""
    job = change["after"]
    projected_start = day(job["projectedStartDate"], "projected start")
    actual_start = day(job["actualStartDate"], "actual start")
    return envelope(JOBS, change) | {
        "name": text(job["jobName"], "job name"),
        "number": text(job["jobNumber"], "job number"),
        "status": _STATUS.get(job["status"], "unknown"),
        "street": text(job["street"], "street"),
        "opened_on": day(job["dateOpened"], "opening date"),
        "starts_on": projected_start if actual_start is None else actual_start,
        "projected_close_on": day(job["projectedClosingDate"], "projected closing date"),
        "is_general": identifier(job["jobId"], "job id") == GENERAL_JOB_ID,
    }
