"""The application's own pages, as a browser opens them: their script asks as Buildertrend's pages do (G14)."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.wire.call import sign_in_page
from sandbox.wire.gate import AUTH_COOKIE
from sandbox.world import world_of

_APP = (Path(__file__).parent / "app_page.html").read_text(encoding="utf-8")


def routes() -> list[Route]:
    return [
        Route("/app/TimeClock/Reports", _app_page),
        Route("/app/Jobs/List", _app_page),
        Route("/app/Landing", _landing),
        Route("/app/Login.aspx", _landing),
        Route("/app/error", _error_page),
        Route("/Login", _login_page),
    ]


async def _app_page(request: Request) -> Response:
    """Without a live session the browser is sent to sign in (S1)."""
    return HTMLResponse(_APP) if _is_signed_in(request) else RedirectResponse("/Login", 302)


async def _landing(request: Request) -> Response:
    return RedirectResponse("/app/TimeClock/Reports" if _is_signed_in(request) else "/Login", 302)


def _is_signed_in(request: Request) -> bool:
    session = world_of(request).sessions.find(request.cookies.get(AUTH_COOKIE, ""))
    return session is not None and not session.is_over


async def _error_page(_: Request) -> Response:
    return HTMLResponse("<!DOCTYPE html><html><head><title>Error - Buildertrend</title></head><body></body></html>")


async def _login_page(_: Request) -> Response:
    return sign_in_page()
