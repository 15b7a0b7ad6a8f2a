"""`.env.example` names every setting with its true default, and what docker-compose.yml asks for besides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.settings import Settings, reveal

ROOT = Path(__file__).parents[3]
LINE = re.compile(r"^#([A-Z0-9_]+)=(.*)$", re.MULTILINE)
FOR_COMPOSE = "POSTGRES_"


def example() -> dict[str, str]:
    return dict(LINE.findall((ROOT / ".env.example").read_text()))


def test_env_example_names_every_setting_and_no_other() -> None:
    named = {name for name in example() if not name.startswith(FOR_COMPOSE)}
    assert named == {name.upper() for name in Settings.model_fields}


def test_env_example_names_each_setting_once() -> None:
    names = [name for name, _ in LINE.findall((ROOT / ".env.example").read_text())]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_env_example_shows_the_default(name: str) -> None:
    assert example()[name.upper()] == str(reveal(Settings.model_fields[name].default))


def test_env_example_sets_nothing_until_it_is_edited() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_env_example_names_all_that_compose_interpolates() -> None:
    asked = set(re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert asked <= set(example())
    assert {name for name in example() if name.startswith(FOR_COMPOSE)} <= asked
