"""Requests are counted by what they ask for, whatever read sends them."""

from __future__ import annotations

import random
import threading

import httpx
import pytest

from producers.buildertrend.client import HttpClient, Limits
from producers.buildertrend.request_kinds import KINDS, kind_of
from tests.fakes import FakeClock, ScriptedSource, json_answer


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/AccountInfo/GlobalInfo", "account"),
        ("/api/jobpicker/GetJobPickerData", "jobs"),
        ("/api/TimeClock/Grid?gridType=29", "shifts"),
        ("/api/InternalUsers/Grid", "users"),
        ("/api/Filters/33", "users"),
        ("/apix/v2/JobCostingBudget/budget-cost-codes?jobId=7", "cost-codes"),
        ("/apix/v2/JobCostingBudget", "budgets"),
        ("/api/Proposals/7/Worksheet", "worksheets"),
        ("/apix/v3/Reporting/work-in-progress?openJobLimit=500", "report"),
        ("/api/Login/AjaxLogin", "sign-in"),
        ("/oauth/token", "sign-in"),
        ("/api/Weather", "other"),
    ],
)
def test_kind_of_a_request_follows_from_its_path(path: str, kind: str) -> None:
    assert kind_of(httpx.Request("GET", "https://buildertrend.net" + path)) == kind
    assert kind in KINDS


def test_client_counts_each_request_it_sends_also_repeated_ones() -> None:
    counted: list[str] = []
    source = ScriptedSource([httpx.Response(429), httpx.ConnectError("away"), json_answer({})])
    client = HttpClient(source.client(), FakeClock(), Limits(gap_ms=0), threading.Event(), random.Random(1))
    client.count = lambda request: counted.append(kind_of(request))
    client.send(httpx.Request("POST", "https://buildertrend.net/api/TimeClock/Grid"))
    assert counted == ["shifts"] * 3
