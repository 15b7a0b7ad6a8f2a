"""What the docs tell an operator to type or to watch exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from typer.main import get_command

import console.metrics
import producers.metrics
import sinks.metrics
import streams.metrics
from cli.main import app

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / ".env.example", ROOT / "docker-compose.yml"]
METRIC_MODULES = (console.metrics, producers.metrics, sinks.metrics, streams.metrics)


def commands() -> set[str]:
    """`sync`, `topics tail` and so on."""
    found: set[str] = set()
    for name, command in getattr(get_command(app), "commands", {}).items():
        below = getattr(command, "commands", {})
        found |= {f"{name} {one}" for one in below} or {name}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_docs_name_commands_that_exist(page: Path) -> None:
    text = page.read_text()
    named = re.findall(r"protiv-buildertrend ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", text)
    named += re.findall(r"run --rm cli ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", text)
    known = commands()
    assert [name for name, second in named if not {name, f"{name} {second}"} & known] == []


def test_docs_name_metrics_that_exist() -> None:
    known = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    known |= {metric.name for metric in REGISTRY.collect()} | {f"{metric.name}_total" for metric in REGISTRY.collect()}
    text = "".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"`(protiv_(?:console|poller|sink|streams)_\w+)", text))
    assert named
    assert named <= known


def test_changelog_names_the_commands_there_are() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    (sentence,) = re.findall(r"^- Command line: (.+?)\.$", changelog, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`([a-z -]+)`", " ".join(sentence.split()))) == commands()
