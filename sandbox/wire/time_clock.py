"""Time Clock shifts. Sort column "1" is the time-in date [C]: with `desc` the newest shifts come first."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.faults.paging import page_through_faults
from sandbox.model import GENERAL_JOB_ID, Shift
from sandbox.shift_views import SORT_COLUMNS, shifts_in_order
from sandbox.wire.call import Call, WireRefusedError, enveloped
from sandbox.wire.gate import wire_route
from sandbox.wire.grid import GridQuery, read_grid_query
from sandbox.wire.shift_rows import shift_row

_GRID_TYPE = "29"


def routes() -> list[Route]:
    return [wire_route("/api/TimeClock/Grid", _grid, method="POST")]


def _grid(call: Call) -> Response:
    if call.query.get("gridType") != _GRID_TYPE:
        raise WireRefusedError("The grid type is not valid.")
    query = read_grid_query(call.body)
    if query.sort_column not in SORT_COLUMNS:
        raise WireRefusedError(f"The sort column {query.sort_column} is not known.")
    shifts, facts = page_through_faults(call.company, "time-entries", _chosen(call.company, query), query)
    return enveloped({"data": [shift_row(call.company, shift) for shift in shifts], **facts})


def _chosen(company: Company, query: GridQuery) -> list[Shift]:
    """The shifts of the query in its order, cached until the company's next write."""
    if query.dates is not None and company.switches.custom_range_returns_nothing:
        return []
    key = ("shifts", query.sort_column, query.descending, query.job_ids, query.with_general_job, query.dates)
    return company.derived(key, lambda: _filtered(company, query))


def _filtered(company: Company, query: GridQuery) -> list[Shift]:
    def wanted(shift: Shift) -> bool:
        if shift.job_id == GENERAL_JOB_ID:
            in_jobs = query.with_general_job
        else:
            in_jobs = query.job_ids is None or shift.job_id in query.job_ids
        return in_jobs and (query.dates is None or query.dates.holds(shift.time_in))

    in_order = shifts_in_order(company, query.sort_column, descending=query.descending)
    return [shift for shift in in_order if wanted(shift)]
