"""A sink that was away for longer than deletions are kept: which rows go, which are held, and when nothing is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from uuid import UUID

import pytest

from core.dead_letters.letter import Headers
from core.errors import RetriableError
from core.kafka.record_headers import RecordHeaders
from core.topics import entity_key
from sinks.left_overs import Compared, Decision, LiveRow, TopicKeys, decide
from sinks.messages import PartitionClaim, TopicPartition
from sinks.overdue_check import OverdueCheck
from tests.unit.sinks.factories import TOPIC_IDS, FakeMessage
from tests.unit.sinks.fakes import FakeTopicIds, HandClock

A, B = "acme", "other"
AT = TopicPartition("protiv.time-entries", 0)
CLAIM = PartitionClaim(TOPIC_IDS[AT.topic], 1, 1, 0)


def read(*records: tuple[str, str, bytes | None, int]) -> TopicKeys:
    """The keys of records (company, id, value, version) in their order."""
    keys = TopicKeys()
    keys.add(
        FakeMessage(AT.topic, entity_key(company, number), value, offset, headers_=_headers(company, version))
        for offset, (company, number, value, version) in enumerate(records)
    )
    return keys


def _headers(company: str, version: int) -> Headers:
    return [*RecordHeaders(version, "run", company).encode()]


def rows(numbers: Iterable[int], version: int = 1) -> list[LiveRow]:
    return [LiveRow(str(number), version) for number in numbers]


def topic_of(numbers: Iterable[int]) -> TopicKeys:
    """These keys, and a deletion that is still there: the newest of the company, whatever is missing."""
    return read(*[(A, str(number), b"x", 9) for number in numbers], (A, "deleted", None, 9))


def test_row_whose_key_is_not_on_the_topic_goes_and_the_others_stay() -> None:
    assert decide(A, rows([1, 2, 3]), topic_of([1, 3])) == Decision((LiveRow("2", 1),))


def test_key_of_another_company_keeps_nobodys_row() -> None:
    keys = read((A, "1", b"x", 9), (B, "2", b"x", 9))
    assert decide(A, rows([1, 2]), keys).delete == (LiveRow("2", 1),)


def test_key_counts_by_its_last_record_alone() -> None:
    keys = read((A, "1", b"x", 1), (A, "1", None, 2), (A, "2", None, 3), (A, "2", b"x", 4), (A, "3", b"x", 4))
    assert decide(A, rows([1, 2, 3]), keys).delete == (LiveRow("1", 1),)


def test_row_as_new_as_the_companys_newest_record_is_held() -> None:
    found = decide(A, [LiveRow("1", 9), LiveRow("2", 9), LiveRow("3", 8)], topic_of([1]))
    assert found == Decision((LiveRow("3", 8),), held=1)


@pytest.mark.parametrize(
    ("there", "missing", "held"),
    [(5, 20, 0), (5, 21, 21), (189, 21, 0), (188, 21, 21), (0, 1, 1), (0, 300, 300)],
)
def test_brake_holds_more_than_a_tenth_and_twenty_or_all(there: int, missing: int, held: int) -> None:
    found = decide(A, rows(range(there + missing)), topic_of(range(there)))
    assert (len(found.delete), found.held) == (missing - held, held)


def test_record_without_headers_or_key_is_no_deletion() -> None:
    keys = TopicKeys()
    keys.add([FakeMessage(AT.topic, entity_key(A, "1"), b"x", 0), FakeMessage(AT.topic, None, b"x", 1)])
    assert decide(A, rows([1]), keys) == Decision()


class Topics:
    """Topics of a test: `end` of the partition, and what reading it gives."""

    def __init__(self) -> None:
        self.end = 5
        self.found: TopicKeys | None = TopicKeys()
        self.reads = 0
        self.away = ""

    def ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        if self.away == "ends":
            raise RetriableError("no leader")
        return dict.fromkeys(partitions, self.end)

    def deletions_kept_s(self) -> dict[str, float]:
        return {AT.topic: 100.0}

    def keys(self, at: TopicPartition, stopped: Callable[[], bool]) -> TopicKeys | None:
        assert at == AT
        assert callable(stopped)
        if self.away == "keys":
            raise RetriableError("silent")
        self.reads += 1
        return self.found


class Rows:
    """Tables of a test: whether the partition is overdue, and what was done."""

    def __init__(self) -> None:
        self.is_overdue = True
        self.keys = TopicKeys()
        self.compared: Compared | None = Compared()
        self.comparisons = 0
        self.caught: list[TopicPartition] = []

    def overdue(
        self, claims: Mapping[TopicPartition, PartitionClaim], kept_s: Mapping[str, float]
    ) -> dict[TopicPartition, datetime]:
        assert kept_s
        return dict.fromkeys(claims, datetime(2026, 1, 1, tzinfo=UTC)) if self.is_overdue else {}

    def caught_up(self, claims: Mapping[TopicPartition, PartitionClaim]) -> None:
        self.caught += claims

    def delete_left_overs(
        self, at: TopicPartition, claim: PartitionClaim, merged: int, keys: TopicKeys
    ) -> Compared | None:
        assert (at, claim, merged, keys) == (AT, CLAIM, 5, self.keys)
        self.comparisons += 1
        return self.compared


class Bench:
    def __init__(self) -> None:
        self.topics, self.rows, self.ids, self.clock = Topics(), Rows(), FakeTopicIds(), HandClock()
        self.check = OverdueCheck(self.topics, self.rows, self.ids, self.clock)

    def run(self, merged: int = 5, *, stopped: bool = False) -> None:
        self.check.check({AT: CLAIM}, {AT: merged}, lambda: stopped)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_overdue_partition_is_compared_once_and_has_caught_up(bench: Bench) -> None:
    bench.run()
    assert (bench.rows.comparisons, bench.rows.caught) == (1, [AT])


def test_partition_that_is_not_overdue_is_not_read_and_has_caught_up(bench: Bench) -> None:
    bench.rows.is_overdue = False
    bench.run()
    assert (bench.topics.reads, bench.rows.comparisons, bench.rows.caught) == (0, 0, [AT])


def test_partition_with_a_backlog_has_not_caught_up(bench: Bench) -> None:
    bench.run(merged=4)
    assert (bench.topics.reads, bench.rows.caught) == (0, [])


def test_partition_that_always_grows_has_caught_up_with_its_end_of_before(bench: Bench) -> None:
    bench.rows.is_overdue = False
    bench.run(merged=4)
    bench.topics.end = 9
    bench.clock.seconds += 15
    bench.run(merged=6)
    assert bench.rows.caught == [AT]


def test_end_seen_long_ago_says_nothing(bench: Bench) -> None:
    bench.rows.is_overdue = False
    bench.run(merged=4)
    bench.topics.end = 9
    bench.clock.seconds += 3600
    bench.run(merged=6)
    assert bench.rows.caught == []


@pytest.mark.parametrize("trouble", ["not whole", "another topic", "given up"])
def test_nothing_is_deleted_after_a_read_that_says_nothing_certain(bench: Bench, trouble: str) -> None:
    if trouble == "not whole":
        bench.topics.found = None
    elif trouble == "another topic":
        bench.ids.ids[AT.topic] = UUID(int=99)
    bench.run(stopped=trouble == "given up")
    assert bench.topics.reads == 1
    assert (bench.rows.comparisons, bench.rows.caught) == (0, [])


def test_held_rows_are_compared_again_after_an_hour_until_none_is_held(bench: Bench) -> None:
    bench.rows.compared = Compared(held={A: 30})
    bench.run()
    bench.run()
    assert (bench.rows.comparisons, bench.rows.caught) == (1, [])
    bench.clock.seconds += 3601
    bench.rows.compared = Compared(deleted={A: 1})
    bench.run()
    assert (bench.rows.comparisons, bench.rows.caught) == (2, [AT])


@pytest.mark.parametrize("away", ["ends", "keys"])
def test_brokers_that_do_not_answer_delete_nothing_and_are_asked_again(bench: Bench, away: str) -> None:
    """Raised, it would be an outage of the sink, in whose pauses nobody's records are merged."""
    bench.topics.away = away
    bench.run()
    assert (bench.rows.comparisons, bench.rows.caught) == (0, [])
    bench.topics.away = ""
    bench.clock.seconds += 61
    bench.run()
    assert (bench.rows.comparisons, bench.rows.caught) == (1, [AT])
