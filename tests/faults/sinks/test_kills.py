"""The sink killed at every statement of a batch, and at any moment under load with a second one beside it: at every
kill the table is the fold of the topic at the stored offsets, and nothing is missing at the end.
"""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from core.clock import SystemClock
from core.settings import Settings
from schemas.codec import Record
from schemas.entities import TIME_ENTRIES
from sinks.main import build_loop, dead_letter_share
from tests.contract.sinks.fix_postgres import rows
from tests.faults.sinks.fold import TOPIC, Log, snapshot
from tests.faults.sinks.killable import POINTS
from tests.faults.sinks.lost_answer import LostAnswers
from tests.fix_stack import Stack
from tests.integration.sinks.fix_sinks import DEADLINE_S, Publisher, until
from tests.soak import rounds
from tests.unit.sinks.factories import deletion, record

KILLABLE = ("-m", "tests.faults.sinks.killable")
ENTRIES = 300


@dataclass(slots=True)
class Company:
    """A company whose shifts are created, changed, deleted and brought back at random, versions rising."""

    publisher: Publisher
    chance: random.Random
    version: int = 0

    def tell(self, count: int) -> None:
        for _ in range(count):
            self.version += 1
            entry = str(self.chance.randrange(ENTRIES))
            if self.chance.random() < 0.1:
                self.publisher.publish(deletion(entity_id=entry, version=self.version))
                self.publisher.put(TIME_ENTRIES, entry, None, self.version)
            else:
                self.publisher.publish(self._shift(entry, self.version))
                # Now and then an old version comes late: it must change nothing that is newer.
                if self.chance.random() < 0.2:
                    self.publisher.publish(self._shift(entry, max(1, self.version - 50)))
        self.publisher.flush()

    def _shift(self, entry: str, version: int) -> Record:
        return record(entity_id=entry, version=version, total_minutes=self.chance.randrange(10_000))


@dataclass(slots=True)
class Scene:
    """Companies on all partitions, the log of what was told of them, and a database."""

    settings: Settings
    companies: list[Company]
    log: Log
    group: str = field(default_factory=lambda: f"sink-kill-{uuid.uuid4().hex[:8]}")

    @property
    def url(self) -> str:
        return self.settings.database_url.get_secret_value()

    def tell(self, count: int) -> None:
        for company in self.companies:
            company.tell(count)

    def check(self) -> dict[int, int]:
        """The table is the fold at the stored offsets; returns these."""
        offsets, shown = snapshot(self.url, self.log.companies)
        assert shown == self.log.fold(offsets)
        return offsets

    def all_is_merged(self) -> bool:
        """Whether the newest version of every company is stored."""
        found = rows(self.url, "SELECT company_id, max(version) AS version FROM protiv.time_entries GROUP BY 1")
        stored = {row["company_id"]: row["version"] for row in found}
        return all(stored.get(each.publisher.company_id) == each.version for each in self.companies)


@pytest.fixture
def scene(stack: Stack, sink_settings: Settings) -> Scene:
    chance = random.Random(6)
    publishers = [Publisher(sink_settings, stack.registry) for _ in range(6)]
    log = Log(sink_settings, stack.registry, [each.company_id for each in publishers])
    return Scene(sink_settings, [Company(each, chance) for each in publishers], log)


def test_table_is_the_fold_of_the_topic_after_a_kill_at_every_statement(
    scene: Scene, start_process: Callable[..., subprocess.Popen[bytes]]
) -> None:
    for number, point in enumerate(POINTS):
        scene.tell(300)
        # A new group each time: nobody has to wait until the brokers have noticed that a member is dead.
        dying = start_process(*KILLABLE, SINK_GROUP=f"{scene.group}-{number}", KILL_AT=point, KILL_NTH="3")
        assert dying.wait(DEADLINE_S) == -signal.SIGKILL
        scene.check()
    start_process(*KILLABLE, SINK_GROUP=f"{scene.group}-last")
    until(scene.all_is_merged)
    scene.check()


def test_batch_whose_commit_was_acknowledged_and_the_answer_lost_is_merged_once(scene: Scene, stack: Stack) -> None:
    scene.tell(300)
    with LostAnswers(scene.url) as proxy:
        settings = stack.with_settings(database_url=proxy.url)
        loop = build_loop(
            settings, stack.registry, clock=SystemClock(), share=dead_letter_share(SystemClock()), group=scene.group
        )
        stop = threading.Event()
        running = threading.Thread(target=loop.run, args=[stop], daemon=True)
        running.start()
        for _ in range(3):
            next_one = proxy.lost + 1
            proxy.lose_next_commit()
            scene.tell(50)
            until(partial(_has_lost, proxy, next_one))
            scene.check()
        until(scene.all_is_merged)
        scene.check()
        stop.set()
        running.join(DEADLINE_S)
    assert proxy.lost == 3


def test_two_sinks_killed_at_any_moment_under_load_leave_the_fold(
    scene: Scene, start_process: Callable[..., subprocess.Popen[bytes]]
) -> None:
    chance = random.Random(30)

    def start() -> subprocess.Popen[bytes]:
        return start_process(*KILLABLE, SINK_GROUP=scene.group)

    running = [start(), start()]
    with told_all_the_time(scene):
        for _ in range(rounds(usual=3, soak=30)):
            before = sum(scene.check().values())
            until(partial(_has_stored_more, scene, before, chance))
            victim = running.pop(chance.randrange(2))
            victim.kill()
            victim.wait(DEADLINE_S)
            scene.check()
            running.append(start())
    until(scene.all_is_merged)
    scene.check()


def _has_lost(proxy: LostAnswers, answers: int) -> bool:
    return proxy.lost >= answers


def _has_stored_more(scene: Scene, before: int, chance: random.Random) -> bool:
    return stored(scene) > before + chance.randrange(1, 3_000)


def stored(scene: Scene) -> int:
    found = rows(
        scene.url, "SELECT coalesce(sum(next_offset), 0)::bigint AS at FROM protiv.sink_offsets WHERE topic = %s", TOPIC
    )
    return int(found[0]["at"])


@contextmanager
def told_all_the_time(scene: Scene) -> Iterator[None]:
    """Changes keep coming from another thread until the block ends; one that failed fails the test."""
    end = threading.Event()

    def tell() -> None:
        while not end.wait(0.05):
            scene.tell(20)

    with ThreadPoolExecutor(1) as threads:
        telling = threads.submit(tell)
        try:
            yield
        finally:
            end.set()
        telling.result(DEADLINE_S)
