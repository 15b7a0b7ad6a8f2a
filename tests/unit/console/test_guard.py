"""Headers on every answer, no foreign host names, no address that others reach."""

from __future__ import annotations

import pytest

from console.guard import check_loopback
from core.errors import ConfigurationError
from tests.unit.console.factories import FakeSource, browser, make_company

PATHS = [
    "/",
    "/fragment",
    "/api/status",
    "/health",
    "/ready",
    "/metrics",
    "/static/console.js",
    "/missing",
    "/static/no",
]


@pytest.mark.parametrize("path", PATHS)
def test_guard_sets_strict_headers_on_every_answer(path: str) -> None:
    with browser(FakeSource([make_company()])) as client:
        headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == ("no-cache" if path.startswith("/static/") else "no-store")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:9", "LOCALHOST", "[::1]:8080"])
def test_guard_answers_to_names_of_this_machine(host: str) -> None:
    with browser(FakeSource()) as client:
        assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8080", "localhost@evil.example", "[", "", "x:y:z"]
)
def test_guard_refuses_foreign_names(host: str) -> None:
    with browser(FakeSource([make_company()])) as client:
        response = client.get("/api/status", headers={"Host": host})
    assert response.status_code == 421
    assert "acme" not in response.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/fragment", "/api/status"])
def test_routes_change_nothing(method: str, path: str) -> None:
    with browser(FakeSource()) as client:
        assert client.request(method, path).status_code == 405


@pytest.mark.parametrize("path", ["/static/../main.py", "/static/%2e%2e/main.py", "/static/..%2f..%2fpyproject.toml"])
def test_static_files_end_at_their_folder(path: str) -> None:
    with browser(FakeSource()) as client:
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("localhost", "127.0.0.1"), ("127.0.0.2", "127.0.0.2")],
)
def test_check_loopback_takes_this_machine(host: str, address: str) -> None:
    assert check_loopback(host) == address


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com", "", "127.0.0.1.evil.example"])  # noqa: S104 - what is refused
def test_check_loopback_refuses_what_others_reach(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"CONSOLE_HOST .* sign-in is not in this version .* 127\.0\.0\.1"):
        check_loopback(host)
