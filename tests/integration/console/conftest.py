"""One console for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.fix_stack import Stack, create_database, database_at, drop_database
from tests.integration.console.fix_console import Site, running_site


@pytest.fixture(scope="module")
def site(stack: Stack) -> Iterator[Site]:
    server = stack.settings.database_url.get_secret_value()
    name = f"site_{uuid4().hex[:8]}"
    create_database(server, name, template=stack.template)
    with running_site(stack.with_settings(database_url=database_at(server, name))) as running:
        yield running
    drop_database(server, name)
