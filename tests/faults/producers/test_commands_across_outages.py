"""Commands while the broker, the registry and Postgres go and come back: each id has exactly one final event."""

from __future__ import annotations

import random

import pytest

from core.errors import RetriableError
from tests.fix_own_stack import OwnStack
from tests.fix_stack import Stack
from tests.integration.producers.fix_site import Site
from tests.integration.producers.fix_topics import eventually
from tests.integration.producers.test_commands_across_kills import final, let_time_pass, send_some
from tests.soak import rounds

PARTS = ("kafka", "postgres", "registry")


@pytest.fixture
def stack(own_stack: OwnStack) -> Stack:
    """Brokers of its own: others' tests go on with theirs."""
    return own_stack.stack


@pytest.mark.timeout(rounds(usual=300, soak=900))
@pytest.mark.parametrize("seed", range(rounds(usual=1, soak=4)))
def test_commands_across_outages_have_one_final_event_each(own_stack: OwnStack, site: Site, seed: int) -> None:
    chance = random.Random(seed)
    site.connect()
    sent: list[str] = []
    poller = site.start_poller()
    for part in [*PARTS[: rounds(usual=1, soak=3)], *chance.choices(PARTS, k=rounds(usual=0, soak=3))]:
        send_some(site, chance, sent)
        own_stack.take_away(part, seconds=chance.random() * 2)
    assert poller.poll() is None, site.log.read_text()[-3000:]
    eventually(lambda: _let_time_pass(site), what="the test's own connection to Postgres")
    eventually(lambda: set(final(site)) == set(sent), what="an answer to every command")
    assert set(final(site).values()) == {1}


def _let_time_pass(site: Site) -> bool:
    """False while the pool still hands out a connection from before the restart."""
    try:
        let_time_pass(site)
    except RetriableError:
        return False
    return True
