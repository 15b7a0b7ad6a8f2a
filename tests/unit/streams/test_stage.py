"""Batches of a partition: one transaction a batch with its dead letters, outages, too many dead letters."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from core.errors import FatalError, RetriableError, StoppedError
from schemas.avro_files import Schema
from schemas.entities import JOBS, TIME_ENTRIES
from streams import stage as stage_module
from streams.records import Codecs
from streams.state.partition import PartitionState
from tests.unit.streams.factories import PARTITIONS, LocalSchemas, RawTopics, job, shift
from tests.unit.streams.fakes import FakePublisher, ManualClock, stage


def test_batch_is_one_transaction() -> None:
    raw, publisher = RawTopics(), FakePublisher()
    stage(raw.partition, publisher).process([raw.put(JOBS, job()), raw.put(TIME_ENTRIES, shift())])
    assert len(publisher.transactions) == 1
    assert [each.entity for each in publisher.canonical()] == ["jobs", "time-entries"]


def test_batch_without_consequences_publishes_nothing() -> None:
    raw, publisher = RawTopics(), FakePublisher()
    part = stage(raw.partition, publisher)
    gone, tombstone = raw.delete(JOBS, "1")
    part.process([gone])
    part.process([tombstone])
    assert len(publisher.transactions) == 1


def test_large_consequence_is_cut_into_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_module, "TRANSACTION_RECORDS", 10)
    raw, publisher = RawTopics(), FakePublisher()
    part = stage(raw.partition, publisher)
    part.process([raw.put(TIME_ENTRIES, shift(number)) for number in range(9001, 9026)])
    part.process([raw.put(JOBS, job())])
    assert [len(each) for each in publisher.transactions] == [10, 10, 5, 10, 10, 6]
    assert len({each.key for each in publisher.canonical()[25:]}) == 26


def test_poison_is_dead_lettered_byte_for_byte_and_its_neighbours_flow() -> None:
    raw, publisher = RawTopics(), FakePublisher()
    poison = replace(raw.rubbish(JOBS, "2", b"\x00garbage"), headers=[("version", b"2"), ("odd", None)])
    stage(raw.partition, publisher).process([raw.put(JOBS, job(1)), poison, raw.put(JOBS, job(3))])
    (letter,) = publisher.dead_letters()
    assert (letter.key, letter.value, list(letter.headers)[:2]) == (poison.key, poison.value, poison.headers)
    ours = {name: value for name, value in letter.headers if name.startswith("dead-letter-")}
    assert ours["dead-letter-topic"] == b"buildertrend.jobs"
    assert ours["dead-letter-stage"] == b"streams"
    assert ours["dead-letter-error-class"] == b"unknown-schema"
    assert [each.key for each in publisher.canonical()] == ["acme/1", "acme/3"]


def test_registry_outage_is_waited_out_and_nothing_is_dead_lettered() -> None:
    raw, publisher, clock = RawTopics(), FakePublisher(), ManualClock()
    part = with_registry(stage(raw.partition, publisher, clock=clock), Flaky(failures=3))
    part.process([raw.put(JOBS, job())])
    assert publisher.dead_letters() == []
    assert [each.key for each in publisher.canonical()] == ["acme/1"]
    assert clock.seconds > 0


def test_registry_outage_that_lasts_ends_the_process_with_nothing_published() -> None:
    raw, publisher = RawTopics(), FakePublisher()
    part = with_registry(stage(raw.partition, publisher), Flaky(failures=10_000))
    with pytest.raises(FatalError, match="Gave up after 60 s: the registry is away"):
        part.process([raw.put(JOBS, job())])
    assert publisher.transactions == []


def test_outage_of_a_partition_that_is_given_up_ends_at_once() -> None:
    raw, publisher, stop = RawTopics(), FakePublisher(), threading.Event()
    part = with_registry(stage(raw.partition, publisher, stop=stop), Flaky(failures=10_000))
    stop.set()
    with pytest.raises(StoppedError):
        part.process([raw.put(JOBS, job())])
    assert publisher.transactions == []


class Flaky(LocalSchemas):
    """A registry that is unavailable for its first calls."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def schema_by_id(self, schema_id: int) -> Schema:
        if self.failures:
            self.failures -= 1
            raise RetriableError("the registry is away")
        return super().schema_by_id(schema_id)


def with_registry(part: stage_module.PartitionStage, source: LocalSchemas) -> stage_module.PartitionStage:
    codecs = Codecs.load(source)
    return replace(part, codecs=codecs, state=PartitionState(codecs, partitions=PARTITIONS))
