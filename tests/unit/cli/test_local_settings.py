"""Each process of a local stack gets what it needs, its own secrets, and nothing of the surroundings."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.local_settings import child_environment, clean_surroundings, stated_for_demo, stated_for_up
from core.settings import ENV_FILES, load_settings

SURROUNDINGS = {
    "PATH": "/usr/bin",
    "PGSSLMODE": "require",
    "PGHOSTADDR": "10.0.0.1",
    "PGOPTIONS": "-c x=y",
    "KAFKA_SASL_MECHANISM": "nonsense",
    "database_url": "postgresql://of:another@host/deployment",
    "CONSOLE_SECRET_FILE": "/run/secrets/other",
    "JAVA_TOOL_OPTIONS": "-Xmx1m",
    "QUARKUS_LOG_LEVEL": "x",
    "ALL_PROXY": "socks5://127.0.0.1:1",
    "http_proxy": "http://proxy:3128",
    "NO_PROXY": "internal",
}
VALUES = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "SCHEMA_REGISTRY_URL": "http://127.0.0.1:8081",
    "KAFKA_SASL_PASSWORD": "of-nobody",
    "DATABASE_URL": "postgresql://own",
    "CREDENTIAL_PRIVATE_KEYS": "k:private",
    "CREDENTIAL_PUBLIC_KEY": "k:public",
    "CONSOLE_SECRET": "secret",
    "OIDC_CLIENT_SECRET": "oidc",
}
SECRETS = set(VALUES) - {"KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL"}


@pytest.mark.parametrize(
    ("service", "secrets"),
    [
        ("poller", {"DATABASE_URL", "CREDENTIAL_PRIVATE_KEYS"}),
        ("streams", set()),
        ("sink", {"DATABASE_URL"}),
        ("console", {"DATABASE_URL", "CREDENTIAL_PUBLIC_KEY", "CONSOLE_SECRET", "OIDC_CLIENT_SECRET"}),
    ],
)
def test_child_environment_holds_its_own_secrets_alone(service: str, secrets: set[str]) -> None:
    made = child_environment(service, VALUES, SURROUNDINGS, proxied=False)
    assert SECRETS & set(made) == secrets
    assert made["PATH"] == "/usr/bin"
    assert made[ENV_FILES] == "none"
    assert set(made) <= {"PATH", "NO_PROXY", ENV_FILES, *VALUES}


def test_child_environment_of_a_process_that_talks_to_the_source_keeps_the_proxy_but_not_for_this_machine() -> None:
    made = child_environment("poller", VALUES, SURROUNDINGS, proxied=True)
    assert made["http_proxy"] == "http://proxy:3128"
    for name in ("NO_PROXY", "no_proxy"):
        assert {"127.0.0.1", "localhost", "::1"} <= set(made[name].split(","))
    assert made["NO_PROXY"].startswith("internal,")


def test_clean_surroundings_leaves_nothing_of_another_deployment() -> None:
    environment = dict(SURROUNDINGS)
    clean_surroundings(environment)
    assert set(environment) == {"PATH", "ALL_PROXY", "http_proxy", "NO_PROXY"}


def test_stated_for_demo_is_how_it_logs_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"LOG_LEVEL=ERROR\nDATABASE_URL=\xff\n")
    monkeypatch.setenv("LOG_FORMAT", "json")
    monkeypatch.setenv("POLL_INTERVAL_S", "soon")
    assert stated_for_demo() == {"LOG_FORMAT": "json"}


def test_stated_for_up_is_what_the_stack_does_not_decide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("POLL_INTERVAL_S=600\nDATABASE_URL=postgresql://elsewhere\n")
    monkeypatch.setenv("BUILDERTREND_MIN_REQUEST_GAP_MS", "900")
    monkeypatch.setenv("OIDC_CLIENT_SECRET", "oidc")
    assert stated_for_up() == {
        "BUILDERTREND_MIN_REQUEST_GAP_MS": "900",
        "OIDC_CLIENT_SECRET": "oidc",
        "POLL_INTERVAL_S": "600",
    }


def test_load_settings_told_so_reads_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("POLL_INTERVAL_S=600\n")
    assert load_settings().poll_interval_s == 600
    monkeypatch.setenv(ENV_FILES, "none")
    assert load_settings().poll_interval_s == 7200
