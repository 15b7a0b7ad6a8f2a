"""What one company sends never holds up another one: the other's records arrive within ten seconds in every case."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.soak import rounds

BOUND_S = 10.0


class OtherCompany:
    """Measures how long the other company waits. Only `make soak`, on a machine of its own, fails over the bound."""

    def __init__(self, properties: list[tuple[str, object]]) -> None:
        self._properties = properties

    @contextmanager
    def is_served(self) -> Iterator[None]:
        """The block ends when what the other company sent has arrived."""
        began = time.monotonic()
        yield
        took_s = time.monotonic() - began
        self._properties.append(("other_company_s", round(took_s, 2)))
        assert took_s < rounds(usual=float("inf"), soak=BOUND_S)


@pytest.fixture
def other_company(request: pytest.FixtureRequest) -> OtherCompany:
    return OtherCompany(request.node.user_properties)
