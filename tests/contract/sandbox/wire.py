"""A client of the simulated wire for tests: it signs in and sends requests of the shapes that real clients send."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.client import SandboxControl

ALL_TIME = {"SelectedValue": 2_147_483_647, "StartDate": None, "EndDate": None}
CAPTURED_COLUMNS = ("1", "2", "11", "3", "4", "5", "40", "6", "7", "9", "29", "46", "24", "23", "39", "10")
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64)", "portaltype": "1"}


@dataclass
class Site:
    """One company of a running sandbox and a client for its wire; `sender` speaks to the server or in-process."""

    base_url: str
    sender: Any
    control: SandboxControl
    token: str = ""

    def send(self, method: str, path: str, **options: Any) -> Any:
        """One request as given, no redirect followed, no cookie kept."""
        self.sender.cookies.clear()
        return self.sender.request(method, self.base_url + path, follow_redirects=False, **options)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """A request of a signed-in browser."""
        headers = {**BROWSER, "authorization": f"Bearer {self.token}"}
        return self.send(method, path, headers=headers, **({} if body is None else {"json": body}))

    def data(self, method: str, path: str, body: object = None) -> Any:
        """The data of an enveloped answer that succeeded."""
        answer = self.call(method, path, body).json()
        assert answer["success"], answer
        return answer["data"]

    def ask_token(self, **changes: str) -> Any:
        form = {
            "grant_type": "password",
            "username": self.control.company["username"],
            "password": self.control.company["password"],
            "audience": "https://api.buildertrend.net/",
            "client_id": "any",
            "scope": "openid profile email",
        }
        return self.send("POST", "/oauth/token", data={**form, **changes})

    def ajax_login(self, **changes: str) -> Any:
        company = self.control.company
        body = {"username": company["username"], "password": company["password"], "deviceType": 2, "rememberMe": True}
        return self.send("POST", "/api/Login/AjaxLogin", json={**body, **changes})

    def sign_in(self) -> Site:
        self.token = self.ask_token().json()["access_token"]
        return self

    def shifts(self, **changes: Any) -> Any:
        """A page of the shifts of all jobs, unless their ids are stated."""
        if "job_ids" not in changes:
            changes["job_ids"] = self.job_ids()
        return self.data("POST", "/api/TimeClock/Grid?gridType=29", grid_body(**changes))

    def job_ids(self) -> list[int]:
        """Of all jobs save General."""
        return [job["id"] for job in self.control.listed("jobs", limit=1000) if job["id"]]

    def jobs(self, *, general: bool = True) -> list[dict[str, Any]]:
        """The job picker's rows without the first one if that is no job (J2)."""
        rows = self.picker_rows(general=general)
        return rows if self.control.switches()["jobs_row"] == "none" else rows[1:]

    def picker_rows(self, *, general: bool = True) -> list[dict[str, Any]]:
        body = {"filters": '{"1":"","2":"","3":"5,1,7,2","7":""}', "displayMode": 2, "includeGeneralJob": general}
        return list(self.data("POST", "/api/jobpicker/GetJobPickerData", body)["jobs"])

    def users(self, **changes: Any) -> Any:
        return self.data("POST", "/api/InternalUsers/Grid", grid_body(**changes))

    def worksheet(self, job_id: object) -> list[dict[str, Any]]:
        """The groups of a job's worksheet, none where it has none."""
        return list((self.data("GET", f"/api/Proposals/{job_id}/Worksheet") or {}).get("formatData") or ())

    def cost_codes(self, job_id: int) -> list[dict[str, Any]]:
        answer = self.call("GET", f"/apix/v2/JobCostingBudget/budget-cost-codes?jobId={job_id}").json()
        return list(answer.get("costCodesWithBudget") or [])

    def budget(self, job_id: int) -> list[dict[str, Any]]:
        answer = self.call("POST", "/apix/v2/JobCostingBudget", {"jobId": job_id, "filter": "{}"}).json()
        return [line for category in answer.get("costCategories") or [] for line in category["costCodes"]]


def grid_body(
    *,
    page: object = "1",
    size: object = 200,
    sort: str = "1",
    direction: str = "desc",
    dates: dict[str, Any] | None = None,
    job_ids: list[int] | None = None,
    general: bool = True,
) -> dict[str, Any]:
    """The grid request of the web application; dates are JSON in a string inside JSON in a string."""
    return {
        "gridRequest": {
            "hideMultiJobsColumns": False,
            "selectedColumns": list(CAPTURED_COLUMNS),
            "sortColumn": sort,
            "sortDirection": direction,
            "hasFooter": False,
            "emptyStateEntity": 19,
            "savedViewId": -1,
        },
        "pagingData": {
            "pageNumber": page,
            "pageSize": size,
            "resetScroll": False,
            "firstRow": 1,
            "totalRowsAllPages": 200,
            "currentPage": 1,
        },
        "filters": json.dumps({"12": json.dumps(dates or ALL_TIME)}),
        "jobIds": job_ids or [],
        "includeGeneralJobItems": general,
    }


def plain_amount(money: Any) -> Any:
    """An amount that may be wrapped."""
    return money["value"] if isinstance(money, dict) else money


def groups(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every group of a worksheet, the nested ones too."""
    return [one for group in data or () for one in [group, *groups(group["subGroups"])]]
