"""One product and one browser for all of these tests; each test has visitors and companies of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.e2e.console.fix_browser import Visitor, running_browser
from tests.e2e.console.fix_world import World, running_world
from tests.fix_stack import Stack

Visiting = Callable[..., Visitor]


@pytest.fixture(scope="module")
def world(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Ends with its file: its streams and sink are in the consumer groups that other tests of the stack use, too."""
    with running_world(stack, tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with its file: Playwright keeps an event loop running in this thread, which other tests cannot have."""
    with running_browser() as running:
        yield running


@pytest.fixture
def visiting(world: World, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visiting]:
    """Makes visitors; at the end each of them must have met no trouble."""
    visitors: list[Visitor] = []

    def visit(*, expected: set[int] | None = None, suffix: str = "", **options: Any) -> Visitor:
        context = browser.new_context(
            **{"timezone_id": "America/Denver", "viewport": {"width": 1280, "height": 900}, **options}
        )
        name = request.node.name.removeprefix("test_").replace("[", "-").rstrip("]") + suffix
        visitors.append(Visitor(world, context.new_page(), name, expected or set()))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.done()


@pytest.fixture
def company_id() -> str:
    return f"co-{uuid.uuid4().hex[:10]}"
