"""OpenID Connect: the authorization code flow with PKCE, and what the provider says of who signed in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from core.errors import RetriableError
from core.settings import Settings

_TIMEOUT_S = 10
_ALGORITHMS = ["RS256", "ES256", "PS256"]
_LEEWAY_S = 60


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

    def __init__(self, settings: Settings, redirect_url: str, *, transport: httpx2.BaseTransport | None = None) -> None:
        settings.require("oidc_client_id", "oidc_client_secret")
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
                found = _json(client.request("GET", described["jwks_uri"], withhold_token=True))
                keys = KeySet.import_key_set({"keys": found["keys"]})
                claims = jwt.decode(token["id_token"], keys, algorithms=_ALGORITHMS).claims
        except httpx2.HTTPError as exc:
            raise _away() from exc
        except (AuthlibBaseError, JoseError, KeyError, ValueError) as exc:
            raise NotVouchedError("The sign-in was not completed there. Start again.") from exc
        return self._person(claims, kept["nonce"])

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
        if claims.get("email_verified") is not True or not isinstance(claims.get("email"), str):
            raise NotVouchedError("Your account there has no verified e-mail address.")
        return Person(self._issuer, str(claims["sub"]), claims["email"])

    def _client(self) -> OAuth2Client:
        return OAuth2Client(
            self._client_id,
            self._client_secret,
            scope="openid email",
            redirect_uri=self._redirect_url,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
            transport=self._transport,
            trust_env=False,
        )

    def _described(self, client: OAuth2Client) -> dict[str, Any]:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            return _json(client.request("GET", url, withhold_token=True))
        except (httpx2.HTTPError, ValueError) as exc:
            raise _away() from exc


def _json(answer: httpx2.Response) -> dict[str, Any]:
    answer.raise_for_status()
    parsed = answer.json()
    if not isinstance(parsed, dict):
        raise ValueError("no object")
    return parsed


def _away() -> RetriableError:
    return RetriableError("The provider of OIDC_ISSUER does not answer. Sign in with a password, or try again later.")
