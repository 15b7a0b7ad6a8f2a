"""Random histories of commands, crashes and broker restarts: each id gets exactly one final event, and one effect."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from core.settings import Settings
from schemas.commands import CommandType
from schemas.sync_events import TERMINAL_EVENTS
from tests import factories
from tests.integration.producers.command_world import MortalDatabase, World
from tests.soak import rounds

_STEPS = 12
_BATCHES = 10


@dataclass(slots=True)
class Place:
    """A database of the test's own, and the connections that all its histories share."""

    settings: Settings
    database: MortalDatabase
    link: psycopg.Connection[Any]


@pytest.fixture
def place(own_database: Settings) -> Iterator[Place]:
    """Commits do not wait for the disk: these crashes are of the poller, not of Postgres."""
    url = own_database.database_url.get_secret_value()
    with psycopg.connect(url, autocommit=True) as link:
        name = sql.Identifier(str(link.info.dbname))
        link.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
        database = MortalDatabase(own_database)
        database.open()
        yield Place(own_database, database, link)
        database.close()


def random_command(world: World, chance: random.Random) -> dict[str, Any]:
    """A new command of any type, now and then a wrong one, or one that was sent before."""
    if world.commands and chance.random() < 0.2:
        return dict(chance.choice(world.commands))
    kind = chance.choice([*CommandType, "sync", "sync", "backfill"])
    body = factories.command_body(
        command_id=str(UUID(int=chance.getrandbits(128), version=4)),
        company_id=world.company_id,
        type=kind,
        requested_by="ana",
        dry_run=chance.random() < 0.1,
    )
    if kind == "cancel" and world.commands and chance.random() < 0.5:
        body["target_id"] = chance.choice(world.commands)["command_id"]
    if kind == "disconnect" and chance.random() < 0.8:
        body["type"] = "resume"
    if chance.random() < 0.05:
        body["type"] = "dance"
    return body


def play(world: World, chance: random.Random) -> None:
    """A history: commands come, between turns of the poller and in the middle of its reads."""
    world.fate.share = chance.choice([0.0, 0.01, 0.03, 0.08])

    def something() -> None:
        if chance.random() < 0.3:
            world.send(random_command(world, chance))

    world.during = something
    for _ in range(_STEPS):
        for _ in range(chance.choice([0, 1, 1, 2])):
            world.send(random_command(world, chance))
        if chance.random() < 0.7:
            world.turn()
    world.settle()


def final(world: World) -> list[dict[str, Any]]:
    return [record for record in world.topic.records if record["type"] in TERMINAL_EVENTS]


def expected_state(world: World) -> str:
    """What the connection is, if each command took effect once, in the order in which they came."""
    ended = {
        str(record["command_id"]): record["type"] for record in world.topic.records if record["type"] in TERMINAL_EVENTS
    }
    state, seen = "connected", set()
    for body in world.commands:
        if body["command_id"] in seen or body["dry_run"] or ended[body["command_id"]] != "completed":
            continue
        seen.add(body["command_id"])
        if body["type"] == "pause":
            state = "paused"
        elif body["type"] == "disconnect":
            state = "disconnected"
        elif body["type"] == "resume" and state == "paused":
            state = "connected"
    return state


def check(world: World) -> None:
    sent = {body["command_id"] for body in world.commands}
    endings = world.topic.endings()
    assert set(endings) - {"None"} == sent
    assert {command_id: n for command_id, n in endings.items() if n != 1 and command_id != "None"} == {}
    assert world.rows("SELECT state FROM integration.connections WHERE company_id = %s") == [(expected_state(world),)]
    assert not world.rows("SELECT 1 FROM integration.runs WHERE company_id = %s AND state = 'running'") or (
        expected_state(world) == "paused"
    )
    check_reads(world)


def check_reads(world: World) -> None:
    """A command that completed by a read names one run, which completed; a cancelled run completed nothing."""
    states = dict(world.rows("SELECT run_id::text, state FROM integration.runs WHERE company_id = %s"))
    for record in final(world):
        if record["run_id"] is None:
            continue
        fits = {"completed", "held"} if record["type"] == "completed" else {"failed", "cancelled"}
        assert states[record["run_id"]] in fits
    replays = {body["command_id"] for body in world.commands if body["type"] == "replay-dead-letters"}
    done = {r["command_id"] for r in world.topic.records if r["type"] == "completed"} & replays
    assert done <= set(world.replays), "A replay that is told as completed was done."


@pytest.mark.parametrize("batch", range(_BATCHES))
def test_history_gives_each_command_one_final_event_and_its_effect_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    crashes = 0
    for number in range(rounds(usual=40, soak=1000) // _BATCHES):
        seed = batch * 1_000_000 + number
        chance = random.Random(seed)
        world = World(place.settings, place.database, place.link, chance)
        monkeypatch.setattr("producers.connection_work.planned_reads", world.reads)
        try:
            play(world, chance)
            check(world)
        except AssertionError as exc:
            raise AssertionError(f"history {seed}: {exc}") from exc
        finally:
            world.close()
        crashes += world.crashes
    assert crashes > 0
