"""Company-wide reports, a row a job: in one request they tell which jobs' budgets moved (B5)."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.model import STATUS_CLOSED, STATUS_OPEN, STATUS_WARRANTY, Job
from sandbox.wire.budgets import lines_by_job
from sandbox.wire.call import Call, WireRefusedError, enveloped, plain
from sandbox.wire.gate import wire_route
from sandbox.wire.jobs import STATUS_WORDS
from sandbox.wire.values import amount, wrapped

_PATH = "/apix/v3/Reporting"
_LIMITS = {STATUS_OPEN: "openJobLimit", STATUS_CLOSED: "closedJobLimit", STATUS_WARRANTY: "warrantyJobLimit"}


def routes() -> list[Route]:
    return [
        wire_route(f"{_PATH}/work-in-progress", _work_in_progress, method="GET"),
        wire_route(f"{_PATH}/profitability", _profitability, method="GET"),
    ]


def _work_in_progress(call: Call) -> Response:
    return _report(call, [{"jobID": job.id, **_figures(call.company, job)} for job in _jobs(call)])


def _profitability(call: Call) -> Response:
    rows = []
    for job in _jobs(call):
        figures = _figures(call.company, job)
        figures["revisedContractPrice"] = figures.pop("contractPrice")
        rows.append({"jobId": job.id, **figures})
    return _report(call, rows)


def _jobs(call: Call) -> list[Job]:
    """The newest jobs of each status, as many as its limit asks for; without a limit none."""
    chosen: list[Job] = []
    newest = sorted(call.company.jobs.values(), key=lambda job: -job.id)
    for status, name in _LIMITS.items():
        limit = call.query.get(name, "0")
        if not limit.isdigit():
            raise WireRefusedError(f"{name} must be a number.")
        chosen += [job for job in newest if job.id and job.status == status][: int(limit)]
    return chosen


def _figures(company: Company, job: Job) -> dict[str, object]:
    """Figures that move whenever a line of the job's budget does, unless the account's do not."""
    lines = lines_by_job(company).get(job.id, []) if company.switches.report_figures == "budgets" else []
    estimated = sum(line.projected_cents + line.revised_cents + line.original_cents for line in lines) // 3
    actual = sum(line.actual_cents for line in lines)
    percent = min(100.0, round(100 * actual / estimated, 2)) if estimated > 0 else 0.0
    return {
        "jobName": job.name,
        "jobStatus": STATUS_WORDS.get(job.status, ""),
        "contractPrice": wrapped(job.contract_cents),
        "originalBudget": amount(sum(line.original_cents for line in lines)),
        "revisedBudget": amount(sum(line.revised_cents for line in lines)),
        "estimatedCost": amount(estimated),
        "committedCost": amount(sum(line.committed_cents for line in lines)),
        "actualCost": amount(actual),
        "percentComplete": percent,
        "earnedRevenue": round(job.contract_cents / 100 * percent / 100, 2),
    }


def _report(call: Call, rows: list[dict[str, object]]) -> Response:
    if call.company.switches.report_rows == "data":
        return enveloped(rows)
    return plain({"rowData": rows, "totals": {}})
