"""Job costing budgets and the cost codes of a job's budget; neither is wrapped in the envelope by default."""

from __future__ import annotations

from collections import defaultdict

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.faults.rows import without_missing
from sandbox.model import BudgetLine, CostCode
from sandbox.wire.call import Call, WireRefusedError, enveloped, plain
from sandbox.wire.gate import wire_route
from sandbox.wire.values import money, nothing_as

_PATH = "/apix/v2/JobCostingBudget"


def routes() -> list[Route]:
    return [
        wire_route(_PATH, _budget, method="POST"),
        wire_route(f"{_PATH}/budget-cost-codes", _cost_codes, method="GET"),
    ]


def lines_by_job(company: Company) -> dict[int, list[BudgetLine]]:
    """Budget lines of each job that has any and exists, in order of id."""

    def compute() -> dict[int, list[BudgetLine]]:
        grouped: dict[int, list[BudgetLine]] = defaultdict(list)
        for line in sorted(company.budget_lines.values(), key=lambda line: line.id):
            if line.job_id in company.jobs and line.cost_code_id in company.cost_codes:
                grouped[line.job_id].append(line)
        return dict(grouped)

    return company.derived("budget-lines-by-job", compute)


def codes_by_job(company: Company) -> dict[int, list[CostCode]]:
    """Cost codes of each job's budget. Codes in no budget are listed with the first one if they are listed at all."""

    def compute() -> dict[int, list[CostCode]]:
        grouped = {
            job_id: [company.cost_codes[code_id] for code_id in dict.fromkeys(line.cost_code_id for line in lines)]
            for job_id, lines in lines_by_job(company).items()
        }
        used = {code.id for codes in grouped.values() for code in codes}
        for job_id in sorted(grouped)[:1]:
            unused = (code for code in company.cost_codes.values() if code.id not in used)
            grouped[job_id] += [code for code in unused if code.is_listed]
        return grouped

    return company.derived("cost-codes-by-job", compute)


def _budget(call: Call) -> Response:
    job_id = call.body.get("jobId") if isinstance(call.body, dict) else None
    if not isinstance(job_id, int):
        raise WireRefusedError("The job id is missing.")
    if not isinstance(call.body.get("filter", ""), str):
        raise WireRefusedError("The filter could not be read.")
    if job_id in call.company.switches.silent_jobs:
        return HTMLResponse("<html><body>Server Error</body></html>", 500)
    lines = without_missing(
        call.company, "budgets", lines_by_job(call.company).get(job_id, []), id_of=lambda line: line.id
    )
    by_category: dict[str, list[BudgetLine]] = defaultdict(list)
    for line in lines:
        by_category[call.company.cost_codes[line.cost_code_id].category].append(line)
    categories = [
        {
            "id": index + 1,
            "title": title,
            "costCodes": [_budget_row(call.company, line) for line in of_category],
            "totalValues": _totals(of_category, salt=index),
            "isExpanded": True,
        }
        for index, (title, of_category) in enumerate(by_category.items())
    ]
    answer = {"jobId": job_id, "totalValues": _totals(lines, salt=job_id), "costCategories": categories}
    answer = nothing_as(answer, "costCategories", call.company.switches.empty_budget)
    return enveloped(answer) if call.company.switches.budget_place == "data" else plain(answer)


def _budget_row(company: Company, line: BudgetLine) -> dict[str, object]:
    return {
        "id": line.cost_code_id,
        "title": company.cost_codes[line.cost_code_id].title,
        "originalBudgetCosts": money(line.original_cents, salt=line.id),
        "revisedBudgetCosts": money(line.revised_cents, salt=line.id),
        "committedCosts": money(line.committed_cents, salt=line.id + 1),
        "actualCosts": money(line.actual_cents, salt=line.id + 1),
        "projectedCosts": money(line.projected_cents, salt=line.id + 2),
        "builderVariance": money(line.revised_cents - line.projected_cents, salt=line.id + 2),
        "costType": "Labor" if line.id % 2 else "Material",
        "isOverBudget": line.actual_cents > line.revised_cents,
        "lineItemCount": 1 + line.id % 4,
    }


def _totals(lines: list[BudgetLine], *, salt: int) -> dict[str, object]:
    return {
        "originalBudgetCosts": money(sum(line.original_cents for line in lines), salt=salt),
        "revisedBudgetCosts": money(sum(line.revised_cents for line in lines), salt=salt),
        "committedCosts": money(sum(line.committed_cents for line in lines), salt=salt),
        "actualCosts": money(sum(line.actual_cents for line in lines), salt=salt),
        "projectedCosts": money(sum(line.projected_cents for line in lines), salt=salt),
    }


def _cost_codes(call: Call) -> Response:
    try:
        job_id = int(call.query.get("jobId", ""))
    except ValueError as error:
        raise WireRefusedError("The job id is missing.") from error
    names = ("id", "code", "title")
    if call.company.switches.cost_code_fields == "costCodeId-displayCode-name":
        names = ("costCodeId", "displayCode", "name")
    rows = [
        {**dict(zip(names, (code.id, code.code, code.title), strict=True)), "hasBudget": True}
        for code in without_missing(
            call.company, "cost-codes", codes_by_job(call.company).get(job_id, []), id_of=lambda code: code.id
        )
    ]
    switches = call.company.switches
    if not rows and switches.empty_codes == "no-data":
        return enveloped(None)
    shown = "empty" if switches.empty_codes == "no-data" else switches.empty_codes
    answer = nothing_as({"costCodesWithBudget": rows}, "costCodesWithBudget", shown)
    return enveloped(answer) if call.company.switches.cost_code_place == "data" else plain(answer)
