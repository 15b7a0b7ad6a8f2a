"""The console's cookies, and the form token that belongs to them: a form sent by another site has no such token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from core.settings import Settings

FORM_FIELD = "form_token"
_DAY_S = 86_400
_DEVICE_S = 180 * _DAY_S
_DEVICES = 5
_DEVICE = re.compile(r"[0-9a-f]{32}\.[0-9]{1,12}\.[A-Za-z0-9_-]{43}")


class Cookies:
    """Names, flags and signatures."""

    def __init__(self, settings: Settings, *, is_https: bool) -> None:
        settings.require("console_secret")
        self._secret = settings.console_secret.get_secret_value().encode()
        self._is_https = is_https
        prefix = "__Host-" if is_https else ""
        self._session = f"{prefix}protiv_session"
        self._visitor = f"{prefix}protiv_visitor"
        self._oidc = f"{prefix}protiv_oidc"
        self._device = f"{prefix}protiv_device"

    def session(self, request: Request) -> str:
        """The session's token, or nothing."""
        return request.cookies.get(self._session, "")

    def visitor(self, request: Request) -> str:
        """What tells browsers that are not signed in apart: theirs, or a new one.

        A browser whose session ended asks for the sign-in page several times at once, from its tabs and from the script
        of an open page. All of these get the same value, since only the cookie that comes last is kept.
        """
        known, session = request.cookies.get(self._visitor, ""), self.session(request)
        return known or (_sign(self._secret, f"visitor:{session}") if session else secrets.token_urlsafe(16))

    def form_token(self, cookie: str) -> str:
        """What a form must send back; it follows from the cookie and cannot be made without the secret."""
        return _sign(self._secret, f"form:{cookie}")

    def form_token_fits(self, cookie: str, given: str) -> bool:
        return bool(cookie) and hmac.compare_digest(self.form_token(cookie).encode(), given.encode())

    def set_session(self, response: Response, token: str) -> None:
        self._set(response, self._session, token, max_age_s=_DAY_S)

    def drop_session(self, response: Response) -> None:
        response.delete_cookie(self._session, path="/", secure=self._is_https, httponly=True, samesite="lax")

    def device(self, request: Request, email: str) -> str:
        """The id of this browser where it signed in as this user before; empty for others, and after half a year."""
        for known in self._devices(request):
            device_id, until, _ = known.split(".")
            if hmac.compare_digest(known, self._device_mark(email, device_id, until)) and int(until) > time.time():
                return device_id
        return ""

    def set_device(self, request: Request, response: Response, email: str) -> None:
        """Know this browser again when this user signs in; it keeps the last few users."""
        own = self.device(request, email)
        others = [one for one in self._devices(request) if not own or not one.startswith(f"{own}.")]
        until = str(int(time.time()) + _DEVICE_S)
        new = self._device_mark(email, own or secrets.token_hex(16), until)
        self._set(response, self._device, "~".join([new, *others][:_DEVICES]), max_age_s=_DEVICE_S)

    def _devices(self, request: Request) -> list[str]:
        return [one for one in request.cookies.get(self._device, "").split("~")[:_DEVICES] if _DEVICE.fullmatch(one)]

    def _device_mark(self, email: str, device_id: str, until: str) -> str:
        return f"{device_id}.{until}.{_sign(self._secret, f'device:{email}:{device_id}:{until}')}"

    def set_visitor(self, response: Response, visitor: str) -> None:
        self._set(response, self._visitor, visitor, max_age_s=_DAY_S)

    def set_oidc(self, response: Response, values: dict[str, Any]) -> None:
        """What a sign-in at the OpenID provider must come back with; for ten minutes."""
        body = base64.urlsafe_b64encode(json.dumps(values | {"until": time.time() + 600}).encode()).decode()
        self._set(response, self._oidc, f"{body}.{_sign(self._secret, f'oidc:{body}')}", max_age_s=600)

    def oidc(self, request: Request) -> dict[str, Any] | None:
        body, _, signature = request.cookies.get(self._oidc, "").partition(".")
        if not hmac.compare_digest(_sign(self._secret, f"oidc:{body}").encode(), signature.encode()):
            return None
        values: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body))
        return values if values["until"] > time.time() else None

    def drop_oidc(self, response: Response) -> None:
        response.delete_cookie(self._oidc, path="/", secure=self._is_https, httponly=True, samesite="lax")

    def _set(self, response: Response, name: str, value: str, *, max_age_s: int) -> None:
        # Lax, not strict: whoever follows a link to the console from a mail stays signed in. No form of another site
        # sends it, and what changes something wants the form token besides.
        response.set_cookie(
            name, value, max_age=max_age_s, path="/", secure=self._is_https, httponly=True, samesite="lax"
        )


def comes_from_elsewhere(request: Request) -> bool:
    """Whether the browser itself says that another site's page sent this."""
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != request.headers.get("host", "")
    except ValueError:
        return True


def _sign(secret: bytes, text: str) -> str:
    return base64.urlsafe_b64encode(hmac.new(secret, text.encode(), hashlib.sha256).digest()).decode().rstrip("=")
