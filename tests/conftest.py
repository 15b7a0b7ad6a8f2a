"""What every test has: the marker of its folder, and the fixtures that start something real once a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.fix_demo", "tests.fix_stack", "tests.fix_own_stack", "tests.fix_source", "tests.other_company"]

# How long an example takes says nothing on a machine that does other things beside.
settings.register_profile("protiv", deadline=None)
settings.load_profile("protiv")

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder is the marker: tests/unit/… is `unit`, and so on."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(item.path.relative_to(_HERE).parts[0])
