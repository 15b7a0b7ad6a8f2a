"""The account's own facts, the saved filters, and the pages that a browser without a valid session is redirected to."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.wire.call import Call, enveloped, sign_in_page
from sandbox.wire.gate import wire_route

_JOB_FILTERS = (
    (0, "Standard View", {"1": "", "2": "", "3": "1,3", "7": ""}, True),
    (1, "All Listed Jobs", {"1": "", "2": "", "3": "5,1,7,2", "7": ""}, False),
    (2, "Closed Jobs", {"1": "", "2": "", "3": "0", "7": ""}, False),
)


def routes() -> list[Route]:
    return [
        wire_route("/api/AccountInfo/GlobalInfo", _global_info, method="GET"),
        wire_route("/api/Filters/33", _job_filters, method="GET"),
        Route("/app/error", _error_page),
        Route("/Login", _login_page),
    ]


def _global_info(call: Call) -> Response:
    profile = call.company.profile
    return enveloped(
        {
            "builderId": profile.builder_id,
            "builderName": profile.name,
            "portalType": 1,
            "userName": profile.username,
            "isMultiFactorEnabled": call.company.switches.sign_in.startswith("mfa"),
            "features": {"timeClock": True, "jobCosting": True, "estimates": True},
            "culture": "en-US",
        }
    )


def _job_filters(_: Call) -> Response:
    saved = [
        {"id": number, "name": name, "filters": json.dumps(values), "isDefault": is_default}
        for number, name, values, is_default in _JOB_FILTERS
    ]
    return enveloped({"entityType": 33, "savedFilters": saved})


async def _error_page(_: Request) -> Response:
    return HTMLResponse("<!DOCTYPE html><html><head><title>Error - Buildertrend</title></head><body></body></html>")


async def _login_page(_: Request) -> Response:
    return sign_in_page()
