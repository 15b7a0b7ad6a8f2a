"""What a request asks for, by its address: the kinds in which requests are counted."""

from __future__ import annotations

import re

import httpx

SIGN_IN = "sign-in"
OTHER = "other"
# The first that fits; `budget-cost-codes` lies below the budget's own path.
_KINDS = (
    ("account", re.compile(r"/api/AccountInfo/", re.IGNORECASE)),
    ("jobs", re.compile(r"/api/(jobpicker|jobsites)/", re.IGNORECASE)),
    ("shifts", re.compile(r"/api/TimeClock/", re.IGNORECASE)),
    ("users", re.compile(r"/api/(InternalUsers|Filters|Bills?)/", re.IGNORECASE)),
    ("cost-codes", re.compile(r"/apix/v2/JobCostingBudget/budget-cost-codes", re.IGNORECASE)),
    ("budgets", re.compile(r"/apix/v2/JobCostingBudget", re.IGNORECASE)),
    ("worksheets", re.compile(r"/api/Proposals/", re.IGNORECASE)),
    ("report", re.compile(r"/apix/v3/Reporting/", re.IGNORECASE)),
    (SIGN_IN, re.compile(r"/api/Login/|/oauth/|/u/login|/authorize|/app/", re.IGNORECASE)),
)
KINDS = (*(name for name, _ in _KINDS), OTHER)


def kind_of(request: httpx.Request) -> str:
    """One of KINDS."""
    path = request.url.path
    return next((name for name, pattern in _KINDS if pattern.match(path)), OTHER)
