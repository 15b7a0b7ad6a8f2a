"""The grid protocol: paging with a page number in a string, filters as JSON in a string, rows inside `data.data`.

No source confirms which sort column is which. Our own choice [C] (G15): "1" = the first column of the entity (start of
shifts, last name of users), "2" = worker, "11" = job; anything else is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from sandbox.wire.call import WireRefusedError

ALL_TIME = 2_147_483_647
CUSTOM_RANGE = 0
DATE_FILTER = "12"

T = TypeVar("T")


class _GridRequest(BaseModel):
    model_config = ConfigDict(extra="allow")

    selectedColumns: list[StrictStr] = []
    sortColumn: StrictStr = "1"
    sortDirection: Literal["asc", "desc"] = "asc"


class _PagingData(BaseModel):
    model_config = ConfigDict(extra="allow")

    pageNumber: Annotated[StrictStr, Field(pattern=r"^[1-9]\d{0,6}$")] | Annotated[StrictInt, Field(ge=1)]
    pageSize: StrictInt = Field(ge=1, le=5000)
    totalRowsAllPages: StrictInt = 0


class _GridBody(BaseModel):
    model_config = ConfigDict(extra="allow")

    gridRequest: _GridRequest
    pagingData: _PagingData
    filters: StrictStr = "{}"
    jobIds: list[StrictInt] | None = None
    includeGeneralJobItems: bool = False


@dataclass(frozen=True, slots=True)
class DateRange:
    """A custom range of local days; None is an open end."""

    start: str | None
    end: str | None

    def holds(self, wall_time: str) -> bool:
        day = wall_time[:10]
        return (self.start is None or day >= self.start) and (self.end is None or day <= self.end)


@dataclass(frozen=True, slots=True)
class GridQuery:
    """A grid request as understood; `dates` None means all time.

    `page_size` is what was asked for, `asked_rows` the total that the client stated.
    """

    sort_column: str
    descending: bool
    page: int
    page_size: int
    asked_rows: int
    columns: frozenset[str]
    job_ids: frozenset[int]
    with_general_job: bool
    dates: DateRange | None


def read_grid_query(body: Any, *, page_number: Literal["text", "number"] = "text") -> GridQuery:
    """Raises WireRefusedError for what the real grid would refuse, such as a page number of the other form (G8)."""
    try:
        grid = _GridBody.model_validate(body)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "request"
        raise WireRefusedError(f"The grid request is not valid: {place}.") from error
    if isinstance(grid.pagingData.pageNumber, str) is not (page_number == "text"):
        raise WireRefusedError("The grid request is not valid: pagingData.pageNumber.")
    return GridQuery(
        sort_column=grid.gridRequest.sortColumn,
        descending=grid.gridRequest.sortDirection == "desc",
        page=int(grid.pagingData.pageNumber),
        page_size=grid.pagingData.pageSize,
        asked_rows=grid.pagingData.totalRowsAllPages,
        columns=frozenset(grid.gridRequest.selectedColumns),
        job_ids=frozenset(grid.jobIds or ()),
        with_general_job=grid.includeGeneralJobItems,
        dates=_date_range(grid.filters),
    )


def page_of(
    rows: Sequence[T], query: GridQuery, *, total_pages: Literal["asked", "records"] = "asked"
) -> tuple[Sequence[T], dict[str, int]]:
    """The rows of the page (none after the last one) and its paging facts.

    `totalPages` is computed from what the client stated, and never less than one (G6), or from the rows.
    """
    start = (query.page - 1) * query.page_size
    asked = query.asked_rows // query.page_size + 1
    facts = {
        "totalPages": asked if total_pages == "asked" else -(-len(rows) // query.page_size),
        "records": len(rows),
        "page": query.page,
        "pageSize": query.page_size,
    }
    return rows[start : start + query.page_size], facts


def _date_range(filters: str) -> DateRange | None:
    try:
        outer = json.loads(filters or "{}")
        inner = json.loads(outer.get(DATE_FILTER) or f'{{"SelectedValue":{ALL_TIME}}}')
        selected, start, end = inner["SelectedValue"], inner.get("StartDate"), inner.get("EndDate")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise WireRefusedError("The filters could not be read.") from error
    if selected == ALL_TIME:
        return None
    if selected != CUSTOM_RANGE:
        raise WireRefusedError(f"The date filter {selected} is not known.")
    return DateRange(*(None if value is None else str(value)[:10] for value in (start, end)))
