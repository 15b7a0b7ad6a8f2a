"""Time Clock shifts of the jobs that are asked for. Sort column "1" is the start [C] (G15): `desc` is newest first."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.faults.paging import page_through_faults
from sandbox.model import GENERAL_JOB_ID, Shift
from sandbox.shift_views import SORT_COLUMNS, shifts_in_order
from sandbox.switches import Switches
from sandbox.wire.call import Call, WireRefusedError, WireStatusError, enveloped
from sandbox.wire.columns import COLUMNS, TOTAL, blanks_for
from sandbox.wire.gate import wire_route
from sandbox.wire.grid import GridQuery, read_grid_query
from sandbox.wire.shift_rows import shift_row

_GRID_TYPE = "29"


def routes() -> list[Route]:
    return [wire_route("/api/TimeClock/Grid", _grid, method="POST")]


def _grid(call: Call) -> Response:
    if call.query.get("gridType") != _GRID_TYPE:
        raise WireRefusedError("The grid type is not valid.")
    switches = call.company.switches
    query = read_grid_query(call.body, page_number=switches.page_number)
    if query.sort_column not in SORT_COLUMNS:
        raise WireRefusedError(f"The sort column {query.sort_column} is not known.")
    _check_load(switches, query)
    query = replace(query, page_size=min(query.page_size, switches.most_page_size or query.page_size))
    shifts, facts = page_through_faults(call.company, "time-entries", _chosen(call.company, query), query)
    blanks = _blanks(switches, query)
    return enveloped({"data": [shift_row(call.company, shift) | blanks for shift in shifts], **facts})


def _check_load(switches: Switches, query: GridQuery) -> None:
    """Raises what a list that is too long (G5) or a query over too much (R6, G9) is answered with."""
    if switches.most_job_ids is not None and len(query.job_ids) > switches.most_job_ids:
        if switches.long_list_answer == "refused":
            raise WireRefusedError("Something went wrong. Please try again.")
        raise WireStatusError(int(switches.long_list_answer))
    most = switches.sql_timeout_jobs
    if most is not None and (len(query.job_ids) > most or not query.job_ids):
        raise WireStatusError(500)
    if switches.sql_timeout_rows is not None and query.page_size > switches.sql_timeout_rows:
        raise WireStatusError(500)


def _blanks(switches: Switches, query: GridQuery) -> dict[str, object]:
    """Fields of columns that are not selected; of the total that nobody selects, in any case (T10)."""
    return blanks_for(query.columns if switches.unselected_columns == "null" else COLUMNS.keys() - {TOTAL})


def _chosen(company: Company, query: GridQuery) -> list[Shift]:
    """The shifts of the query in its order, cached until the company's next write."""
    switches = company.switches
    if query.dates is not None and switches.custom_range_returns_nothing:
        return []
    if not query.job_ids and switches.no_job_ids == "nothing":
        return []
    key = (
        "shifts",
        query.sort_column,
        query.descending,
        query.job_ids,
        query.with_general_job,
        query.dates,
        switches.no_job_ids,
        switches.other_time_sheets,
    )
    return company.derived(key, lambda: _filtered(company, query))


def _filtered(company: Company, query: GridQuery) -> list[Shift]:
    """Shifts of the jobs asked for, and of General if it is asked for (G2, G3, G4)."""
    every_job = not query.job_ids and company.switches.no_job_ids == "everything"
    own = None if company.switches.other_time_sheets else min(company.users, default=0)

    def wanted(shift: Shift) -> bool:
        if shift.job_id == GENERAL_JOB_ID:
            in_jobs = query.with_general_job
        else:
            in_jobs = every_job or shift.job_id in query.job_ids
        in_dates = query.dates is None or query.dates.holds(shift.time_in)
        return in_jobs and in_dates and own in (None, shift.user_id)

    in_order = shifts_in_order(company, query.sort_column, descending=query.descending)
    return [shift for shift in in_order if wanted(shift)]
