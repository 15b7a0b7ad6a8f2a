"""The metrics server: metrics, health and readiness of a process, on this machine alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import httpx
import pytest

from core.errors import ConfigurationError
from core.metrics import MetricsServer


@contextmanager
def serving(*, ready: bool = True) -> Iterator[str]:
    with closing(MetricsServer(0, ready=lambda: ready)) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("path", "status", "words"), [("/metrics", 200, "python_info"), ("/health", 200, "alive"), ("/other", 404, "Try")]
)
def test_metrics_server_answers_its_paths(path: str, status: int, words: str) -> None:
    with serving() as address:
        answer = httpx.get(address + path)
    assert answer.status_code == status
    assert words in answer.text


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_metrics_server_says_whether_the_process_is_ready(*, ready: bool, status: int) -> None:
    with serving(ready=ready) as address:
        answer = httpx.get(address + "/ready")
    assert answer.status_code == status
    assert answer.json() == {"ready": ready}


def test_metrics_server_says_why_the_process_is_not_ready() -> None:
    with closing(MetricsServer(0, ready=lambda: False, why_not=lambda: "Postgres is away.")) as server:
        answer = httpx.get(f"http://127.0.0.1:{server.port}/ready")
    assert answer.json() == {"ready": False, "reason": "Postgres is away."}


def test_metrics_server_port_in_use_names_the_setting() -> None:
    refused = pytest.raises(ConfigurationError, match="METRICS_PORT")
    with closing(MetricsServer(0, ready=lambda: True)) as first, refused:
        MetricsServer(first.port, ready=lambda: True)


def test_metrics_server_on_loopback_answers_loopback_names_alone() -> None:
    with serving() as address:
        for host, status in (("localhost:1", 200), ("[::1]", 200), ("evil.example", 421), ("", 421)):
            assert httpx.get(address + "/metrics", headers={"Host": host}).status_code == status


def test_metrics_server_elsewhere_answers_any_name() -> None:
    with closing(MetricsServer(0, ready=lambda: True, host="0.0.0.0")) as server:
        answer = httpx.get(f"http://127.0.0.1:{server.port}/ready", headers={"Host": "poller:9100"})
    assert answer.status_code == 200


def test_metrics_server_on_ipv6_answers_there() -> None:
    with closing(MetricsServer(0, ready=lambda: True, host="::1")) as server:
        assert httpx.get(f"http://[::1]:{server.port}/ready").status_code == 200


def test_metrics_server_with_more_slow_clients_than_it_takes_answers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.metrics._REQUEST_S", 0.5)
    with serving() as address, ExitStack() as clients:
        port = int(address.rpartition(":")[2])
        for _ in range(20):
            slow = clients.enter_context(closing(socket.create_connection(("127.0.0.1", port))))
            slow.sendall(b"GET /metrics HTTP/1.1\r\nHost:")
        assert httpx.get(address + "/ready", timeout=10).status_code == 200
