"""Invalid records of every kind: dead-lettered once with place and reason, others unaffected; repaired: replayed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from core.clock import SystemClock
from core.dead_letters.letter import DeadLetter, open_letter, receipt_of
from core.kafka.config import producer_config
from core.kafka.record_headers import RecordHeaders
from core.settings import Settings, reveal
from core.topics import entity_key, partition_for
from producers.replay.command import await_verdict
from producers.replay.plan import Selection
from producers.replay.replay import Replayed, replay
from schemas.avro_files import schema_text
from schemas.codec import Record
from schemas.entities import JOBS, TIME_ENTRIES, USERS, Entity
from streams.records import RawRecord
from tests.fix_stack import Stack, running_stack
from tests.integration.streams.conftest import Bench
from tests.integration.streams.fix_streams import CanonicalReader, RawWriter, StreamsProcess
from tests.other_company import OtherCompany
from tests.unit.streams.factories import PARTITIONS, RawTopics, job, shift, user

pytestmark = pytest.mark.usefixtures("streams")

# A little less than a dead letter is kept whole for.
BIG = 1_800_000
ERROR_CLASS = "dead-letter-error-class"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Brokers of its own: poison stays in the topics, and others' records beside it change what a worker meets."""
    with running_stack() as running:
        yield running


@dataclass(frozen=True, slots=True)
class Poison:
    """A kind of record that can never succeed."""

    entity: Entity
    error_class: str
    reason: str
    make: Callable[[RawTopics], RawRecord]


def _value(raw: RawTopics, value: bytes | None) -> RawRecord:
    return replace(raw.put(JOBS, job(99)), value=value)


def _big(raw: RawTopics) -> RawRecord:
    whole = raw.put(JOBS, job(99))
    assert whole.value is not None
    return replace(whole, value=whole.value[:5] + b"\x7f" * BIG)


def _far(raw: RawTopics) -> RawRecord:
    return raw.put(TIME_ENTRIES, shift(99, start="9999-12-31T08:00:00", end=None))


def _foreign(raw: RawTopics) -> RawRecord:
    return replace(raw.put(JOBS, job(99)), value=raw.put(USERS, user(99)).value)


KINDS = {
    "random bytes": Poison(
        JOBS, "undecodable", "not in Confluent's Avro format", lambda raw: _value(raw, b"\xf3\x10x")
    ),
    "unknown schema": Poison(
        JOBS, "unknown-schema", "no schema with id", lambda raw: _value(raw, b"\0\0\x7f\0\0rubbish")
    ),
    "1.8 MB": Poison(JOBS, "too-large", "no record has more than", _big),
    "empty key": Poison(JOBS, "bad-key", "has no key", lambda raw: replace(raw.put(JOBS, job(99)), key=b"")),
    "bare tombstone": Poison(JOBS, "bad-headers", "no header", lambda raw: replace(_value(raw, None), headers=[])),
    "year 9999": Poison(TIME_ENTRIES, "bad-time", "not in 1990 to 2100", _far),
    "schema of another topic": Poison(JOBS, "wrong-schema", "this topic takes", _foreign),
}


def letters(bench: Bench) -> list[DeadLetter]:
    """The dead letters of the company, without receipts."""
    kept = [each for each in bench.reader.dead_letters if receipt_of(each) is None]
    return [open_letter(each) for each in kept]


def written(settings: Settings, records: list[RawRecord]) -> list[int]:
    """Write records that are larger than a poller's ever are; the offsets that they got."""
    offsets: dict[int, int] = {}

    def note(number: int, _: object, message: Any) -> None:
        offsets[number] = message.offset()

    producer = Producer(producer_config(settings) | {"message.max.bytes": 10_000_000})
    for number, raw in enumerate(records):
        producer.produce(
            raw.entity.raw_topic,
            key=raw.key,
            value=raw.value,
            headers=list(raw.headers),
            partition=raw.partition,
            on_delivery=partial(note, number),
        )
    producer.flush(30)
    return [offsets[number] for number in range(len(records))]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_poison_is_dead_lettered_once_with_its_place_and_reason(kind: Poison, stack: Stack, bench: Bench) -> None:
    bad = kind.make(bench.raw)
    before, after = bench.raw.put(JOBS, job(1)), bench.raw.put(JOBS, job(2))
    _, offset, _ = written(stack.settings, [before, bad, after])
    places = {("jobs", "1"), ("jobs", "2")}
    bench.reader.until(lambda: places <= set(bench.reader.table()), "the neighbours should be there")
    bench.reader.until(lambda: len(letters(bench)) == 1, "its dead letter should be there")
    (letter,) = letters(bench)
    record = letter.record
    assert (record.topic, record.partition, record.offset) == (kind.entity.raw_topic, bad.partition, offset)
    assert (record.key, record.value, record.headers) == (bad.key, bad.value, list(bad.headers))
    headers = dict(bench.reader.dead_letters[0].headers())
    assert headers["dead-letter-error-class"].decode() == kind.error_class
    assert kind.reason in headers["dead-letter-reason"].decode()
    assert headers["dead-letter-stage"] == b"streams"


def test_record_without_a_key_is_refused_by_the_topic_itself(stack: Stack, bench: Bench) -> None:
    errors: list[Any] = []
    producer = Producer(producer_config(stack.settings))
    producer.produce(
        JOBS.raw_topic, value=b"x", partition=bench.raw.partition, on_delivery=lambda e, _: errors.append(e)
    )
    try:
        producer.flush(30)
    except KafkaException as exc:
        errors.append(exc.args[0])
    assert KafkaError.INVALID_RECORD in {error.code() for error in errors if error is not None}


@pytest.fixture
def registry(stack: Stack) -> Iterator[SchemaRegistryClient]:
    with closing(SchemaRegistryClient({"url": str(reveal(stack.settings.schema_registry_url))})) as client:
        yield client


def test_repaired_letter_is_put_through_and_others_are_refused_again(
    stack: Stack, bench: Bench, registry: SchemaRegistryClient
) -> None:
    """The repair: somebody registers the schema that was missing."""
    newer = schema_text(JOBS.raw_topic).replace('"doc": "As typed', f'"doc": "{uuid.uuid4()}: as typed')
    unused = f'{{"type": "enum", "name": "A{uuid.uuid4().hex}", "symbols": ["A"]}}'
    last_id = registry.register_schema(f"test-{uuid.uuid4()}", Schema(unused, "AVRO"))
    good = bench.raw.put(JOBS, job(1, jobName="Repaired"))
    assert good.value is not None
    early = replace(good, value=b"\0" + (last_id + 1).to_bytes(4, "big") + good.value[5:])
    hopeless = bench.raw.rubbish(JOBS, "2")
    bench.writer.write(early, hopeless)
    bench.reader.until(lambda: len(letters(bench)) == 2, "both should be dead-lettered")
    assert registry.register_schema(f"test-{uuid.uuid4()}", Schema(newer, "AVRO")) == last_id + 1
    selection = Selection(stage="streams", company_id=bench.raw.company_id)
    assert replay(stack.settings, selection, SystemClock()) == Replayed(put_through=2)
    bench.reader.until(lambda: ("jobs", "1") in bench.reader.table(), "the repaired one should be there")
    bench.reader.until(lambda: len(letters(bench)) == 3, "the other one should be refused again")
    assert bench.reader.table()["jobs", "1"]["name"] == "Repaired"
    first, again = [each for each in letters(bench) if each.record.key == entity_key(bench.raw.company_id, "2")]
    assert first.first_seen == again.first_seen


def in_run(raw: RawTopics, run_id: str, after: Record) -> RawRecord:
    """A shift as one of the records of a run."""
    record = raw.put(TIME_ENTRIES, after, run_id=run_id)
    return replace(record, headers=RecordHeaders(raw.version, run_id, raw.company_id).encode())


def test_400_shifts_that_end_before_they_start_park_their_company_and_another_one_flows(
    stack: Stack, bench: Bench, streams: StreamsProcess, other_company: OtherCompany
) -> None:
    names = (f"{bench.raw.company_id}-{n}" for n in range(999))
    other_id = next(name for name in names if partition_for(name, PARTITIONS) == bench.raw.partition)
    other = Bench(
        RawTopics(other_id, stack.registry),
        RawWriter(stack.settings, other_id),
        CanonicalReader(stack.settings, stack.registry, other_id),
    )
    bench.writer.write(*(in_run(bench.raw, "one", shift(n, end="2026-05-20T08:00:00")) for n in range(1, 401)))
    other.writer.write(other.raw.put(JOBS, job(1)))
    with other_company.is_served():
        other.reader.until(lambda: ("jobs", "1") in other.reader.table(), "the other company's job should be there")
    bench.reader.until(lambda: len(letters(bench)) == 400, "all of them should be refused, or wait")
    parked = [each for each in bench.reader.dead_letters if (ERROR_CLASS, b"company-parked") in each.headers()]
    assert parked
    bench.writer.write(in_run(bench.raw, "two", shift(1)))
    bench.reader.until(lambda: ("time-entries", "1") in bench.reader.table(), "the next run should be tried")
    selection = Selection(company_id=bench.raw.company_id)
    assert replay(stack.settings, selection, SystemClock()) == Replayed(put_through=399, superseded=1)
    bench.reader.until(lambda: len(letters(bench)) == 799, "all others should be refused again")
    other.writer.write(other.raw.put(JOBS, job(2)))
    with other_company.is_served():
        other.reader.until(lambda: ("jobs", "2") in other.reader.table(), "the other company should still flow")
    assert streams.process.poll() is None
    other.reader.close()


def test_poison_that_is_put_through_again_is_told_as_refused_again_and_its_neighbour_as_taken(
    stack: Stack, bench: Bench
) -> None:
    bad = _value(bench.raw, b"\xf3\x10x")
    written(stack.settings, [bad])
    bench.reader.until(lambda: len(letters(bench)) == 1, "its dead letter should be there")
    clock = SystemClock()
    since = clock.now() - timedelta(minutes=1)
    done = replay(stack.settings, Selection(company_id=bench.raw.company_id), clock)
    verdict = await_verdict(stack.settings, done.sent, since, clock, stopped=lambda: False)
    assert (done.put_through, verdict.refused, verdict.taken) == (1, 1, 0)
    assert "not in Confluent's Avro format" in verdict.reason
