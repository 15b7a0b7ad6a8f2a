"""Workers killed, frozen and cut off while records change all the time: the topics end as without any of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from core.settings import Settings, reveal
from schemas.avro_files import schema_text
from schemas.entities import JOBS
from tests.faults.streams.fix_load import LoadedCompany, load_on, one_a_partition
from tests.fix_own_stack import OwnStack
from tests.fix_stack import Stack
from tests.integration.streams.fix_streams import StreamsProcess, eventually
from tests.soak import rounds
from tests.unit.streams.factories import job

KILLS = rounds(usual=2, soak=20)
FREEZES = rounds(usual=1, soak=10)
OUTAGE_S = rounds(usual=5, soak=60)
SESSION_TIMEOUT_S = 10.0
SETTLING_S = 180.0
STREAMS_ENDS = (70, 71, 72)


class Workers:
    """Two streams processes that a supervisor restarts whenever one has ended."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.running = [StreamsProcess(settings) for _ in range(2)]
        self.ready_again_s: list[float] = []
        self.settle()

    def settle(self) -> None:
        """Both run and are ready."""
        began = time.monotonic()
        eventually(self._both_ready, self._logs)
        self.ready_again_s.append(time.monotonic() - began)

    def _both_ready(self) -> bool:
        # At every look, not once: a frozen worker learns that it was fenced some time after it goes on.
        for number, worker in enumerate(self.running):
            if worker.process.poll() is not None:
                assert worker.process.returncode in (-signal.SIGKILL, *STREAMS_ENDS), worker.log.read_text()
                worker.close()
                self.running[number] = StreamsProcess(self._settings)
        return all(worker.is_ready() for worker in self.running)

    def _logs(self) -> str:
        return "\n".join(f"{worker.log}:\n{worker.log.read_text()}" for worker in self.running)

    def kill(self, number: int) -> None:
        self.running[number % 2].kill()
        self.settle()

    def freeze(self, number: int) -> None:
        """Stop a worker for twice the session's time-out: its partitions go to the other one; then let it go on."""
        worker = self.running[number % 2]
        worker.process.send_signal(signal.SIGSTOP)
        time.sleep(2 * SESSION_TIMEOUT_S)
        worker.process.send_signal(signal.SIGCONT)
        self.settle()

    def close(self) -> None:
        for worker in self.running:
            worker.close()


@contextmanager
def workers(settings: Settings) -> Iterator[Workers]:
    running = Workers(settings)
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def companies(stack: Stack) -> Iterator[list[LoadedCompany]]:
    found = one_a_partition(stack.settings, stack.registry, shifts=500)
    yield found
    for each in found:
        each.reader.close()


@pytest.mark.timeout(rounds(usual=600, soak=3000))
def test_workers_killed_and_frozen_under_load_end_as_if_undisturbed(
    stack: Stack, companies: list[LoadedCompany], record_property: Callable[[str, object], None]
) -> None:
    with workers(stack.settings) as running:
        with load_on(companies):
            for number in range(KILLS):
                running.kill(number)
            for number in range(FREEZES):
                running.freeze(number)
        all_settled(companies)
        record_property("ready_again_s", running.ready_again_s)
    assert all(each.versions_never_fall() for each in companies)
    assert [each.reader.dead_letters for each in companies] == [[]] * len(companies)


@pytest.mark.timeout(600)
def test_registry_and_broker_away_under_load_lose_nothing_and_dead_letter_nothing(own_stack: OwnStack) -> None:
    companies = one_a_partition(own_stack.stack.settings, own_stack.stack.registry, shifts=200)
    with workers(own_stack.stack.settings) as running:
        with load_on(companies):
            own_stack.take_away("registry", OUTAGE_S)
            own_stack.take_away("kafka", 1)
        all_settled(companies)
        # Work went on by itself: nobody had to be started anew.
        assert [worker.process.poll() for worker in running.running] == [None, None]
    assert all(each.versions_never_fall() for each in companies)
    assert [each.reader.dead_letters for each in companies] == [[]] * len(companies)
    for each in companies:
        each.reader.close()


def test_schema_first_seen_while_the_registry_is_away_is_waited_for(own_stack: OwnStack) -> None:
    """Only a schema that no worker has seen needs the registry: nothing of it may be dead-lettered."""
    (company, *_) = one_a_partition(own_stack.stack.settings, own_stack.stack.registry, shifts=1)
    known = schema_text(JOBS.raw_topic)
    newer = known.replace('"doc": "As typed by the builder."', '"doc": "As the builder typed it."')
    assert newer != known
    with workers(own_stack.stack.settings) as running:
        new_id = register(own_stack.stack.settings, f"{JOBS.raw_topic}-value", newer)
        record = company.raw.put(JOBS, job())
        assert record.value is not None
        record.value = b"\x00" + new_id.to_bytes(4, "big") + record.value[5:]
        company.log.append(record)

        def write_meanwhile() -> None:
            company.writer.write(record)
            eventually(lambda: any("waiting_for_outage" in each.log.read_text() for each in running.running), str)

        own_stack.take_away("registry", meanwhile=write_meanwhile)
        company.reader.until(lambda: ("jobs", "1") in company.reader.table(), "the job should be there")
    assert company.reader.dead_letters == []
    company.reader.close()


def register(settings: Settings, subject: str, text: str) -> int:
    with closing(SchemaRegistryClient({"url": str(reveal(settings.schema_registry_url))})) as client:
        return client.register_schema(subject, Schema(text, "AVRO"))


def all_settled(companies: list[LoadedCompany]) -> None:
    """Wait until the canonical topics are those of an undisturbed run."""
    give_up_at = time.monotonic() + SETTLING_S
    for each in companies:
        while differs := each.difference():
            assert time.monotonic() < give_up_at, list(differs.items())[:3]
            each.reader.read()
