"""Which names can only mean this machine."""

from __future__ import annotations

import pytest

from core.environment import host_of, is_loopback


@pytest.mark.parametrize(
    ("stated", "host", "loopback"),
    [
        ("127.0.0.1:9100", "127.0.0.1", True),
        ("127.9.9.9", "127.9.9.9", True),
        ("[::1]:9100", "::1", True),
        ("LOCALHOST:80", "localhost", True),
        ("a.localhost", "a.localhost", True),
        ("localhost.", "localhost.", True),
        ("evil.example", "evil.example", False),
        ("127.0.0.1.evil.example:80", "127.0.0.1.evil.example", False),
        ("localhost.evil.example", "localhost.evil.example", False),
        ("10.0.0.1", "10.0.0.1", False),
        ("", "", False),
    ],
)
def test_host_of_a_header_and_whether_it_is_loopback(stated: str, host: str, *, loopback: bool) -> None:
    assert host_of(stated) == host
    assert is_loopback(host) is loopback
