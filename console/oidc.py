"""OpenID Connect: the authorization code flow with PKCE, and what the provider says of who signed in."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from console.guard import is_loopback
from control.console_users import is_email, normal_email
from core.clock import Clock
from core.errors import RetriableError
from core.settings import Settings

_TIMEOUT_S = 10
T = TypeVar("T")
_LONGEST_SUBJECT = 255
_ALGORITHMS = ["RS256", "ES256", "PS256"]
_LEEWAY_S = 60
# What a provider says of itself is asked for so often at most; unknown keys may be new ones, and are looked for again.
_KNOWN_S = 600.0
_KEYS_AGAIN_S = 60.0


class NotVouchedError(Exception):
    """The provider does not vouch for somebody; the text is for people."""


@dataclass(frozen=True, slots=True)
class Started:
    """Where to send the browser, and what it must come back with."""

    url: str
    kept: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in, as the provider vouches for."""

    issuer: str
    subject: str
    email: str


class OpenId:
    """One provider. Every call blocks for a request or two; RetriableError if the provider does not answer."""

    def __init__(
        self, settings: Settings, redirect_url: str, clock: Clock, *, transport: httpx2.BaseTransport | None = None
    ) -> None:
        settings.require("oidc_client_id", "oidc_client_secret")
        self._description: Known[dict[str, Any]] = Known(clock)
        self._keys: Known[KeySet] = Known(clock)
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._client_secret = settings.oidc_client_secret.get_secret_value()
        self._redirect_url = redirect_url
        self._transport = transport

    def start(self) -> Started:
        """A sign-in that begins now."""
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        with self._client() as client:
            endpoint = self._described(client)["authorization_endpoint"]
            url, _ = client.create_authorization_url(
                endpoint, state=kept["state"], nonce=kept["nonce"], code_verifier=kept["verifier"]
            )
        return Started(url, kept)

    def finish(self, answer_url: str, kept: dict[str, Any]) -> Person:
        """Who came back; NotVouchedError if it is not the sign-in that was started, or nobody is vouched for."""
        try:
            with self._client() as client:
                described = self._described(client)
                token = client.fetch_token(
                    described["token_endpoint"],
                    authorization_response=answer_url,
                    state=kept["state"],
                    code_verifier=kept["verifier"],
                )
                claims = self._claims(client, described["jwks_uri"], token["id_token"])
        except httpx2.HTTPError as exc:
            raise _away() from exc
        except (AuthlibBaseError, JoseError, KeyError, TypeError, ValueError, RecursionError) as exc:
            raise NotVouchedError("The sign-in was not completed there. Start again.") from exc
        return self._person(claims, kept["nonce"])

    def _claims(self, client: OAuth2Client, jwks_uri: str, id_token: str) -> dict[str, Any]:
        """What the token says, by a key that the provider has now."""

        def read() -> KeySet:
            found = _json(client.request("GET", jwks_uri, withhold_token=True))
            return KeySet.import_key_set({"keys": found["keys"]})

        try:
            return jwt.decode(id_token, self._keys.get(read, _KNOWN_S), algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError):
            return jwt.decode(id_token, self._keys.get(read, _KEYS_AGAIN_S), algorithms=_ALGORITHMS).claims

    def _person(self, claims: dict[str, Any], nonce: str) -> Person:
        rules = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            rules.validate(claims)
        except JoseError as exc:
            raise NotVouchedError("The sign-in was not meant for this console. Start again.") from exc
        if not self._is_for_us(claims):
            raise NotVouchedError("The sign-in was not meant for this console. Start again.")
        email = claims.get("email")
        if claims.get("email_verified") is not True or not isinstance(email, str):
            raise NotVouchedError("Your account there has no verified e-mail address.")
        if not is_email(normal_email(email)):
            # Letters beyond ASCII can look like others, and become them where case is folded.
            raise NotVouchedError("The e-mail address of your account there has letters that cannot be taken here.")
        return Person(self._issuer, str(claims["sub"])[:_LONGEST_SUBJECT].replace("\0", ""), email)

    def _is_for_us(self, claims: dict[str, Any]) -> bool:
        """Whether the token was given to this client: `azp` names it where there are several audiences."""
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        party = claims.get("azp")
        return party == self._client_id if party is not None else len(audiences) == 1

    def _client(self) -> OAuth2Client:
        return OAuth2Client(
            self._client_id,
            self._client_secret,
            scope="openid email",
            redirect_uri=self._redirect_url,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
            transport=BoundedTransport(self._transport),
            trust_env=False,
        )

    def _described(self, client: OAuth2Client) -> dict[str, Any]:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"

        def read() -> dict[str, Any]:
            return _checked(_json(client.request("GET", url, withhold_token=True)), self._issuer)

        try:
            return self._description.get(read, _KNOWN_S)
        except (httpx2.HTTPError, ValueError, RecursionError) as exc:
            raise _away() from exc


class Known(Generic[T]):
    """A value that is read anew when it is older than asked for; one reading at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._value: tuple[float, T] | None = None

    def get(self, read: Callable[[], T], fresh_s: float) -> T:
        """The value; raises what `read` raises."""
        with self._lock:
            now = self._clock.monotonic()
            if self._value is None or now - self._value[0] > fresh_s:
                self._value = (now, read())
            return self._value[1]


def _checked(described: dict[str, Any], issuer: str) -> dict[str, Any]:
    """What a provider says of itself, if it is this one and nothing of it travels in the clear."""
    if described.get("issuer") != issuer:
        raise ValueError("another issuer")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        url = urlsplit(str(described.get(name)))
        if url.scheme != "https" and not is_loopback(url.hostname or ""):
            raise ValueError(f"{name} is not https")
    return described


def _json(answer: httpx2.Response) -> dict[str, Any]:
    answer.raise_for_status()
    parsed = answer.json()
    if not isinstance(parsed, dict):
        raise ValueError("no object")
    return parsed


def _away() -> RetriableError:
    return RetriableError("The provider of OIDC_ISSUER does not answer. Sign in with a password, or try again later.")


MOST_BYTES = 256 * 1024
WITHIN_S = 15.0


class BoundedTransport(httpx2.BaseTransport):
    """Carries requests on; an answer beyond the bounds is a ReadError, so that nobody waits or stores without end."""

    def __init__(
        self,
        carried_by: httpx2.BaseTransport | None = None,
        *,
        most_bytes: int = MOST_BYTES,
        within_s: float = WITHIN_S,
    ) -> None:
        self._carried_by = carried_by or httpx2.HTTPTransport(trust_env=False)
        self._most_bytes = most_bytes
        self._within_s = within_s

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, its body read; asked for without compression, so that its size is that on the wire."""
        until = time.monotonic() + self._within_s
        request.headers["Accept-Encoding"] = "identity"
        answer = self._carried_by.handle_request(request)
        try:
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise httpx2.ReadError("The answer is compressed, which was not asked for.", request=request)
            body = b"".join(self._read(answer, request, until))
        finally:
            answer.close()
        return httpx2.Response(answer.status_code, headers=answer.headers, content=body, request=request)

    def close(self) -> None:
        self._carried_by.close()

    def _read(self, answer: httpx2.Response, request: httpx2.Request, until: float) -> Iterator[bytes]:
        assert isinstance(answer.stream, httpx2.SyncByteStream)
        size = 0
        for part in answer.stream:
            size += len(part)
            if size > self._most_bytes:
                raise httpx2.ReadError("The answer is too big.", request=request)
            if time.monotonic() > until:
                raise httpx2.ReadError("The answer takes too long.", request=request)
            yield part
