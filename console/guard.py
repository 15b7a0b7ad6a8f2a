"""What stands between the page and a browser: strict headers on every answer, and no answer to a foreign host name,
so that another site's page cannot reach this one by pointing its own name at 127.0.0.1.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.telemetry import REQUESTS
from core.errors import ConfigurationError

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_PATHS = ("/", "/fragment", "/api/status", "/health", "/ready", "/metrics")


def check_loopback(host: str) -> str:
    """The address to listen on; ConfigurationError unless only this machine reaches it."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ConfigurationError(
            f"CONSOLE_HOST is {host}, which others can reach, and sign-in is not in this version of the console: "
            "set it to 127.0.0.1, ::1 or localhost."
        )
    return host


class Guard:
    """Wraps the whole application, also its error pages."""

    def __init__(self, app: ASGIApp, *, address: str) -> None:
        self._app = app
        self._hosts = {"127.0.0.1", "::1", "localhost", address}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with the headers; 421 for a host name that is not this machine's."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_known = _host_name(Headers(scope=scope).get("host", "")) in self._hosts
        app: ASGIApp = self._app if is_known else _misdirected()
        await app(scope, receive, _guarded(send, scope["path"]))


def _guarded(send: Send, path: str) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static/") else "no-store")
            REQUESTS.labels(path if path in _PATHS else "other", str(message["status"])).inc()
        await send(message)

    return with_headers


def _misdirected() -> PlainTextResponse:
    return PlainTextResponse("Open this console as http://127.0.0.1 or http://localhost.\n", status_code=421)


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
