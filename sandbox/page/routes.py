"""Renders the page on the server; its script makes changes through the control API and reloads it."""

from __future__ import annotations

from collections.abc import Callable
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.company import Company
from sandbox.control_api.boundary import may_control
from sandbox.errors import SandboxError
from sandbox.page.view import page_view
from sandbox.world import world_of

_HERE = Path(__file__).parent
_ASSETS = {path.name: path.read_bytes() for path in (_HERE / "static").iterdir()}
_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page_routes() -> list[Route]:
    return [
        Route("/", _page),
        Route("/favicon.ico", _icon),
        Route("/sandbox/static/{name}", _asset),
    ]


async def _page(request: Request) -> Response:
    if not may_control(request):
        return Response("The sandbox's page opens on the machine it runs on only.", 403)
    try:
        company = _chosen(request)
        view = page_view(world_of(request), company, query=request.query_params, base_url=_base_url(request))
    except SandboxError as error:
        return HTMLResponse(_TEMPLATES.get_template("error.html").render(message=str(error)), 404)
    html = _TEMPLATES.get_template("page.html").render(**view, link=_linker(request.query_params))
    return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})


async def _icon(_: Request) -> Response:
    return RedirectResponse("/sandbox/static/icon.svg")


async def _asset(request: Request) -> Response:
    """A file of the page, from memory, so that it is served without a thread in-process, too."""
    name = request.path_params["name"]
    if name not in _ASSETS:
        return Response("Not Found", 404)
    return Response(_ASSETS[name], media_type=guess_type(name)[0], headers={"Cache-Control": "no-cache"})


def _chosen(request: Request) -> Company | None:
    """The company of the query, else the oldest one, else none."""
    directory = world_of(request).directory
    wanted = request.query_params.get("company", "")
    if wanted:
        return directory.company(int(wanted) if wanted.isdigit() else -1)
    profiles = directory.profiles()
    return directory.company(profiles[0].builder_id) if profiles else None


def _base_url(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _linker(query: QueryParams) -> Callable[..., str]:
    """Makes links that keep what the query states now and change what is given."""

    def link(**changes: object) -> str:
        kept = {**query, **{name: str(value) for name, value in changes.items()}}
        return "/?" + urlencode({name: value for name, value in kept.items() if value})

    return link
