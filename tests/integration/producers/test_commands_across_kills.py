"""Commands on the real brokers while pollers are killed: each id has exactly one final event on the topic."""

from __future__ import annotations

import random
import time
from collections import Counter
from functools import partial
from uuid import UUID

import pytest

from schemas.sync_events import TERMINAL_EVENTS
from tests.integration.producers.fix_site import Site
from tests.integration.producers.fix_topics import events_of, eventually
from tests.soak import rounds

KINDS = (
    "sync",
    "full-sync",
    "backfill",
    "pause",
    "resume",
    "cancel",
    "release-deletions",
    "replay-dead-letters",
    "no",
)
_KILLS = 3


def final(site: Site) -> Counter[str]:
    """How many final events each command of the company has on the topic, whatever their event ids are."""
    events = events_of(site.settings, site.stack.registry, site.company_id)
    ids = [event["command_id"] for event in events if event["type"] in TERMINAL_EVENTS]
    return Counter(str(command_id) for command_id in ids if command_id)


def was_heard(site: Site, command_id: str) -> bool:
    """Accepted or refused, by whichever poller."""
    return bool(site.events(command_id))


def let_time_pass(site: Site) -> None:
    """As if the leases and the pause after a sign-in without an answer were over."""
    site.expire_leases()
    with site.database.transaction() as tx:
        tx.execute("UPDATE integration.connections SET sign_ins_unanswered = 0")


def send_some(site: Site, chance: random.Random, sent: list[str]) -> None:
    """Six commands of any kind, some of them sent before under the same id; heard of when this returns."""
    for _ in range(6):
        again = bool(sent) and chance.random() < 0.2
        command_id = chance.choice(sent) if again else str(UUID(int=chance.getrandbits(128), version=4))
        sent.append(site.send(command_id=command_id, type=chance.choice(KINDS), entities=[]))
    eventually(partial(was_heard, site, sent[-1]), what="the last command's acceptance")


@pytest.mark.parametrize("seed", range(rounds(usual=1, soak=8)))
def test_commands_across_kills_have_one_final_event_each(site: Site, seed: int) -> None:
    chance = random.Random(seed)
    site.connect()
    sent: list[str] = []
    for _ in range(_KILLS):
        poller = site.start_poller()
        send_some(site, chance, sent)
        time.sleep(chance.random() * 0.5)  # The kill comes at any moment: what matters is not when.
        poller.kill()
        poller.wait(20)
        let_time_pass(site)
    site.start_poller()
    eventually(lambda: set(final(site)) == set(sent), what="an answer to every command")
    assert set(final(site).values()) == {1}


def test_command_sent_while_all_services_are_down_is_accepted_soon_after_their_start(site: Site) -> None:
    site.connect()
    command_id = site.send(entities=["jobs"])
    site.start_poller()
    eventually(lambda: any(event["type"] == "accepted" for event in site.events(command_id)), what="the acceptance")
    assert site.answer(command_id)["type"] == "completed"
