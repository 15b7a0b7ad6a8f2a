"""What stands between the pages and a browser: strict headers on every answer, and no answer to a foreign host name,
so that another site's page cannot reach this one by pointing its own name at it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.metrics import REQUESTS
from core.errors import ConfigurationError
from core.settings import Settings

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
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# Whoever scrapes or probes every process knows addresses alone.
_FOR_MACHINES = frozenset({"/metrics", "/health", "/ready"})
_A_YEAR_S = 31_536_000
TEMPLATE = "protiv.route"
"""Where a route leaves its template in the scope of a request, for the metrics."""


class PublicAddress:
    """Where the console listens and by which names browsers may call it."""

    def __init__(self, settings: Settings) -> None:
        """ConfigurationError where passwords would travel in the clear, or no name is known to check."""
        self.host = "127.0.0.1" if settings.console_host == "localhost" else settings.console_host
        self.public_url = settings.console_public_url.rstrip("/")
        public = urlsplit(self.public_url)
        self.is_https = public.scheme == "https"
        named = {public.hostname} if public.hostname else set()
        self.hosts = named | _LOOPBACK | {self.host}
        if not is_loopback(self.host) and not self.public_url:
            raise ConfigurationError(
                f"CONSOLE_HOST is {settings.console_host}, which others can reach: set CONSOLE_PUBLIC_URL to the "
                "https:// address at which browsers reach the console, or CONSOLE_HOST to 127.0.0.1."
            )
        if self.public_url and not self.is_https and not is_loopback(public.hostname or ""):
            raise ConfigurationError(
                "CONSOLE_PUBLIC_URL must start with https://: passwords would travel in the clear."
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address or name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Wraps the whole application, also its error pages."""

    def __init__(self, app: ASGIApp, address: PublicAddress) -> None:
        self._app = app
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with the headers; 421 for a host name that is not the console's."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = _host_name(Headers(scope=scope).get("host", ""))
        is_known = host in self._address.hosts or (scope["path"] in _FOR_MACHINES and _is_address(host))
        app: ASGIApp = self._app if is_known else _misdirected()
        await app(scope, receive, self._guarded(send, scope))

    def _guarded(self, send: Send, scope: Scope) -> Send:
        path = scope["path"]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if self._address.is_https:
                    headers["Strict-Transport-Security"] = f"max-age={_A_YEAR_S}"
                headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static/") else "no-store")
                REQUESTS.labels(_label(scope), str(message["status"])).inc()
            await send(message)

        return with_headers


def _label(scope: Scope) -> str:
    """The route's own template: what a browser asks for must never become a label."""
    if scope["path"].startswith("/static/"):
        return "/static"
    return str(scope.get(TEMPLATE, "other"))


def _is_address(host: str | None) -> bool:
    """Whether it is no name: nobody can have an address point somewhere else."""
    try:
        ipaddress.ip_address(host or "")
    except ValueError:
        return False
    return True


def _misdirected() -> PlainTextResponse:
    return PlainTextResponse("This console is not known by this name: see CONSOLE_PUBLIC_URL.\n", status_code=421)


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


_IPV6_BITS = 64


def origin_of(request: Request) -> str:
    """The address block of the browser; `FORWARDED_ALLOW_IPS` says whose word is taken for it."""
    return address_block(request.client.host if request.client else "")


def address_block(host: str) -> str:
    """As in `203.0.113.7` and `2001:db8:1:2::/64`; an IPv4 address inside IPv6 is that address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_BITS), strict=False))
