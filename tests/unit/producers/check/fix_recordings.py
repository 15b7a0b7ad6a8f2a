"""Recordings as a browser exports them, made by hand: entries, answers of each endpoint, shifts as captured."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from producers.buildertrend.check.checker import Checked
from producers.buildertrend.check.har import Har

HOST = "https://buildertrend.net"
ALL_TIME = json.dumps({"SelectedValue": 2147483647, "StartDate": None, "EndDate": None})
COLUMNS = ["1", "2", "11", "3", "4", "5", "40", "6", "7", "9", "29", "46", "24", "23", "39", "10"]


def shift(**changes: Any) -> dict[str, Any]:
    """A row of the time clock in the shape of captured ones: a General shift of 87 minutes."""
    row = {
        "id": 90000001,
        "jobId": None,
        "builderId": 60001,
        "userID": 7700001,
        "jobName": "General",
        "name": "Ana Diaz",
        "timeIn": {
            "jobId": 0,
            "timeStamp": "2026-04-18T08:02:00",
            "location": {"latitude": 40.0150, "longitude": -105.2705},
            "outOfBounds": False,
        },
        "timeOut": {"timeStamp": "2026-04-18T09:29:00", "location": None},
        "breakTime": {"breakTime": 0, "isOnBreak": False},
        "regularTime": 87,
        "overTime": 0,
        "doubleOverTime": 0,
        "personalTimeOff": 0,
        "totalWorkTime": 0,
        "approvalStatus": {"isApproved": True, "updatedDate": "2026-05-07T16:43:54.66", "updatedById": 7700002},
        "builderCost": {"value": 36.25, "scale": 2},
        "rate": "$25.00",
        "costCodes": [{"id": 5500001, "costCodeTitle": "04 Concrete", "totalMinutes": 87, "useDecimal": False}],
        "locationInfo": None,
        "notes": "",
        "tags": [],
    }
    return copy.deepcopy(row) | changes


def asked(**changes: Any) -> dict[str, Any]:
    """The page's request for shifts."""
    return {
        "gridRequest": {
            "selectedColumns": COLUMNS,
            "sortColumn": "1",
            "sortDirection": "desc",
            "emptyStateEntity": 19,
            "savedViewId": -1,
        },
        "pagingData": {"pageNumber": "1", "pageSize": 200, "totalRowsAllPages": 200},
        "filters": json.dumps({"12": ALL_TIME}),
        "jobIds": [9001234],
        "includeGeneralJobItems": True,
        **changes,
    }


def enveloped(data: Any, **changes: Any) -> dict[str, Any]:
    return {"success": True, "message": None, "needsToRelogin": False, "data": data, **changes}


def page_of(rows: list[Any], **changes: Any) -> dict[str, Any]:
    """A page of a grid with these rows: the last one, if nothing else is stated."""
    facts = {"totalPages": 2, "records": len(rows), "page": 1, "pageSize": 200, **changes}
    return enveloped({"data": rows, **facts})


def entry(method: str, path: str, answer: Any, body: Any = None, **response: Any) -> dict[str, Any]:
    """An entry of a HAR; `answer` is text or anything that JSON takes. `response` replaces parts of the response."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    request: dict[str, Any] = {"method": method, "url": HOST + path, "headers": [], "cookies": []}
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
    content = {"size": len(text), "mimeType": "application/json", "text": text}
    found = {"status": 200, "headers": [], "content": content, "redirectURL": "", **response}
    return {"startedDateTime": "2026-04-18T08:00:00.000Z", "time": 12.5, "request": request, "response": found}


def shifts_entry(rows: list[Any], body: Any = None, **changes: Any) -> dict[str, Any]:
    return entry("POST", "/api/TimeClock/Grid?gridType=29", page_of(rows, **changes), body or asked())


def everything() -> list[dict[str, Any]]:
    """An answer of each endpoint that the adapter reads, all as known."""
    line = {"id": 5500001, "title": "04 Concrete", "originalBudgetCosts": 1200.5}
    worksheet = {"id": 1, "lineItemType": 10, "costCodeTitle": "04 Concrete", "unit": "HR", "quantity": 4}
    info = {"builderId": 60001, "builderName": "Acme Homes", "appDefaultInfo": {"sessionTimeoutMinutes": 60}}
    return [
        entry("GET", "/api/AccountInfo/GlobalInfo", enveloped(info)),
        entry(
            "POST",
            "/api/jobpicker/GetJobPickerData",
            enveloped({"jobs": [{"jobId": 9001234, "jobName": "Maple 12", "status": 1, "isClosed": False}]}),
            {"searchTerm": ""},
        ),
        entry("GET", "/api/jobpicker/GetExistingJobList", enveloped([{"jobID": 9001234, "jobNumber": "12"}])),
        shifts_entry([shift()]),
        entry(
            "POST",
            "/apix/v2/JobCostingBudget",
            {"costCategories": [{"title": "Concrete", "costCodes": [line]}]},
            {"jobId": 9001234},
        ),
        entry(
            "GET",
            "/apix/v2/JobCostingBudget/budget-cost-codes?jobId=9001234",
            {"costCodesWithBudget": [{"id": 5500001, "title": "04 Concrete"}]},
        ),
        entry(
            "GET",
            "/api/Proposals/9001234/Worksheet",
            enveloped({"formatData": [{"title": "Concrete", "lineItems": [worksheet], "subGroups": []}]}),
        ),
    ]


def written(folder: Path, entries: Iterable[Any]) -> Path:
    """The recording as a file."""
    path = folder / "capture.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": list(entries)}}))
    return path


def checked(folder: Path, *entries: Any) -> Checked:
    """The recording, looked at."""
    found = Checked("har")
    found.take(Har(written(folder, entries)).exchanges())
    return found
