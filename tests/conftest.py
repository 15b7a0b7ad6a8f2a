"""What every test has: the marker of its folder, and the fixtures that start something real once a session."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.fix_demo", "tests.fix_stack", "tests.fix_own_stack", "tests.fix_source", "tests.other_company"]

# How long an example takes says nothing on a machine that does other things beside.
settings.register_profile("protiv", deadline=None)
settings.load_profile("protiv")

_HERE = Path(__file__).parent


# Several workers are all busy to the end only if what takes minutes begins first. One process alone begins with what
# takes milliseconds: its first failure is there soon.
_LONGEST_FIRST = ("faults", "e2e", "integration", "contract", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder is the marker: tests/unit/… is `unit`, and so on."""
    ours = [item for item in items if item.path.is_relative_to(_HERE)]
    for item in ours:
        item.add_marker(_folder(item))
    if "PYTEST_XDIST_WORKER" in os.environ and len(ours) == len(items):
        items.sort(key=lambda item: _LONGEST_FIRST.index(_folder(item)))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(_HERE).parts[0]
