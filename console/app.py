"""The console's routes: each with its path, who may use it, and what answers. Nothing else is served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from console.access import Access
from console.guard import TEMPLATE, Guard
from console.limits import Timed
from console.pages import STATIC
from console.routes import actions, api, companies, connect, events, integration, operating, records, sign_in
from console.screens import Screen, route_of
from console.user_request import Services, UserRequest
from core.errors import IntegrationError

_C = "/c/{company_id}"
_BT = f"{_C}/buildertrend"

SCREENS = (
    Screen("GET", "/", companies.home, Access.SIGNED_IN),
    Screen("GET", "/sign-in", sign_in.show, Access.ANYBODY),
    Screen("POST", "/sign-in", sign_in.submit, Access.ANYBODY, hashes=True),
    Screen("POST", "/sign-out", sign_in.sign_out, Access.SIGNED_IN),
    Screen("GET", "/oidc/start", sign_in.start_openid, Access.ANYBODY),
    Screen("GET", "/oidc/callback", sign_in.finish_openid, Access.ANYBODY),
    Screen("GET", "/companies", companies.all_companies, Access.SEES_ALL),
    Screen("GET", "/companies/open", companies.open_company, Access.SEES_ALL),
    Screen("GET", _C, integration.integrations, Access.SEES_COMPANY),
    Screen("GET", _BT, integration.buildertrend, Access.SEES_COMPANY),
    Screen("GET", f"{_BT}/connect", connect.show, Access.CHANGES_COMPANY),
    Screen("POST", f"{_BT}/connect", connect.submit, Access.CHANGES_COMPANY),
    Screen("GET", f"{_BT}/connecting", connect.connecting, Access.CHANGES_COMPANY),
    Screen("GET", f"{_BT}/account", connect.confirm, Access.CHANGES_COMPANY),
    Screen("POST", f"{_BT}/account", connect.accept_account, Access.CHANGES_COMPANY),
    Screen("POST", f"{_BT}/sync", actions.sync, Access.CHANGES_COMPANY),
    Screen("POST", f"{_BT}/full-sync", actions.full_sync, Access.CHANGES_COMPANY),
    Screen("POST", f"{_BT}/cancel", actions.cancel, Access.CHANGES_COMPANY),
    Screen("GET", f"{_BT}/pause", actions.show_pause, Access.CHANGES_COMPANY),
    Screen("POST", f"{_BT}/pause", actions.pause, Access.CHANGES_COMPANY),
    Screen("POST", f"{_BT}/resume", actions.resume, Access.CHANGES_COMPANY),
    Screen("GET", f"{_BT}/disconnect", actions.show_disconnect, Access.CHANGES_COMPANY),
    Screen("POST", f"{_BT}/disconnect", actions.disconnect, Access.CHANGES_COMPANY),
    Screen("GET", f"{_BT}/history", integration.history, Access.SEES_COMPANY),
    Screen("GET", f"{_BT}/runs/{{run_id}}", integration.run_details, Access.SEES_COMPANY),
    Screen("GET", f"{_BT}/held", records.held, Access.SEES_COMPANY),
    Screen("POST", f"{_BT}/held", records.release, Access.CHANGES_COMPANY),
    Screen("GET", f"{_BT}/waiting", records.waiting, Access.SEES_COMPANY),
    Screen("GET", f"{_BT}/find", records.find, Access.SEES_COMPANY),
    Screen("GET", f"{_BT}/find/{{entity}}/{{entity_id}}", records.why, Access.SEES_COMPANY),
    Screen("GET", f"{_C}/jobs", records.jobs, Access.SEES_COMPANY),
    Screen("GET", f"{_C}/jobs/{{job_id}}", records.job, Access.SEES_COMPANY),
    Screen("GET", f"{_C}/audit", operating.company_audit, Access.SEES_COMPANY),
    Screen("GET", f"{_C}/events", events.events, Access.SEES_COMPANY, is_json=True),
    Screen("GET", "/audit", operating.all_audit, Access.OPERATES),
    Screen("GET", "/dead-letters", operating.letters, Access.OPERATES),
    Screen("POST", "/dead-letters/replay", operating.replay, Access.OPERATES),
    Screen("GET", "/api/openapi.json", api.document, Access.ANYBODY, is_json=True),
    Screen("GET", "/api/companies", api.companies, Access.SEES_ALL, is_json=True),
    Screen("GET", "/api/companies/{company_id}", api.company, Access.SEES_COMPANY, is_json=True),
    Screen("GET", "/api/companies/{company_id}/runs", api.runs, Access.SEES_COMPANY, is_json=True),
)


def console_app(services: Services) -> Guard:
    """The whole application."""

    async def ready(_request: Request) -> Response:
        try:
            await run_in_threadpool(services.database.ping)
        except IntegrationError as exc:
            return JSONResponse({"ready": False, "problem": str(exc)}, status_code=503)
        return JSONResponse({"ready": True, "problem": None})

    async def not_found(http: Request, _error: Exception) -> Response:
        if http.url.path.startswith("/api/"):
            return JSONResponse({"error": "There is nothing here."}, status_code=404)
        told = UserRequest(http, services, None)
        text = "The address is wrong, or what it led to is gone."
        return told.page("told.html", status=404, title="There is nothing here", text=text)

    app = Starlette(
        routes=[
            *(route_of(screen, services) for screen in SCREENS),
            _plain("/health", _health),
            _plain("/ready", ready),
            _plain("/metrics", _metrics),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={404: not_found, 500: _mistake},
    )
    return Guard(Timed(app), services.public_address)


def _plain(path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    async def endpoint(request: Request) -> Response:
        request.scope[TEMPLATE] = path
        return await answer(request)

    return Route(path, endpoint)


async def _health(_request: Request) -> Response:
    return JSONResponse({"alive": True})


async def _metrics(_request: Request) -> Response:
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _mistake(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("Something went wrong here. It is in the console's log.\n", status_code=500)
