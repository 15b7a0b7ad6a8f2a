"""The console's routes. All of them only read; nothing here changes anything."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from console.as_json import as_json
from console.guard import Guard
from console.live import LiveOverview
from console.overview import Wanted
from console.pages import STATIC, Pages

_LONGEST_FIND = 100
_LAST_PAGE = 1_000_000


def console_app(live: LiveOverview, pages: Pages, *, address: str) -> Guard:
    """The application that listens on `address`."""
    routes = _Routes(live, pages)
    return Guard(
        Starlette(
            routes=[
                Route("/", routes.page),
                Route("/fragment", routes.fragment),
                Route("/api/status", routes.status),
                Route("/health", _health),
                Route("/ready", routes.ready),
                Route("/metrics", _metrics),
                Mount("/static", StaticFiles(directory=STATIC)),
            ],
            exception_handlers={404: _not_found},
        ),
        address=address,
    )


class _Routes:
    def __init__(self, live: LiveOverview, pages: Pages) -> None:
        self._live = live
        self._pages = pages

    async def page(self, request: Request) -> Response:
        wanted = _wanted(request)
        shown = await self._live.get(wanted)
        return HTMLResponse(self._pages.page(shown, wanted), status_code=_status_code(shown.problem))

    async def fragment(self, request: Request) -> Response:
        # 200 also in an outage: the page's script shows what this says.
        wanted = _wanted(request)
        return HTMLResponse(self._pages.fragment(await self._live.get(wanted), wanted))

    async def status(self, request: Request) -> Response:
        shown = await self._live.get(_wanted(request))
        return JSONResponse(as_json(shown), status_code=_status_code(shown.problem))

    async def ready(self, _request: Request) -> Response:
        problem = await self._live.problem()
        return JSONResponse({"ready": problem is None, "problem": problem}, status_code=_status_code(problem))


def _status_code(problem: str | None) -> int:
    return 503 if problem else 200


def _wanted(request: Request) -> Wanted:
    """What the address asks for; anything that makes no sense is the first page of all."""
    find = request.query_params.get("find", "").strip()[:_LONGEST_FIND]
    page = request.query_params.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 10 else 1
    return Wanted(find, min(max(number, 1), _LAST_PAGE))


async def _health(_request: Request) -> Response:
    return JSONResponse({"alive": True})


async def _metrics(_request: Request) -> Response:
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _not_found(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("There is nothing here. The status of all companies is at /.\n", status_code=404)
