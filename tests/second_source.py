"""A second simulated Buildertrend, written from docs/wire.md alone: it shares no line and no idea with `sandbox`.

It answers only what that page states, in the form that it states, and refuses whatever the page calls needed. What we
believe by mistake may be in the sandbox and in the reader alike; here it is not.
"""

from __future__ import annotations

import json
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.second_company import STATUSES, Job, SecondCompany, Shift, stated_minutes

USERNAME, PASSWORD = "office@tighe.example", "a right password"
BUILDER_ID = 60001
_AUTH = ".AspNet.Auth0"
_PLACE = {"latitude": 39.7317, "longitude": -104.9214}
_GLOBAL_INFO = {
    "builderId": BUILDER_ID,
    "builderName": "Tighe & Sons",
    "appDefaultInfo": {"sessionTimeoutMinutes": 90},
}
Answer = tuple[int, Any, dict[str, list[str]]]


@dataclass
class Quirks:
    """How the source behaves now; all of it is within what docs/wire.md states."""

    most_ids: int | None = None
    refusal: str = "500"
    page_size: int = 200
    empty_job_ids: str = "general"
    spelling: str = "id"
    null_containers: bool = True
    tag_objects: bool = False
    pages_total: Any = "computed"
    records_stated: bool = True
    short_page: int | None = None
    hidden_jobs: frozenset[int] = frozenset()
    no_shifts: bool = False
    blank_columns: bool = False
    no_options: bool = False
    fail: list[Callable[[str], Answer | None]] = field(default_factory=list)
    during_grid: Callable[[], None] | None = None


class SecondSource:
    """Serves one company; `url` is where it is while it serves, and `quirks` how it behaves."""

    def __init__(self, company: SecondCompany) -> None:
        self.company = company
        self.quirks = Quirks()
        self.lock = threading.RLock()
        self.url = ""
        self.requests: list[str] = []
        self.cookies = {_AUTH: "", "ASP.NET_SessionId": "", "GAESA": ""}
        self._before = ""
        self._random = random.Random(company.seed)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serves on a free port of this machine until the block is left."""

        async def endpoint(request: Request) -> Response:
            body = await request.body()
            with self.lock:
                status, payload, headers = self.answer(str(request.url), request.headers, body)
            text = payload if isinstance(payload, str) else json.dumps(payload)
            kind = "application/json" if payload is not text else "text/html"
            response = Response(text, status, media_type=kind)
            for name, values in headers.items():
                for value in values:
                    response.headers.append(name, value)
            return response

        app = Starlette(routes=[Route("/{path:path}", endpoint, methods=["GET", "POST"])])
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, server_header=False))
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            try:
                yield
            finally:
                server.should_exit = True
                thread.join()

    def answer(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What the wire answers to a request."""
        target = urlsplit(url)
        self.requests.append(target.path)
        for fault in list(self.quirks.fail):
            found = fault(target.path)
            if found is not None:
                return found
        if target.path == "/api/Login/AjaxLogin":
            return self._sign_in(json.loads(body))
        if target.path in ("/app/Landing", "/app/Login.aspx"):
            return 302, "", {"Location": [f"{self.url}/u/login"]}
        if headers.get("portaltype") != "1" or "Mozilla" not in headers.get("user-agent", ""):
            return 302, "", {"Location": ["/app/error"]}
        if not self._signed_in(headers):
            return 200, _envelope(None, success=False, relogin=True), {}
        status, payload, extra = self._endpoint(target.path, parse_qs(target.query), json.loads(body) if body else None)
        return status, payload, extra | self._renewed()

    def _signed_in(self, headers: Mapping[str, str]) -> bool:
        sent = dict(part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";"))
        mine = self.cookies[_AUTH]
        return bool(mine) and sent.get(_AUTH) in (mine, self._before) and bool(sent.get("ASP.NET_SessionId"))

    def _renewed(self) -> dict[str, list[str]]:
        """Every tenth answer renews the cookie; of the old ones only the last one still serves."""
        if len(self.requests) % 10:
            return {}
        self._before, self.cookies[_AUTH] = self.cookies[_AUTH], self._secret()
        return {"Set-Cookie": [f"{_AUTH}={self.cookies[_AUTH]}; path=/; HttpOnly", "AspTrack=1; path=/"]}

    def _secret(self) -> str:
        return f"{self._random.getrandbits(200):x}"

    def _sign_in(self, asked: dict[str, Any]) -> Answer:
        if (asked.get("username"), asked.get("password")) != (USERNAME, PASSWORD):
            return 200, _envelope(None, success=False, message="invalid username or password"), {}
        self.cookies = {name: self._secret() for name in self.cookies}
        self._before = self.cookies[_AUTH]
        cookies = [{"name": name, "value": value} for name, value in self.cookies.items()]
        return 200, _envelope({"loginSuccess": True, "Token": "t" * 40, "mobileCookies": cookies}), {}

    def _endpoint(self, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        if path == "/api/TimeClock/Grid":
            return self._grid(query, body)
        if found := re.fullmatch(r"/api/Proposals/(\d+)/Worksheet", path):
            return 200, self._worksheet(int(found[1])), {}
        if path.startswith("/apix/v3/Reporting/"):
            return 200, {"rowData": [self._report_row(job) for job in self.company.jobs.values() if job.status]}, {}
        others: dict[str, Callable[[], Any]] = {
            "/api/AccountInfo/GlobalInfo": lambda: _envelope(_GLOBAL_INFO),
            "/api/jobpicker/GetJobPickerData": lambda: _envelope({"jobs": self._picker()}),
            "/api/jobpicker/GetExistingJobList": lambda: _envelope([_listed(job) for job in self._shown_jobs()]),
            "/apix/v2/JobCostingBudget": lambda: self._budget(body["jobId"]),
            "/apix/v2/JobCostingBudget/budget-cost-codes": lambda: self._cost_codes(int(query["jobId"][0])),
            "/api/Filters/33": lambda: _envelope({"filters": [] if self.quirks.no_options else [self._options()]}),
        }
        return (200, others[path](), {}) if path in others else (404, "<html>Not found</html>", {})

    def _options(self) -> dict[str, Any]:
        """Users, beside the options of a field that has nothing to do with them."""
        users = [{"id": user, "name": name} for user, name in self.company.users.items()]
        return {"options": {"4": [{"id": 1, "name": "Approved"}]}, "users": users}

    def _report_row(self, job: Job) -> dict[str, Any]:
        total = sum((revised for _, revised, _ in self.company.budgets.get(job.id, {}).values()), Decimal(0))
        worked = sum(one.total for one in self.company.shifts.values() if one.job == job.id)
        hours = sum((line[3] for line in self.company.worksheets.get(job.id, ())), Decimal(0))
        return {
            "jobID": job.id,
            "jobName": job.name,
            "revisedContractPrice": float(total),
            "percentComplete": worked,
            "estimate": float(hours),
        }

    def _shown_jobs(self) -> list[Job]:
        return [job for job in self.company.jobs.values() if job.id not in self.quirks.hidden_jobs]

    def _picker(self) -> list[dict[str, Any]]:
        shown = self._shown_jobs()
        first = {"jobId": -1, "jobName": f"View {len(shown)} Jobsites", "status": 0, "isClosed": False}
        return [first] + [
            {
                "jobId": job.id,
                "jobName": job.name,
                "status": job.status,
                "isClosed": job.id % 7 == 0,
                "dateOpened": job.opened,
                "projectedStartDate": "0001-01-01T00:00:00",
                "actualStartDate": None,
                "projectedClosingDate": "2055-01-01T00:00:00",
            }
            for job in shown
        ]

    def _grid(self, query: dict[str, list[str]], body: Any) -> Answer:
        quirks = self.quirks
        ids = body.get("jobIds") or []
        if query.get("gridType") != ["29"] or not isinstance(body["pagingData"]["pageNumber"], str):
            return 200, _envelope(None, success=False, message="The request is not valid."), {}
        if quirks.most_ids is not None and len(ids) > quirks.most_ids:
            match quirks.refusal:
                case "success-false":
                    return 200, _envelope(None, success=False, message="Too many jobs were selected."), {}
                case status:
                    return int(status), "<html>Server Error</html>", {}
        if quirks.during_grid:
            quirks.during_grid()
        rows = self._selected(ids, bool(body.get("includeGeneralJobItems")))
        rows.sort(key=lambda one: (one.start, one.id), reverse=body["gridRequest"]["sortDirection"] == "desc")
        asked = body["pagingData"]
        page, size = int(asked["pageNumber"]), min(int(asked["pageSize"]), quirks.page_size)
        shown = rows[(page - 1) * size : page * size]
        if quirks.short_page == page:
            shown = shown[:-3]
        total = int(asked["totalRowsAllPages"]) // size + 1 if quirks.pages_total == "computed" else quirks.pages_total
        data: dict[str, Any] = {
            "data": [self._row(one) for one in shown],
            "totalPages": total,
            "page": page,
            "pageSize": size,
        }
        if quirks.records_stated:
            data["records"] = len(rows)
        return 200, _envelope(data), {}

    def _selected(self, ids: list[int], with_general: bool) -> list[Shift]:
        if self.quirks.no_shifts:
            return []
        everything = not ids and self.quirks.empty_job_ids == "everything"
        return [
            one
            for one in self.company.shifts.values()
            if (with_general if one.job is None else everything or one.job in ids)
        ]

    def _row(self, one: Shift) -> dict[str, Any]:
        blank = self.quirks.blank_columns
        return {
            "id": one.id,
            "jobId": one.job,
            "builderId": BUILDER_ID,
            "userID": one.user,
            "jobName": "General" if one.job is None else self.company.jobs[one.job].name,
            "name": (self.company.users | self.company.former)[one.user],
            **_from_until(one),
            "breakTime": {"id": one.id, "breakTime": one.rest, "useDecimal": False, "isOnBreak": False},
            "regularTime": 0 if blank else one.minutes,
            "overTime": 0 if blank else one.over,
            "doubleOverTime": 0 if blank else one.double,
            "personalTimeOff": one.off,
            "totalWorkTime": 0,
            "approvalStatus": {
                "isApproved": one.approved,
                "updatedDate": "2026-05-07T16:43:54.66",
                "updatedById": 1,
                "updatedByName": "",
            },
            "builderCost": {"value": float(one.cost), "scale": 2},
            "rate": "$25.00",
            "billableRate": None,
            "costCodes": [] if blank else self._codes(one) or (None if self.quirks.null_containers else []),
            "createdBy": {"id": 1, "displayName": ""},
            "locationInfo": _PLACE,
            "gustoSyncStatus": 0,
            "notes": one.notes,
            "tags": [{"id": 3, "name": tag} for tag in one.tags] if self.quirks.tag_objects else list(one.tags),
        }

    def _codes(self, one: Shift) -> list[dict[str, Any]]:
        return [
            {
                "id": code,
                "costCodeTitle": self.company.title(code),
                "totalMinutes": stated_minutes(minutes),
                "useDecimal": False,
            }
            for code, minutes in one.codes
        ]

    def _budget(self, job: int) -> dict[str, Any]:
        lines = self.company.budgets.get(job)
        if not lines and self.quirks.null_containers:
            return {"totalValues": None, "costCategories": None}
        categories: dict[str, list[dict[str, Any]]] = {}
        for code, (original, revised, category) in (lines or {}).items():
            row = {
                "id": code,
                "title": self.company.title(code),
                "originalBudgetCosts": float(original),
                "revisedBudgetCosts": float(revised),
            }
            categories.setdefault(category, []).append(row)
        return {"costCategories": [{"title": title, "costCodes": rows} for title, rows in categories.items()]}

    def _cost_codes(self, job: int) -> Any:
        by_id = self.quirks.spelling == "id"
        names = ("id", "code", "title") if by_id else ("costCodeId", "displayCode", "name")
        rows = []
        for code in self.company.budgets.get(job, ()):
            title = self.company.title(code)
            rows.append(dict(zip(names, (code, title.split()[0], title), strict=True)))
        if not rows and self.quirks.null_containers:
            return {"costCodesWithBudget": None}
        answer = {"costCodesWithBudget": rows}
        return answer if by_id else _envelope(answer)

    def _worksheet(self, job: int) -> Any:
        lines = self.company.worksheets.get(job)
        if not lines:
            return _envelope(None if self.quirks.null_containers else {"formatData": []})
        items = [
            {
                "id": line,
                "lineItemType": 10,
                "costCodeTitle": self.company.title(code),
                "unit": unit,
                "quantity": float(quantity),
                "unitCost": 40,
            }
            for line, code, unit, quantity in lines
        ]
        inner = {"title": "Inner", "lineItems": items[1:], "subGroups": None}
        return _envelope(
            {
                "formatData": [
                    {"title": "Outer", "lineItems": items[:1], "subGroups": [inner]},
                    {"title": "Empty", "lineItems": None, "subGroups": []},
                ]
            }
        )


def _from_until(one: Shift) -> dict[str, Any]:
    """When the worker came and went, and where they stood."""
    end = one.start + timedelta(minutes=one.total + one.rest)
    nested = {"builderId": BUILDER_ID, "jobId": one.job or 0, "id": one.id}
    came = {"timeStamp": one.start.isoformat(), "location": _PLACE, "outOfBounds": False, "showDate": False}
    return {
        "date": {"date": one.start.isoformat(), **nested},
        "timeIn": {**nested, **came},
        "timeOut": {"timeStamp": end.isoformat(), "location": _PLACE},
    }


def _listed(job: Job) -> dict[str, Any]:
    return {
        "jobID": job.id,
        "jobName": job.name,
        "jobNumber": job.number,
        "jobStatus": STATUSES[job.status],
        "street": job.street,
        "projectManagers": [],
    }


def _envelope(data: Any, *, success: bool = True, relogin: bool = False, message: str | None = None) -> dict[str, Any]:
    return {
        "success": success,
        "message": message,
        "needsToRelogin": relogin,
        "sessionJobInfo": None,
        "data": data,
        "metadata": None,
        "forcedUpgrade": False,
    }
