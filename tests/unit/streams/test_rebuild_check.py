"""A rebuild stops before it deletes what may still exist, and says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from core.errors import FatalError, InvalidRecordError
from core.topics import entity_key
from schemas.entities import JOBS, TIME_ENTRIES, Entity
from streams.rebuild_check import Allowed, CanonicalKey, Findings, beyond_the_brake, check
from tests.unit.streams.factories import RawTopics, job

UNKNOWN = InvalidRecordError("The registry knows no schema with id 7.", error_class="unknown-schema")
ODD = InvalidRecordError("timeOut is before timeIn.", error_class="bad-times")


def places(entity: Entity, ids: Iterable[object], company_id: str = "acme") -> set[CanonicalKey]:
    return {(entity.canonical_topic, entity_key(company_id, str(each))) for each in ids}


def compared(alive: set[CanonicalKey], known: set[CanonicalKey]) -> Findings:
    found = Findings()
    found.compare(alive, known)
    return found


def test_raw_record_of_an_unknown_schema_stops_the_rebuild_and_is_located() -> None:
    raw, found = RawTopics(), Findings()
    record = raw.put(JOBS, job())
    found.add_invalid(record, UNKNOWN)
    found.compare(places(JOBS, [1]), places(JOBS, [1]))
    with pytest.raises(FatalError) as stopped:
        check(found, Allowed())
    assert re.search(
        r"1 raw records cannot be read.*Nothing is published.*buildertrend\.jobs partition 0 offset \d+, schema id "
        r"\d+: The registry knows no schema with id 7.*restore-ids.*--allow-unreadable N",
        str(stopped.value),
    )
    check(found, Allowed(unreadable=1))


def test_raw_record_that_was_refused_for_what_it_states_stops_nothing_and_is_no_stray() -> None:
    raw, found = RawTopics(), Findings()
    found.add_invalid(raw.put(JOBS, job()), ODD)
    found.compare(places(JOBS, [1]), set())
    check(found, Allowed())
    assert found.strays == set()


def test_raw_record_that_cannot_be_read_does_not_matter_once_a_newer_one_can() -> None:
    raw, found = RawTopics(), Findings()
    found.add_invalid(raw.put(JOBS, job()), UNKNOWN)
    found.add_valid(raw.put(JOBS, job()))
    check(found, Allowed())
    assert found.refused == set()


@pytest.mark.parametrize(
    ("living", "known", "beyond"),
    [(1000, 900, 0), (1000, 899, 101), (100, 80, 0), (100, 79, 21), (3, 1, 0), (3, 0, 3), (1, 0, 1)],
)
def test_brake_is_for_more_than_a_tenth_and_twenty_and_for_all(living: int, known: int, beyond: int) -> None:
    found = compared(places(TIME_ENTRIES, range(living)), places(TIME_ENTRIES, range(known)))
    assert beyond_the_brake(found).total() == beyond


def test_brake_counts_by_company_and_entity_and_lets_so_many_go_as_are_allowed() -> None:
    found = compared(places(TIME_ENTRIES, range(300)) | places(JOBS, range(40)), places(JOBS, range(39)))
    found.merge(compared(places(TIME_ENTRIES, range(50), "other"), places(TIME_ENTRIES, range(10), "other")))
    with pytest.raises(FatalError) as stopped:
        check(found, Allowed(deletions=339))
    words = str(stopped.value)
    assert "340 records" in words
    assert "acme: 300 of 300 time-entries; other: 40 of 50 time-entries." in words
    assert "`--allow-deletions 340`" in words
    check(found, Allowed(deletions=340))


def test_many_places_are_counted_and_only_some_named() -> None:
    raw, found = RawTopics(), Findings()
    for number in range(1, 9):
        found.add_invalid(raw.put(JOBS, job(number)), UNKNOWN)
    with pytest.raises(FatalError, match=r"8 raw records .*and 3 more"):
        check(found, Allowed())
