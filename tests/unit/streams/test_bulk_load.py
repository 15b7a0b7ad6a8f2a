"""Property test of loading: by column (`streams.shifts`) it makes the state that `PartitionState.load` makes.

Unusual values are drawn often: the check by column must never accept what the way record by record refuses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidRecordError
from schemas.codec import Record, to_days
from schemas.entities import JOBS, TIME_ENTRIES, USERS, Entity
from streams.normalise.times import is_clock_steady
from streams.records import RawRecord
from streams.shifts import batch as by_column
from streams.shifts.batch import Fetched, load_together
from streams.state.partition import PartitionState
from tests.unit.streams.factories import PARTITIONS, RawTopics, job, named, shift, user
from tests.unit.streams.fakes import CODECS
from tests.unit.streams.odd_shifts import CHANGES, DAYS, HOURS, ODD, PLACES, altered, content, contents


@pytest.fixture(autouse=True)
def _by_column_from_the_first_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_column, "_FEWEST_LOADED", 1)


def twice(log: Sequence[RawRecord], committed: int, *, partition: int) -> tuple[PartitionState, PartitionState]:
    """The state loaded record by record, and together; both refuse as many."""
    slow, fast = (PartitionState(CODECS, partitions=PARTITIONS) for _ in range(2))
    refused = 0
    for raw in log:
        try:
            slow.load(dataclasses.replace(raw), committed=committed)
        except InvalidRecordError:
            refused += 1
    fetched = dataclasses.replace(fetched_of(log), partition=partition)
    also: list[RawRecord] = []
    load_together(
        fast,
        fetched,
        CODECS,
        committed=committed,
        decode_values=CODECS.decode_values,
        refused=lambda raw, _: also.append(raw),
    )
    assert len(also) == refused
    return slow, fast


def fetched_of(log: Sequence[RawRecord]) -> Fetched:
    return Fetched(
        log[0].entity,
        log[0].partition,
        [raw.offset for raw in log],
        [raw.key for raw in log],
        [raw.value for raw in log],
        lambda number: dataclasses.replace(log[number]),
    )


@given(st.lists(st.tuples(contents(), PLACES), min_size=1, max_size=12), st.integers(0, 12), st.booleans())
@settings(max_examples=400, deadline=None)
def test_state_loaded_together_is_the_state_loaded_one_by_one(
    drawn: list[tuple[tuple[Record, Record], str]], committed: int, rubbish: bool
) -> None:
    raw = RawTopics()
    log = []
    for (after, changes), how in drawn:
        record = raw.put(TIME_ENTRIES, after, **changes)
        log.append(altered(record, how if rubbish or how != "rubbish" else "as it is"))
    slow, fast = twice(log, committed, partition=raw.partition)
    assert content(fast) == content(slow)


def odd_ones(*log: RawRecord) -> list[RawRecord]:
    """The records that are loaded one by one, after the states were found to be the same."""
    slow, fast = twice(log, 1, partition=log[0].partition)
    assert content(fast) == content(slow)
    odd: list[RawRecord] = []

    def decode_values(raws: list[RawRecord]) -> None:
        odd.extend(raws)
        CODECS.decode_values(raws)

    load_together(
        PartitionState(CODECS, partitions=PARTITIONS),
        fetched_of(log),
        CODECS,
        committed=1,
        decode_values=decode_values,
        refused=lambda *_: None,
    )
    return odd


@pytest.mark.parametrize("name", ODD)
def test_each_odd_value_of_a_shift_is_loaded_as_one_by_one(name: str) -> None:
    raw = RawTopics()
    log = [
        raw.put(TIME_ENTRIES, shift(number, end=None if name == "timeIn" else "2026-05-20T17:49:00") | {name: value})
        for number, value in enumerate(ODD[name])
    ]
    odd_ones(*log)


@pytest.mark.parametrize("name", CHANGES)
def test_each_odd_value_of_an_envelope_is_loaded_as_one_by_one(name: str) -> None:
    raw = RawTopics()
    odd_ones(*(raw.put(TIME_ENTRIES, shift(), **{name: value}) for value in CHANGES[name]))


@pytest.mark.parametrize("how", ["other key", "no key", "other partition", "no value", "rubbish"])
def test_record_with_something_wrong_around_it_is_loaded_as_one_by_one(how: str) -> None:
    raw = RawTopics()
    log = [altered(raw.put(TIME_ENTRIES, shift()), how), raw.put(TIME_ENTRIES, shift(2))]
    assert log[0] in odd_ones(*log)


def test_records_on_a_partition_that_is_not_their_companys_are_refused() -> None:
    raw = RawTopics()
    elsewhere = (raw.partition + 1) % PARTITIONS
    log = [dataclasses.replace(raw.put(TIME_ENTRIES, shift(number)), partition=elsewhere) for number in (1, 2)]
    assert odd_ones(*log) == log


def test_shifts_across_a_change_of_the_clock_are_loaded_as_one_by_one() -> None:
    raw = RawTopics()
    stamps = [f"{day}T{hour}" for day in DAYS[1:7] for hour in HOURS[:9]]
    odd_ones(*(raw.put(TIME_ENTRIES, shift(1, start=start, end=end)) for start in stamps for end in stamps))


def test_ordinary_shifts_are_taken_by_column() -> None:
    raw = RawTopics()
    assert not odd_ones(
        raw.put(TIME_ENTRIES, shift()),
        raw.put(TIME_ENTRIES, shift(end=None)),
        raw.put(TIME_ENTRIES, shift(jobName=None, name=" ", rate=None, builderCost=None, breakTime=None, tags=["a"])),
        raw.put(TIME_ENTRIES, shift(9002, titles=("A", " A ", "", "B"), rate="-$1,042.505", overTime=None, jobId=0)),
        raw.put(TIME_ENTRIES, shift(costCodes=[named("A", 5, "487.998")], doubleOverTime=30, personalTimeOff=60)),
        raw.put(TIME_ENTRIES, shift(costCodes=[named("A", 5, "240"), named("B", 6, "-1"), named("", None, "x")])),
        raw.put(
            TIME_ENTRIES, shift(approvalStatus={"isApproved": True, "updatedDate": "2026-05-07T16:43:54.66"}, jobId=0)
        ),
        raw.put(TIME_ENTRIES, shift(approvalStatus={"isApproved": False, "updatedDate": "soon"})),
        raw.put(TIME_ENTRIES, shift(start="2026-05-20T22:00:00", end="2026-05-21T06:00:00")),
        raw.put(TIME_ENTRIES, shift(start="2024-02-28T22:00:00", end="2024-02-28T22:00:00")),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "2026-03-08T02:30:00", "end": "2026-03-08T09:00:00"},
        {"start": "2026-05-20T09:00:00", "end": "2026-05-20T08:59:59"},
        {"start": "2026-05-20T09:00:00", "end": "2026-05-21T09:00:01"},
        {"start": "2006-01-01T00:00:00"},
        {"rate": "9999999999"},
        {"jobId": -1},
        {"breakTime": {"breakTime": 2**31}},
        {"titles": ("A", "B\x00")},
        {"doubleOverTime": -1},
        {"personalTimeOff": -1},
        {"approvalStatus": {"isApproved": True, "updatedDate": "2026-11-01T01:30:00"}},
        {"approvalStatus": {"isApproved": True, "updatedDate": "soon"}},
        {"tags": ["A", "\x00B"]},
    ],
)
def test_shift_that_may_be_refused_is_looked_at_by_itself_and_alone(changes: dict[str, Any]) -> None:
    raw = RawTopics()
    log = [raw.put(TIME_ENTRIES, after) for after in (shift(1), shift(2, **changes), shift(3))]
    assert odd_ones(*log) == [log[1]]


def test_values_that_cannot_be_decoded_by_column_are_loaded_one_by_one() -> None:
    raw = RawTopics()
    log = [raw.put(TIME_ENTRIES, shift(number)) for number in (1, 2, 3)]
    other_schema = dataclasses.replace(log[1], value=b"\0\0\0\0\x63" + (log[1].value or b"")[5:])
    assert odd_ones(log[0], other_schema, log[2]) == [other_schema]
    longer = dataclasses.replace(log[1], value=(log[1].value or b"") + b"\0")
    assert odd_ones(log[0], longer, log[2]) == [log[0], longer, log[2]]


def test_older_shift_and_deleted_one_change_nothing() -> None:
    raw = RawTopics()
    first, second = raw.put(TIME_ENTRIES, shift()), raw.put(TIME_ENTRIES, shift(jobId=2))
    gone, tombstone = raw.delete(TIME_ENTRIES, "9001")
    back = raw.put(TIME_ENTRIES, shift(jobId=3))
    assert odd_ones(first, second, first) == []
    assert odd_ones(second, gone, tombstone, first) == [gone, tombstone]
    assert odd_ones(gone, tombstone, first, back) == [gone, tombstone]


@pytest.mark.parametrize(("entity", "after"), [(JOBS, job()), (USERS, user())])
def test_parents_are_loaded_one_by_one(entity: Entity, after: Record) -> None:
    record = RawTopics().put(entity, after)
    assert odd_ones(record) == [record]


@given(st.sampled_from(sorted(available_timezones())), st.dates(date(2007, 1, 1), date(2054, 12, 31)))
@settings(max_examples=300, deadline=None)
def test_clock_of_a_quiet_day_stands_still_every_hour(zone: str, day: date) -> None:
    if not is_clock_steady(zone, to_days(day)):
        return
    midnight = datetime.combine(day, time(), ZoneInfo(zone))
    walls = [midnight + timedelta(minutes=30 * each) for each in range(97)]
    assert len({wall.replace(fold=fold).utcoffset() for wall in walls for fold in (0, 1)}) == 1
