"""Property test of delivered shifts: by column (`streams.shifts`) they give what they give record by record.

Compared are bytes, order, headers, state and counts. Record by record: `streams.normalise`, `PartitionState.apply`.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.kafka.record_headers import RecordHeaders
from core.topics import DEAD_LETTERS, partition_for
from schemas.codec import Record
from schemas.entities import COST_CODES, JOBS, TIME_ENTRIES, USERS, Entity
from streams import outputs
from streams.records import Output, RawRecord
from streams.shifts import batch as by_column
from streams.state.partition import OrdinaryShift, PartitionState
from tests.unit.streams.factories import PARTITIONS, RawTopics, cost_code, job, named, shift, user
from tests.unit.streams.fakes import CODECS, FakePublisher, published, stage
from tests.unit.streams.fix_two_ways import TwoWays
from tests.unit.streams.odd_shifts import CHANGES, ODD, PLACES, altered, contents
from tests.unit.streams.test_histories import CONTENTS

HOME = partition_for("acme", PARTITIONS)
COMPANIES = ["acme", *[name for each in range(40) if partition_for(name := f"company-{each}", PARTITIONS) == HOME][:2]]
ELSEWHERE = next(name for each in range(40) if partition_for(name := f"company-{each}", PARTITIONS) != HOME)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> TwoWays:
    return TwoWays(monkeypatch, HOME)


DELETED = [TIME_ENTRIES, JOBS, USERS, COST_CODES]
# What happens to a company: a shift with odd values, or a right record of any entity, or a deletion.
STEPS: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("shift"), contents()),
    st.tuples(st.just("plain"), st.builds(shift, st.integers(1, 4), jobId=st.integers(0, 2), userID=st.integers(1, 2))),
    st.tuples(st.just("entity"), CONTENTS),
    st.tuples(
        st.just("delete"), st.tuples(st.sampled_from([TIME_ENTRIES, JOBS, USERS, COST_CODES]), st.sampled_from("1234"))
    ),
)
HISTORIES = st.lists(st.tuples(st.sampled_from(COMPANIES), STEPS, PLACES), min_size=1, max_size=24)


def written(history: list[tuple[str, tuple[str, Any], str]]) -> list[RawRecord]:
    """The log of a partition; offsets count up over all of its companies."""
    topics = {name: RawTopics(name) for name in COMPANIES}
    log: list[RawRecord] = []
    for company, (what, given_), how in history:
        raw = topics[company]
        if what == "delete":
            log += raw.delete(*given_)
        elif what == "shift":
            log.append(altered(raw.put(TIME_ENTRIES, given_[0], **given_[1]), how))
        else:
            entity, after = given_ if what == "entity" else (TIME_ENTRIES, given_)
            log.append(raw.put(entity, after))
    return [dataclasses.replace(raw, offset=offset) for offset, raw in enumerate(log)]


def batches(log: list[RawRecord], data: st.DataObject) -> Iterator[list[RawRecord]]:
    """The log in batches; some records come late, some again."""
    late = data.draw(st.lists(st.integers(0, len(log) - 1), max_size=4, unique=True))
    again = data.draw(st.lists(st.integers(0, len(log) - 1), max_size=4))
    order = [raw for number, raw in enumerate(log) if number not in late] + [log[number] for number in (*late, *again)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3)))
    for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
        yield order[start:end]


@given(HISTORIES, st.data(), st.booleans())
@settings(max_examples=400, deadline=None)
def test_histories_of_companies_come_out_alike(
    history: list[tuple[str, tuple[str, Any], str]], data: st.DataObject, small_parts: bool
) -> None:
    log = written(history)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outputs, "_AT_ONCE", 3 if small_parts else 5_000)
        two = TwoWays(patch, HOME)
        two.load(log[: data.draw(st.integers(0, len(log)))], committed=data.draw(st.integers(0, len(log))))
        for batch in batches(log, data):
            two.take(*batch)


def records(found: list[Output]) -> list[tuple[str, Record]]:
    """Keys and canonical records."""
    return [(each.key, each.record) for each in published(found) if each.record is not None]


@pytest.mark.parametrize("name", ODD)
def test_each_odd_value_of_a_shift_comes_out_alike(two: TwoWays, name: str) -> None:
    raw = RawTopics()
    end = None if name == "timeIn" else "2026-05-20T17:49:00"
    values = enumerate(ODD[name], start=1)
    log = [raw.put(TIME_ENTRIES, shift(number, end=end) | {name: value}) for number, value in values]
    plain = two.by_column(*log)
    assert plain
    # More of these would stop the stage.
    odd = [each for each in log if each not in plain][:49]
    two.take(*plain, *odd)


@pytest.mark.parametrize("name", CHANGES)
def test_each_odd_value_of_an_envelope_comes_out_alike(two: TwoWays, name: str) -> None:
    raw = RawTopics()
    two.take(*(raw.put(TIME_ENTRIES, shift(), **{name: value}) for value in CHANGES[name]))


@pytest.mark.parametrize("how", ["other key", "no key", "other partition", "no value", "rubbish"])
def test_record_with_something_wrong_around_it_comes_out_alike(two: TwoWays, how: str) -> None:
    raw = RawTopics()
    first, second = raw.put(TIME_ENTRIES, shift()), raw.put(TIME_ENTRIES, shift(2))
    two.take(altered(first, how), second)
    assert altered(first, how) not in two.by_column(altered(first, how), second)


@given(
    st.sampled_from(["America/New_York", "Pacific/Apia", "Africa/Casablanca", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    st.datetimes(datetime(2007, 1, 1), datetime(2054, 12, 31)),
    st.integers(0, 26 * 3600),
)
@settings(max_examples=200, deadline=None)
def test_times_in_any_zone_come_out_alike(zone: str, start: datetime, length_s: int) -> None:
    start = start.replace(microsecond=0)
    with pytest.MonkeyPatch.context() as patch:
        two, raw = TwoWays(patch, HOME), RawTopics()
        end = (start + timedelta(seconds=length_s)).isoformat()
        two.take(
            raw.put(TIME_ENTRIES, shift(1, start=start.isoformat(), end=end), time_zone=zone),
            raw.put(TIME_ENTRIES, shift(2, start=start.isoformat(), end=None), time_zone=zone),
            raw.put(TIME_ENTRIES, shift(3)),
        )


AMOUNTS = st.from_regex(
    r"-?\$?([0-9]{1,9}|[0-9]{1,3}(,[0-9]{3}){1,2})(\.[0-9]{1,20})?", fullmatch=True, alphabet="-$,.0123456789"
)


@given(st.lists(AMOUNTS, min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_amounts_come_out_alike(amounts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        two, raw = TwoWays(patch, HOME), RawTopics()
        log = [
            raw.put(TIME_ENTRIES, shift(number, rate=amount, builderCost={"value": amount}))
            for number, amount in enumerate(amounts)
        ]
        assert two.by_column(*log) == log
        two.take(*log)


def test_split_shifts_go_by_column(two: TwoWays) -> None:
    raw = RawTopics()
    log = [
        raw.put(TIME_ENTRIES, shift(1, costCodes=[named("A", 11, "150"), named("B", 9, "50.0004")], jobId=0)),
        raw.put(TIME_ENTRIES, shift(2, costCodes=[named("A", 11, "479.9988")])),
        raw.put(TIME_ENTRIES, shift(3, costCodes=[named("A", 11, None), named("B", 9, "50")])),
    ]
    assert two.by_column(*log) == log
    found = dict(records(two.take(*log)))
    assert [(each["cost_code_id"], each["split_cost_code_ids"], each["split_minutes"]) for each in found.values()] == [
        (None, ["9", "11"], [120, 360]),
        ("11", [], []),
        (None, [], []),
    ]


def test_ordinary_shifts_go_by_column_and_others_by_themselves(two: TwoWays) -> None:
    raw, other = RawTopics(), RawTopics(ELSEWHERE)
    right = [raw.put(TIME_ENTRIES, shift(number)) for number in (1, 2)]
    odd = [
        raw.put(TIME_ENTRIES, shift(3, regularTime=-1)),
        raw.put(JOBS, job()),
        other.put(TIME_ENTRIES, shift(4)),
        dataclasses.replace(raw.put(TIME_ENTRIES, shift(5)), partition=other.partition),
        *raw.delete(TIME_ENTRIES, "6"),
    ]
    assert two.by_column(right[0], *odd, right[1]) == right
    two.take(right[0], *odd, right[1])


def test_only_what_is_looked_at_by_itself_is_made_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_column, "_FEWEST_DELIVERED", 1)
    raw = RawTopics()
    plain, odd = raw.put(TIME_ENTRIES, shift(1)), raw.put(TIME_ENTRIES, shift(2, rate="(5)"))
    stage(HOME, FakePublisher()).process([plain, odd])
    assert (plain.decoded is None, odd.decoded is None) == (True, False)


def test_shift_that_lies_on_another_partition_than_its_companys_is_refused(two: TwoWays) -> None:
    stray = dataclasses.replace(RawTopics().put(TIME_ENTRIES, shift()), partition=HOME + 1)
    (letter,) = two.take(stray)
    assert letter.topic == DEAD_LETTERS


def test_shift_twice_in_a_batch_is_published_once_as_it_is_last_and_in_its_last_place(two: TwoWays) -> None:
    raw = RawTopics()
    log = [raw.put(TIME_ENTRIES, shift(id_, notes=notes)) for id_, notes in ((1, "a"), (2, "b"), (1, "c"))]
    found = two.take(*log)
    assert [(key, record["notes"], record["version"]) for key, record in records(found)] == [
        ("acme/2", "b", 3),
        ("acme/1", "c", 3),
    ]
    assert [RecordHeaders.decode(each.headers).run_id for each in found] == ["run-2", "run-3"]


def test_older_shift_changes_nothing_and_the_same_one_is_published_again(two: TwoWays) -> None:
    raw = RawTopics()
    old, new = raw.put(TIME_ENTRIES, shift(notes="old")), raw.put(TIME_ENTRIES, shift(notes="new"))
    assert [record["notes"] for _, record in records(two.take(new, old))] == ["new"]
    assert two.take(old) == []
    assert len(two.take(new)) == 1


def test_deletion_ends_a_shift_and_only_a_newer_record_brings_it_back(two: TwoWays) -> None:
    raw = RawTopics()
    old = raw.put(TIME_ENTRIES, shift())
    gone, tombstone = raw.delete(TIME_ENTRIES, "9001")
    assert [each.value is None for each in two.take(old, gone, tombstone)] == [False, True]
    assert two.take(old) == []
    back = raw.put(TIME_ENTRIES, shift())
    assert [record["deleted_at"] for _, record in records(two.take(back, tombstone))] == [None]


def test_version_is_the_companys_highest_also_of_records_behind_the_shift(two: TwoWays) -> None:
    raw, other = RawTopics(), RawTopics(COMPANIES[1])
    late = raw.put(TIME_ENTRIES, shift(1))
    two.take(*(raw.put(USERS, user(number)) for number in range(1, 6)))
    found = two.take(late, other.put(TIME_ENTRIES, shift(1)), other.put(TIME_ENTRIES, shift(2)))
    assert [record["version"] for _, record in records(found)] == [6, 2, 2]
    assert [RecordHeaders.decode(each.headers).version for each in found] == [6, 2, 2]


def test_parents_in_the_batch_link_every_shift_of_it(two: TwoWays) -> None:
    raw, other = RawTopics(), RawTopics(COMPANIES[1])
    log = [
        raw.put(TIME_ENTRIES, shift(1)),
        other.put(TIME_ENTRIES, shift(1)),
        raw.put(JOBS, job()),
        raw.put(USERS, user()),
        raw.put(TIME_ENTRIES, shift(2, titles=("Unknown",))),
        raw.put(COST_CODES, cost_code()),
    ]
    found = {key: record for key, record in records(two.take(*log)) if "link_status" in record}
    assert {key: (each["link_status"], each["job_name"], each["cost_code_id"]) for key, each in found.items()} == {
        "acme/1": ("linked", "Job 1", "1"),
        f"{COMPANIES[1]}/1": ("waiting-for-job", "Row job", None),
        "acme/2": ("waiting-for-cost-code", "Job 1", None),
    }


@pytest.mark.parametrize("entity", [JOBS, USERS, COST_CODES])
def test_parent_behind_a_loaded_shift_publishes_it_only_if_it_was_not_delivered(two: TwoWays, entity: Entity) -> None:
    raw = RawTopics()
    child = raw.put(TIME_ENTRIES, shift())
    parent = raw.put(entity, {JOBS: job, USERS: user, COST_CODES: cost_code}[entity]())
    two.load([child], committed=0)
    assert [each.topic for each in two.take(child)] == [TIME_ENTRIES.canonical_topic]
    assert {each.topic for each in two.take(parent)} == {entity.canonical_topic, TIME_ENTRIES.canonical_topic}


def test_large_batch_is_rendered_in_parts(two: TwoWays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_AT_ONCE", 10)
    raw = RawTopics()
    found = two.take(*(raw.put(TIME_ENTRIES, shift(number, notes=f"{number}")) for number in range(1, 26)))
    assert [record["notes"] for _, record in records(found)] == [str(number) for number in range(1, 26)]


def test_shifts_of_two_batches_can_be_pending_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_column, "_FEWEST_DELIVERED", 1)
    raw, state = RawTopics(), PartitionState(CODECS, partitions=PARTITIONS)
    for notes, ids in (("first", (1, 2, 3)), ("second", (2, 4))):
        batch = [raw.put(TIME_ENTRIES, shift(id_, notes=notes)) for id_ in ids]
        for record, found in zip(batch, _ordinary_shifts(batch), strict=True):
            assert found is not None
            state.apply_ordinary(record.offset, found)
    rendered = list(outputs.render(state, state.take_pending().items(), CODECS, Counter()))
    assert [(key, record["notes"]) for key, record in records(rendered)] == [
        ("acme/1", "first"),
        ("acme/3", "first"),
        ("acme/2", "second"),
        ("acme/4", "second"),
    ]


def test_few_shifts_are_not_worth_columns() -> None:
    raw, number = RawTopics(), by_column._FEWEST_DELIVERED
    shifts = [raw.put(TIME_ENTRIES, shift(id_)) for id_ in range(1, number + 1)]
    few = [*shifts[1:], raw.put(JOBS, job())]
    assert _ordinary_shifts(few) == [None] * len(few)
    assert None not in _ordinary_shifts(shifts)
    assert _ordinary_shifts([]) == []


def _ordinary_shifts(batch: list[RawRecord]) -> list[OrdinaryShift | None]:
    return by_column.ordinary_shifts(batch, CODECS.decode[TIME_ENTRIES.name], partition=HOME, partitions=PARTITIONS)
