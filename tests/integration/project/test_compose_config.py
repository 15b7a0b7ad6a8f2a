"""Docker Compose itself accepts docker-compose.yml, and asks for the secrets that are not set."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROFILES = ["--profile", "sandbox", "--profile", "metrics"]


@pytest.fixture(scope="module")
def compose() -> list[str]:
    """The command of Compose 1 or of Compose 2, whichever is here."""
    for command in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(command[0]):
            found = subprocess.run([*command, "version"], check=False, capture_output=True)
            if found.returncode == 0:
                return command
    pytest.fail("Docker Compose is needed to check docker-compose.yml (Debian: apt install docker-compose).")


def config(compose: list[str], *arguments: str, secrets: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """With an example of `.env` that sets nothing: the project's own may set anything."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **secrets}
    command = [*compose, "--env-file", ".env.example", "--file", "docker-compose.yml", *PROFILES, "config", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=60)


def required() -> dict[str, str]:
    names = re.findall(r"\$\{([A-Z_]+):\?", (ROOT / "docker-compose.yml").read_text())
    return {name: f"value-of-{name.lower()}" for name in names}


def test_compose_accepts_the_file(compose: list[str]) -> None:
    found = config(compose, "--services", secrets=required())
    assert found.returncode == 0, found.stderr
    assert {"kafka-1", "poller", "streams", "sink", "console", "sandbox", "prometheus"} <= set(found.stdout.split())


def test_compose_fills_secrets_in(compose: list[str]) -> None:
    found = config(compose, secrets=required())
    assert "postgresql://protiv_sink:value-of-postgres_sink_password@postgres:5432/protiv" in found.stdout


@pytest.mark.parametrize("name", sorted(required()))
def test_compose_refuses_to_start_without_a_secret(compose: list[str], name: str) -> None:
    others = {key: value for key, value in required().items() if key != name}
    found = config(compose, "--services", secrets=others)
    assert found.returncode != 0
    assert name in found.stderr
