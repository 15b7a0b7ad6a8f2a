"""The console's cookies, and the form token that belongs to them: a form sent by another site has no such token."""

from __future__ import annotations

import hashlib
import secrets
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from itsdangerous import BadData, BadSignature, TimestampSigner, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

from core.settings import Settings

FORM_FIELD = "form_token"
_DAY_S = 86_400
_DEVICE_S = 180 * _DAY_S
_DEVICES = 5
_OIDC_S = 600


class _Signer(TimestampSigner):
    default_digest_method = staticmethod(hashlib.sha256)
    default_key_derivation = "hmac"


class Cookies:
    """Names, flags and signatures."""

    def __init__(self, settings: Settings, *, is_https: bool) -> None:
        settings.require("console_secret")
        self._secret = settings.console_secret.get_secret_value()
        self._forms = _Signer(self._secret, "form")
        self._visitors = _Signer(self._secret, "visitor")
        self._sign_ins = URLSafeSerializer(self._secret, "oidc", signer=_Signer)
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
        if known or not session:
            return known or secrets.token_urlsafe(16)
        return self._visitors.get_signature(session).decode()

    def form_token(self, cookie: str) -> str:
        """What a form must send back; it follows from the cookie and cannot be made without the secret."""
        return self._forms.get_signature(cookie).decode()

    def form_token_fits(self, cookie: str, given: str) -> bool:
        return bool(cookie) and self._forms.verify_signature(cookie.encode(), given)

    def set_session(self, response: Response, token: str) -> None:
        self._set(response, self._session, token, max_age_s=_DAY_S)

    def drop_session(self, response: Response) -> None:
        response.delete_cookie(self._session, path="/", secure=self._is_https, httponly=True, samesite="lax")

    def device(self, request: Request, email: str) -> str:
        """The id of this browser where it signed in as this user before; empty for others, and after half a year."""
        signer = self._device_signer(email)
        for known in self._devices(request):
            with suppress(BadSignature):
                return signer.unsign(known, max_age=_DEVICE_S).decode()
        return ""

    def set_device(self, request: Request, response: Response, email: str) -> None:
        """Recognize this browser when this user signs in again; it keeps the last few users."""
        own = self.device(request, email)
        others = [one for one in self._devices(request) if not own or not one.startswith(f"{own}.")]
        new = self._device_signer(email).sign(own or secrets.token_hex(16)).decode()
        self._set(response, self._device, "~".join([new, *others][:_DEVICES]), max_age_s=_DEVICE_S)

    def _devices(self, request: Request) -> list[str]:
        known = request.cookies.get(self._device, "").split("~")[:_DEVICES]
        return [one for one in known if one.isascii() and one.isprintable()]

    def _device_signer(self, email: str) -> _Signer:
        return _Signer(self._secret, f"device {email}")

    def set_visitor(self, response: Response, visitor: str) -> None:
        self._set(response, self._visitor, visitor, max_age_s=_DAY_S)

    def set_oidc(self, response: Response, values: dict[str, Any]) -> None:
        """What a sign-in at the OpenID provider must come back with; for ten minutes."""
        # Not by the time of signing: consoles whose clocks differ by a second answer one browser.
        signed = self._sign_ins.dumps(values | {"until": time.time() + _OIDC_S})
        self._set(response, self._oidc, signed, max_age_s=_OIDC_S)

    def oidc(self, request: Request) -> dict[str, Any] | None:
        try:
            values: dict[str, Any] = self._sign_ins.loads(request.cookies.get(self._oidc, ""))
        except BadData:
            return None
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
