"""A company with too many dead letters is parked; another one on its partition is not affected."""

from __future__ import annotations

from dataclasses import replace

from core.dead_letters.letter import FIRST_SEEN
from core.dead_letters.share import DeadLetterShare
from core.topics import partition_for
from schemas.codec import Record
from schemas.entities import JOBS, TIME_ENTRIES
from streams.records import Output, RawRecord
from tests.unit.streams.factories import PARTITIONS, RawTopics, job, shift
from tests.unit.streams.fakes import FakePublisher, ManualClock, stage

BAD = RawTopics("bad")
GOOD_ID = next(name for n in range(99) if partition_for(name := f"good-{n}", PARTITIONS) == BAD.partition)


def backwards(number: int, raw: RawTopics = BAD, run: str = "run-1") -> RawRecord:
    """A shift that ends before it starts."""
    return in_run(raw, shift(number, end="2026-05-20T08:00:00"), run)


def in_run(raw: RawTopics, after: Record, run: str) -> RawRecord:
    record = raw.put(TIME_ENTRIES, after, run_id=run)
    return replace(record, headers=[(name, run.encode() if name == "run_id" else v) for name, v in record.headers])


def classes(publisher: FakePublisher) -> list[str]:
    return [_header(letter, "dead-letter-error-class") for letter in publisher.dead_letters()]


def _header(letter: Output, name: str) -> str:
    value = dict(letter.headers)[name]
    assert isinstance(value, bytes)
    return value.decode()


def test_400_refused_shifts_of_one_company_park_it_and_the_other_one_flows() -> None:
    publisher, good = FakePublisher(), RawTopics(GOOD_ID)
    part = stage(BAD.partition, publisher)
    part.process([*(backwards(n) for n in range(1, 401)), good.put(TIME_ENTRIES, shift(7))])
    part.process([backwards(401), good.put(TIME_ENTRIES, shift(8))])
    assert [each.key for each in publisher.canonical()] == [f"{GOOD_ID}/7", f"{GOOD_ID}/8"]
    found = classes(publisher)
    assert (len(found), found.count("bad-time"), found[-1]) == (401, 81, "company-parked")


def test_parked_records_wait_in_order_byte_for_byte_and_unread() -> None:
    publisher = FakePublisher()
    part = stage(BAD.partition, publisher)
    part.process([backwards(n) for n in range(1, 61)])
    waiting = [in_run(BAD, shift(n), "run-1") for n in range(100, 110)]
    part.process(waiting)
    letters = publisher.dead_letters()[-10:]
    assert [(letter.key, letter.value) for letter in letters] == [(raw.key, raw.value) for raw in waiting]
    assert publisher.canonical() == []


def test_corrected_source_flows_with_the_next_run() -> None:
    publisher = FakePublisher()
    part = stage(BAD.partition, publisher)
    part.process([backwards(n) for n in range(1, 61)])
    part.process([in_run(BAD, shift(n), "run-2") for n in range(1, 61)])
    assert len(publisher.canonical()) == 60


def test_waiting_record_that_is_put_through_again_is_taken_in() -> None:
    publisher = FakePublisher()
    part = stage(BAD.partition, publisher)
    part.process([backwards(n) for n in range(1, 61)])
    waiting = in_run(BAD, shift(100), "run-1")
    part.process([waiting])
    part.process([replace(waiting, offset=9_000, headers=[*waiting.headers, (FIRST_SEEN, b"2026")])])
    assert [each.key for each in publisher.canonical()] == ["bad/100"]


def test_waiting_record_never_wins_over_a_later_one_of_its_key() -> None:
    publisher = FakePublisher()
    part = stage(BAD.partition, publisher)
    part.process([backwards(n) for n in range(1, 61)])
    waiting = in_run(BAD, shift(100, notes="old"), "run-1")
    part.process([waiting])
    part.process([in_run(BAD, shift(100, notes="new"), "run-2")])
    part.process([replace(waiting, offset=9_000, headers=[*waiting.headers, (FIRST_SEEN, b"2026")])])
    assert [each.record and each.record["notes"] for each in publisher.canonical()] == ["new"]


def test_restart_tries_the_company_anew_and_stops_nobody() -> None:
    publisher, good = FakePublisher(), RawTopics(GOOD_ID)
    for restart in range(5):
        part = stage(BAD.partition, publisher, share=DeadLetterShare(ManualClock()))
        part.process([*(backwards(n) for n in range(1, 61)), good.put(TIME_ENTRIES, shift(restart + 1))])
    assert len(publisher.canonical()) == 5


def test_300_odd_records_that_were_corrected_since_are_never_looked_at() -> None:
    publisher = FakePublisher()
    part = stage(BAD.partition, publisher)
    odd = [backwards(n) for n in range(1, 301)]
    part.process([*odd, *(in_run(BAD, shift(n), "run-2") for n in range(1, 301))])
    assert publisher.dead_letters() == []
    assert len(publisher.canonical()) == 300


def test_outdated_records_of_what_is_held_are_never_looked_at() -> None:
    publisher = FakePublisher()
    part = stage(BAD.partition, publisher)
    odd = [backwards(1), BAD.rubbish(TIME_ENTRIES, "1")]
    newest = BAD.put(TIME_ENTRIES, shift(1))
    for raw in (*odd, newest):
        if raw is newest:
            part.state.load(raw, committed=0)
    part.process(odd)
    assert (publisher.dead_letters(), publisher.canonical()) == ([], [])


def test_outdated_record_is_not_looked_at_when_state_is_loaded() -> None:
    part = stage(BAD.partition, FakePublisher())
    odd = backwards(1)
    part.state.load(BAD.put(TIME_ENTRIES, shift(1)), committed=0)
    part.state.load(odd, committed=0)


def test_parents_of_a_parked_company_wait_too() -> None:
    publisher = FakePublisher()
    part = stage(BAD.partition, publisher)
    part.process([backwards(n) for n in range(1, 61)])
    record = BAD.put(JOBS, job(5))
    headers = [(name, b"run-1" if name == "run_id" else value) for name, value in record.headers]
    part.process([replace(record, headers=headers)])
    assert classes(publisher)[-1] == "company-parked"
