"""Request bodies with the quirks that the endpoints require: numbers as strings, JSON inside JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from producers.buildertrend.answers import Json

PAGE_SIZE = 200
ALL_TIME = 2147483647
TIME_CLOCK_STATE = 19
INTERNAL_USERS_STATE = 11  # [C]
TIME_IN_COLUMN = "1"  # [C] Presumed to be the shift's start; a grid that sorts otherwise is noticed and read whole.
_DATE_FILTER = "12"


@dataclass(frozen=True, slots=True)
class GridView:
    """Which grid is asked, in what order and for which rows."""

    empty_state_entity: int
    sort_column: str
    sort_direction: str
    filters: Mapping[str, Any]


def grid(page: int, page_size: int, view: GridView) -> Json:
    """The body of `POST /api/<Entity>/Grid` [A]; `pageNumber` is a string, `pageSize` a number [B]."""
    return {
        "gridRequest": {
            "hideMultiJobsColumns": False,
            "selectedColumns": [str(number) for number in range(1, 21)],
            "sortColumn": view.sort_column,
            "sortDirection": view.sort_direction,
            "hasFooter": False,
            "emptyStateEntity": view.empty_state_entity,
            "savedViewId": -1,
        },
        "pagingData": {
            "pageNumber": str(page),
            "pageSize": page_size,
            "resetScroll": False,
            "firstRow": (page - 1) * page_size + 1,
            "lastRow": page * page_size,
            "totalRowsAllPages": page_size,
            "currentPage": page,
        },
        "filters": json.dumps(view.filters),
        "jobIds": [],
        "includeGeneralJobItems": True,
    }


def shifts(page: int, page_size: int = PAGE_SIZE) -> Json:
    """All shifts, newest start first; custom date ranges are unreliable [B]: dates are filtered after fetching."""
    all_time = json.dumps({"SelectedValue": ALL_TIME, "StartDate": None, "EndDate": None})
    return grid(page, page_size, GridView(TIME_CLOCK_STATE, TIME_IN_COLUMN, "desc", {_DATE_FILTER: all_time}))


def users(page: int, page_size: int = PAGE_SIZE) -> Json:
    """All internal users, active or not [C]."""
    return grid(page, page_size, GridView(INTERNAL_USERS_STATE, "1", "asc", {}))


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


def budget(job_id: int) -> Json:
    """One job's budget, every status and type of line [B]."""
    filters = {"5": "", "6": "", "9": "0,1,2,3,4,5,6,7,8,9", "10": "-1,1,2,3,4,7", "11": "1,4,3,0"}
    return {"jobId": job_id, "filter": json.dumps(filters)}
