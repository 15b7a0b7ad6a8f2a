"""The metrics server: metrics, health and readiness of a process, on this machine alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

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
