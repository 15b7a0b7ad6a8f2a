"""Sign-in with OpenID Connect against a provider on a real port: whom it lets in, and everything that it does not."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import httpx2
import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from starlette.testclient import TestClient

from console.guard import PublicAddress
from console.main import services_of
from core.errors import ConfigurationError
from tests.integration.console.fix_console import ORIGIN, Site, running_site
from tests.integration.console.fix_provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    """As it is right: one account with a verified e-mail."""
    running.claims = {"sub": uuid4().hex, "email": f"{uuid4().hex}@protiv.example", "email_verified": True}
    running.overrides, running.signing_key = {}, None
    return running


@pytest.fixture(scope="module")
def openid_site(site: Site, running: Provider) -> Iterator[Site]:
    changes = {
        "oidc_issuer": running.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": SecretStr(CLIENT_SECRET),
    }
    with running_site(site.settings.model_copy(update=changes)) as made:
        yield made


def sign_in(browser: TestClient, query: str = "") -> httpx2.Response:
    """To the provider and back."""
    begun = browser.get(f"/oidc/start{query}")
    assert begun.status_code == 303
    with httpx.Client(trust_env=False) as client:
        back = client.get(begun.headers["location"]).headers["location"]
    assert back.startswith(f"{ORIGIN}/oidc/callback?")
    return browser.get(back.removeprefix(ORIGIN))


def user_for(site: Site, provider: Provider, role: str = "operator", company_id: str | None = None) -> str:
    email = site.user(role, company_id, None)
    provider.claims["email"] = email.upper()
    return email


def test_openid_signs_in_the_user_of_the_verified_email_and_leads_back(openid_site: Site, provider: Provider) -> None:
    user_for(openid_site, provider)
    browser = openid_site.browser()
    assert "Sign in with your Protiv account" in browser.get("/sign-in").text
    answer = sign_in(browser, "?next=/audit")
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit")
    assert "Signed in" in browser.get("/audit").text


def test_openid_user_is_bound_to_the_subject_and_not_to_the_address(openid_site: Site, provider: Provider) -> None:
    email = user_for(openid_site, provider)
    assert sign_in(openid_site.browser()).status_code == 303
    provider.claims["email"] = "renamed@protiv.example"
    assert sign_in(openid_site.browser()).status_code == 303, "the same person with a new address"
    provider.claims |= {"sub": "somebody-else", "email": email}
    refused = sign_in(openid_site.browser())
    assert refused.status_code == 422, "another person who got the address"


@pytest.mark.parametrize(
    "claims", [{"email_verified": False}, {"email_verified": None}, {"email": None}, {"email": "nobody@example.com"}]
)
def test_openid_account_without_a_user_or_a_verified_email_is_refused(
    openid_site: Site, provider: Provider, claims: dict[str, object]
) -> None:
    user_for(openid_site, provider)
    provider.overrides = claims
    browser = openid_site.browser()
    assert sign_in(browser).status_code == 422
    assert browser.get("/companies").status_code == 303


@pytest.mark.parametrize(
    "wrong", [{"aud": "another-client"}, {"iss": "https://evil.example"}, {"nonce": "replayed"}, {"exp": 1}]
)
def test_openid_token_that_was_not_meant_for_this_sign_in_is_refused(
    openid_site: Site, provider: Provider, wrong: dict[str, object]
) -> None:
    user_for(openid_site, provider)
    provider.overrides = wrong
    assert sign_in(openid_site.browser()).status_code == 422


def test_openid_token_of_another_key_is_refused(openid_site: Site, provider: Provider) -> None:
    user_for(openid_site, provider)
    provider.signing_key = RSAKey.generate_key(2048, parameters={"kid": "k1"})
    assert sign_in(openid_site.browser()).status_code == 422


def test_openid_answer_that_this_browser_did_not_ask_for_is_refused(openid_site: Site, provider: Provider) -> None:
    user_for(openid_site, provider)
    attacker, victim = openid_site.browser(), openid_site.browser()
    begun = attacker.get("/oidc/start")
    with httpx.Client(trust_env=False) as client:
        back = client.get(begun.headers["location"]).headers["location"].removeprefix(ORIGIN)
    assert victim.get(back).status_code == 422, "no cookie"
    victim.get("/oidc/start")
    assert victim.get(back).status_code == 422, "another state"
    victim.cookies.set("protiv_oidc", "e30.made-up", domain="127.0.0.1")
    assert victim.get(back).status_code == 422, "a cookie that the console did not sign"


def test_openid_user_who_was_disabled_is_refused(openid_site: Site, provider: Provider) -> None:
    email = user_for(openid_site, provider)
    openid_site.run("UPDATE integration.console_users SET disabled_at = now() WHERE email = %s", email)
    assert sign_in(openid_site.browser()).status_code == 422


def test_openid_provider_that_is_away_leaves_the_password(site: Site) -> None:
    settings = site.settings.model_copy(
        update={
            "oidc_issuer": "http://127.0.0.1:1",
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": SecretStr(CLIENT_SECRET),
        }
    )
    with running_site(settings) as lonely:
        answer = lonely.browser().get("/oidc/start")
    assert answer.status_code == 503
    assert "Sign in with a password" in answer.text


def test_openid_that_is_not_set_up_is_not_offered(site: Site) -> None:
    assert "Protiv account" not in site.browser().get("/sign-in").text
    assert site.browser().get("/oidc/start").status_code == 404


def test_openid_without_a_client_names_the_setting(site: Site) -> None:
    settings = site.settings.model_copy(update={"oidc_issuer": "https://id.example"})
    with pytest.raises(ConfigurationError, match="OIDC_CLIENT_ID is not set"):
        services_of(settings, PublicAddress(settings))
