"""Request bodies with the quirks that the endpoints require: numbers as strings, JSON inside JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from producers.buildertrend.answers import Json

PAGE_SIZE = 200
ALL_TIME = 2147483647
TIME_CLOCK_STATE = 19
# G15: presumed to be the shift's start; a grid that sorts otherwise is noticed and read whole.
TIME_IN_COLUMN = "1"
# G12: columns that are not selected come back null or 0 (G11).
TIME_CLOCK_COLUMNS = ("1", "2", "11", "3", "4", "5", "40", "6", "7", "9", "29", "46", "24", "23", "39", "10")
_DATE_FILTER = "12"


@dataclass(frozen=True, slots=True)
class GridView:
    """Which grid is asked, in what order and for which rows."""

    empty_state_entity: int
    columns: Sequence[str]
    sort_column: str
    sort_direction: str
    filters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobBatch:
    """The jobs whose rows a grid is asked for (G2), and whether those of General come with them (G4)."""

    job_ids: Sequence[int] = ()
    with_general: bool = True


@dataclass(frozen=True, slots=True)
class PageAsk:
    """Which page of a grid is asked for, by how many rows a page, and how many rows the grid has, where known."""

    number: int = 1
    size: int = PAGE_SIZE
    records: int | None = None


def grid(ask: PageAsk, view: GridView, batch: JobBatch) -> Json:
    """The body of `POST /api/<Entity>/Grid` (G1); `pageNumber` is text (G8), `pageSize` a number."""
    return {
        "gridRequest": {
            "hideMultiJobsColumns": False,
            "selectedColumns": list(view.columns),
            "sortColumn": view.sort_column,
            "sortDirection": view.sort_direction,
            "hasFooter": False,
            "emptyStateEntity": view.empty_state_entity,
            "savedViewId": -1,
        },
        "pagingData": {
            "pageNumber": str(ask.number),
            "pageSize": ask.size,
            "resetScroll": False,
            "firstRow": (ask.number - 1) * ask.size + 1,
            "lastRow": ask.number * ask.size,
            "totalRowsAllPages": ask.size if ask.records is None else ask.records,
            "currentPage": ask.number,
        },
        "filters": json.dumps(view.filters),
        "jobIds": list(batch.job_ids),
        "includeGeneralJobItems": batch.with_general,
    }


def shifts(batch: JobBatch, ask: PageAsk) -> Json:
    """Shifts of these jobs, newest start first. Of all time: a custom range has been seen to return nothing (G10)."""
    all_time = json.dumps({"SelectedValue": ALL_TIME, "StartDate": None, "EndDate": None})
    view = GridView(TIME_CLOCK_STATE, TIME_CLOCK_COLUMNS, TIME_IN_COLUMN, "desc", {_DATE_FILTER: all_time})
    return grid(ask, view, batch)


def job_picker(builder_id: str) -> Json:
    """All jobs, the General one too [A, save includeGeneralJob: C]."""
    filters: dict[str, Any] = {"1": "", "2": "", "3": "5,1,7,2", "7": ""}
    return {
        "filters": json.dumps(filters),
        "displayMode": 2,
        "jobSortChoice": 1,
        "selectedJobId": 0,
        "isExpanded": True,
        "templatesOnly": False,
        "selectMode": 2,
        "useJobInSession": False,
        "allowGlobalJob": False,
        "includeGeneralJob": True,
        "builderId": builder_id,
        "includeCounts": False,
    }


def short_job_picker() -> Json:
    """The same in the short form [A]."""
    return {"searchTerm": "", "showTemplates": False, "showGeneral": True}


def budget(job_id: int) -> Json:
    """One job's budget, every status and type of line [B]."""
    filters = {"5": "", "6": "", "9": "0,1,2,3,4,5,6,7,8,9", "10": "-1,1,2,3,4,7", "11": "1,4,3,0"}
    return {"jobId": job_id, "filter": json.dumps(filters)}
