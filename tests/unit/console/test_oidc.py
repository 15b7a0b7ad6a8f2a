"""What a provider says is asked for seldom, bounded, and believed only where it is meant for this console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from console.oidc import BoundedTransport, Known, NotVouchedError, OpenId
from core.errors import RetriableError
from tests.factories import settings
from tests.fakes import FakeClock

ISSUER = "https://accounts.example"
DESCRIBED = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
}
CLAIMS = {
    "iss": ISSUER,
    "aud": "us",
    "exp": 4_000_000_000,
    "sub": "1",
    "nonce": "n",
    "email": "kim@a.example",
    "email_verified": True,
}


def openid(answer: Callable[[httpx2.Request], httpx2.Response], clock: FakeClock | None = None) -> OpenId:
    made = settings(oidc_issuer=ISSUER, oidc_client_id="us", oidc_client_secret="secret")
    transport = httpx2.MockTransport(answer)
    return OpenId(made, "https://console.example/oidc/callback", clock or FakeClock(), transport=transport)


def nobody(_request: httpx2.Request) -> httpx2.Response:
    raise AssertionError("is asked")


def person(**changes: Any) -> str:
    return openid(nobody)._person({**CLAIMS, **changes}, "n").email


def test_person_is_who_the_provider_vouches_for() -> None:
    assert person() == "kim@a.example"
    assert person(aud=["us"]) == "kim@a.example"
    assert person(aud=["us", "others"], azp="us") == "kim@a.example"


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "\u212aim@a.example"},
        {"email": "kim@a.ex\u00e4mple"},
        {"email": "kim\0@a.example"},
        {"email": ["kim@a.example"]},
        {"email_verified": "true"},
        {"aud": ["us", "others"]},
        {"aud": ["us", "others"], "azp": "others"},
        {"azp": "others"},
        {"aud": "others"},
        {"nonce": "another"},
        {"exp": 1},
    ],
)
def test_person_of_another_address_audience_or_time_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NotVouchedError):
        person(**changes)


def test_discovery_is_asked_for_once_in_ten_minutes() -> None:
    asked: list[str] = []
    clock = FakeClock()

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return httpx2.Response(200, json=DESCRIBED)

    provider = openid(answer, clock)
    for _ in range(50):
        assert provider.start().url.startswith(f"{ISSUER}/authorize?")
    assert len(asked) == 1
    clock.wait(601)
    provider.start()
    assert len(asked) == 2


@pytest.mark.parametrize(
    "described",
    [
        {**DESCRIBED, "issuer": "https://evil.example"},
        {**DESCRIBED, "token_endpoint": "http://accounts.example/token"},
        {**DESCRIBED, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ISSUER},
        [],
    ],
)
def test_discovery_that_is_another_ones_or_in_the_clear_is_not_believed(described: Any) -> None:
    with pytest.raises(RetriableError):
        openid(lambda _request: httpx2.Response(200, json=described)).start()


@pytest.mark.parametrize("body", [b"[" * 50_000, b"\xff", b"{" + b" " * 300_000 + b"}", b""])
def test_discovery_that_is_hostile_is_an_outage_and_nothing_worse(body: bytes) -> None:
    with pytest.raises(RetriableError):
        openid(lambda _request: httpx2.Response(200, content=body)).start()


def test_answer_beyond_its_bound_or_compressed_is_not_read() -> None:
    sizes = httpx2.MockTransport(lambda _request: httpx2.Response(200, content=b"x" * 11))
    with httpx2.Client(transport=BoundedTransport(sizes, most_bytes=10)) as client, pytest.raises(httpx2.ReadError):
        client.get("https://a.example")
    with httpx2.Client(transport=BoundedTransport(sizes, most_bytes=11)) as client:
        assert client.get("https://a.example").content == b"x" * 11
    bomb = httpx2.MockTransport(
        lambda _request: httpx2.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx2.ByteStream(b"\x1f"))
    )
    with httpx2.Client(transport=BoundedTransport(bomb)) as client, pytest.raises(httpx2.ReadError):
        client.get("https://a.example")


def test_value_that_is_known_is_read_again_when_it_must_be_newer() -> None:
    clock, reads = FakeClock(), iter(range(10))
    known: Known[int] = Known(clock)
    assert [known.get(lambda: next(reads), 60) for _ in range(2)] == [0, 0]
    clock.wait(61)
    assert known.get(lambda: next(reads), 600) == 0
    assert known.get(lambda: next(reads), 60) == 1
