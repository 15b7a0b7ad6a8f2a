"""A request and its answer, as they were recorded or just made, and which endpoint of Buildertrend they belong to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from producers.buildertrend.check.names import safe_segment

ACCOUNT, JOBS, JOB_LIST, SHIFTS, USERS = "account", "jobs", "job list", "shifts", "users"
COST_CODES, BUDGET, WORKSHEET = "cost codes", "budget", "worksheet"
FILTERS, VIEWS, REPORT, BILLS, JOB = "filters", "views", "report", "bills defaults", "job"

_HOST = re.compile(r"(?:[a-z0-9-]+\.)*buildertrend\.(?:net|com)|localhost|127\.0\.0\.1|\[?::1\]?", re.IGNORECASE)
_KNOWN = tuple(
    (method, re.compile(path, re.ASCII | re.IGNORECASE), shown, kind)
    for method, path, shown, kind in (
        ("GET", r"/api/AccountInfo/GlobalInfo", "/api/AccountInfo/GlobalInfo", ACCOUNT),
        ("POST", r"/api/jobpicker/GetJobPickerData", "/api/jobpicker/GetJobPickerData", JOBS),
        ("GET", r"/api/jobpicker/GetExistingJobList", "/api/jobpicker/GetExistingJobList", JOB_LIST),
        ("GET", r"/api/jobsites/[0-9]+", "/api/jobsites/*", JOB),
        ("POST", r"/api(?:x/v[0-9]+)?/TimeClock/Grid", "/api/TimeClock/Grid", SHIFTS),
        ("POST", r"/api/InternalUsers/Grid", "/api/InternalUsers/Grid", USERS),
        (
            "GET",
            r"/apix/v[0-9]+/JobCostingBudget/budget-cost-codes",
            "/apix/v2/JobCostingBudget/budget-cost-codes",
            COST_CODES,
        ),
        ("POST", r"/apix/v[0-9]+/JobCostingBudget", "/apix/v2/JobCostingBudget", BUDGET),
        ("GET", r"/api/Proposals/[0-9]+/Worksheet", "/api/Proposals/*/Worksheet", WORKSHEET),
        ("GET", r"/api/Filters/[0-9]{1,3}", "/api/Filters/*", FILTERS),
        ("GET", r"/api/GridViews/.*", "/api/GridViews/*", VIEWS),
        ("GET", r"/apix/v[0-9]+/Reporting/work-in-progress", "/apix/v3/Reporting/work-in-progress", REPORT),
        ("GET", r"/apix/v[0-9]+/Reporting/profitability", "/apix/v3/Reporting/profitability", REPORT),
        ("GET", r"/api/Bills/.*defaultinfo", "/api/Bills/*", BILLS),
    )
)
_DATA_PATH = re.compile(r"/apix?/", re.IGNORECASE)
# Its request holds a password.
_SIGN_IN = re.compile(r"/api/Login/|/oauth/", re.IGNORECASE)
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
_MOST_SEGMENTS = 8


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer; `body` is unpacked text. `trouble`: why there is none to read, empty where there is."""

    method: str
    url: str
    asked: bytes
    status: int
    headers: Mapping[str, str]
    body: bytes
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an exchange belongs, without a value of its address; `kind` is None where the adapter does not know it."""

    method: str
    path: str
    kind: str | None


def endpoint_of(method: str, url: str) -> Endpoint | None:
    """None for what is not Buildertrend's data: pages, pictures, other hosts, signing in."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    is_data = _HOST.fullmatch(host) and _DATA_PATH.match(parts.path) and not _SIGN_IN.search(parts.path)
    if not is_data or method not in _METHODS:
        return None
    for known_method, path, shown, kind in _KNOWN:
        if method == known_method and path.fullmatch(parts.path.rstrip("/")):
            return Endpoint(method, shown, kind)
    segments = parts.path.strip("/").split("/")[:_MOST_SEGMENTS]
    return Endpoint(method, "/" + "/".join(map(safe_segment, segments)), None)
