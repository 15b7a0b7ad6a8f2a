"""docker-compose.yml gives each service settings that exist, and only those that it needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.settings import Settings

ROOT = Path(__file__).parents[3]
IMAGE = "protiv-buildertrend:"
SETTINGS = {name.upper() for name in Settings.model_fields}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if one["image"].startswith(IMAGE)}
SECRETS = {
    "DATABASE_URL": {"setup", "poller", "sink", "console", "cli"},
    "CREDENTIAL_PRIVATE_KEYS": {"poller"},
    "CREDENTIAL_PUBLIC_KEY": {"cli", "console"},
    "CONSOLE_SECRET": {"console"},
    "OIDC_CLIENT_SECRET": {"console"},
}


def environment(service: str) -> dict[str, Any]:
    return dict(OURS[service].get("environment", {}))


def test_compose_has_every_service() -> None:
    assert set(OURS) == {"setup", "poller", "streams", "sink", "console", "cli", "sandbox"}


@pytest.mark.parametrize("service", sorted(OURS))
def test_compose_service_has_only_settings_that_exist(service: str) -> None:
    assert set(environment(service)) <= SETTINGS


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_compose_secret_goes_to_those_who_need_it_alone(secret: str) -> None:
    assert {name for name in OURS if secret in environment(name)} == SECRETS[secret]


def test_compose_services_sign_in_to_postgres_as_different_roles() -> None:
    urls = [environment(name)["DATABASE_URL"] for name in sorted(SECRETS["DATABASE_URL"])]
    roles = [re.match(r"postgresql://(\w+):\$\{POSTGRES_(\w+?)_PASSWORD", url) for url in urls]
    assert [role and role.groups() for role in roles] == [
        ("protiv_console", "CONSOLE"),
        ("protiv_console", "CONSOLE"),
        ("protiv_poller", "POLLER"),
        ("protiv_owner", "OWNER"),
        ("protiv_sink", "SINK"),
    ]


def test_compose_services_wait_for_setup_and_grants() -> None:
    completed = {"condition": "service_completed_successfully"}
    assert COMPOSE["services"]["grants"]["depends_on"] == {"setup": completed}
    for name in ("poller", "streams", "sink", "console", "cli"):
        assert OURS[name]["depends_on"] == {"grants": completed}


def test_compose_holds_no_secret_of_its_own() -> None:
    for name, service in COMPOSE["services"].items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|PRIVATE", key):
                assert re.fullmatch(r"\$\{[A-Z_]+:(\?.+|-)\}", str(value)), f"{name}: {key}"


def test_compose_publishes_ports_on_this_machine_alone() -> None:
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_compose_keeps_three_copies_and_writes_to_two() -> None:
    for broker in ("kafka-1", "kafka-2", "kafka-3"):
        settings = COMPOSE["services"][broker]["environment"]
        assert settings["KAFKA_DEFAULT_REPLICATION_FACTOR"] == 3
        assert settings["KAFKA_MIN_INSYNC_REPLICAS"] == 2
        assert settings["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{broker}:9092"


def test_compose_image_carries_the_version_of_the_project() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert {service["image"] for service in OURS.values()} == {IMAGE + version[1]}


def test_prometheus_scrapes_every_service_with_metrics() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())
    (found,) = config["scrape_configs"][0]["dns_sd_configs"]
    assert sorted(found["names"]) == sorted(name for name in OURS if "METRICS_PORT" in environment(name))
    assert {environment(name)["METRICS_PORT"] for name in found["names"]} == {found["port"]}
    assert {environment(name)["METRICS_HOST"] for name in found["names"]} == {"0.0.0.0"}
