"""Which dead letters are put through again: selected, not done with, not too old, not overtaken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dead_letters.letter import (
    MALFORMED,
    DeadLetter,
    Headers,
    Receipt,
    RejectedRecord,
    dead_letter,
    dead_letter_headers,
    letter_or_receipt,
    open_letter,
    receipt_headers,
    receipt_of,
)
from core.errors import InvalidRecordError
from core.kafka.record_headers import RecordHeaders
from core.topics import partition_for
from producers.replay.plan import LETTER_LIFE, OpenLetters, Selection, Source, Statement, home_of, is_superseded
from tests.soak import fuzz

NOW = datetime(2026, 6, 17, 18, 0, tzinfo=UTC)
PARTITIONS = 4
HOME = partition_for("acme", PARTITIONS)
ERROR = InvalidRecordError("Its value cannot be decoded.", error_class="undecodable")
BYTES = st.binary(max_size=20)


@dataclass
class Kept:
    """A record of the dead letters' topic as a client hands it over."""

    letter_offset: int
    record_key: bytes | None
    record_value: bytes | None
    record_headers: Headers
    written: datetime = NOW

    def offset(self) -> int:
        return self.letter_offset

    def key(self) -> bytes | None:
        return self.record_key

    def value(self) -> bytes | None:
        return self.record_value

    def headers(self) -> Headers:
        return self.record_headers

    def timestamp(self) -> tuple[int, int]:
        return 1, int(self.written.timestamp() * 1000)


def record(
    key: bytes | None = b"acme/1", *, version: int = 5, offset: int = 10, topic: str = "buildertrend.jobs"
) -> RejectedRecord:
    headers: Headers = [*RecordHeaders(version, "run", "acme").encode()]
    return RejectedRecord(topic, HOME, offset, key, b"rubbish", headers)


def kept(at: int, rejected: RejectedRecord | None = None, *, stage: str = "streams", written: datetime = NOW) -> Kept:
    rejected = rejected or record()
    headers = dead_letter_headers(rejected, stage=stage, error=ERROR, seen_at=written)
    return Kept(at, rejected.key, rejected.value, headers, written)


def letter(rejected: RejectedRecord | None = None) -> DeadLetter:
    return open_letter(kept(0, rejected))


def receipt(of: int, at: int) -> Kept:
    return Kept(at, b"acme/1", None, receipt_headers(of, outcome="put-through", at=NOW))


def open_after(*records: Kept, selection: Selection | None = None) -> OpenLetters:
    found = OpenLetters(selection or Selection(), NOW, PARTITIONS)
    found.read(records)
    return found


@given(
    st.none() | BYTES,
    st.none() | BYTES,
    st.lists(st.tuples(st.text("abc", min_size=1), st.none() | BYTES), max_size=3),
)
def test_letter_opened_is_the_record_that_was_refused(key: bytes | None, value: bytes | None, headers: Headers) -> None:
    rejected = RejectedRecord("buildertrend.jobs", 3, 42, key, value, headers)
    letter = Kept(7, key, value, dead_letter_headers(rejected, stage="streams", error=ERROR, seen_at=NOW))
    found = open_letter(letter)
    assert (found.record, found.stage, found.offset) == (rejected, "streams", 7)
    assert found.first_seen == NOW.isoformat().encode()


@pytest.mark.parametrize("headers", [[], [("dead-letter-topic", b"x")], receipt_headers(3, outcome="x", at=NOW)])
def test_what_is_no_letter_is_not_opened(headers: Headers) -> None:
    with pytest.raises(InvalidRecordError):
        open_letter(Kept(1, b"acme/1", None, headers))


def test_receipt_names_its_letter() -> None:
    assert receipt_of(receipt(of=3, at=9)) == Receipt(3, b"acme/1")
    assert receipt_of(kept(3)) is None


@pytest.mark.parametrize(
    "stated", [None, b"", b"x", b"-1", b" 3", b"3_0", b"\xff", b"9" * 5_000, b"9", b"10", "\u0663"]
)
def test_receipt_that_names_no_earlier_letter_is_neither_taken_nor_fatal(stated: bytes | str | None) -> None:
    forged = Kept(9, b"acme/1", None, [("dead-letter-replayed", stated)])
    before = MALFORMED._value.get()
    assert letter_or_receipt(forged) is None
    assert MALFORMED._value.get() == before + 1
    assert open_after(kept(1), forged, kept(12)).offsets == {1, 12}


def test_receipt_under_another_key_leaves_the_letter_open() -> None:
    forged = Kept(9, b"other/1", None, receipt_headers(1, outcome="put-through", at=NOW))
    assert open_after(kept(1), forged).offsets == {1}


OUR_NAMES = [
    f"dead-letter-{name}"
    for name in ("replayed", "topic", "partition", "offset", "stage", "reason", "first-seen", "cut")
]


def test_whatever_lies_in_the_topic_is_read_past() -> None:
    fuzz(anything_is_read_past)


@settings(max_examples=300, deadline=None)
@given(
    st.none() | BYTES,
    st.none() | BYTES,
    st.lists(
        st.tuples(
            st.sampled_from([*OUR_NAMES, "version", "company_id", "x"]),
            st.none() | BYTES | st.text(max_size=9) | st.integers(-5, 2**70).map(lambda number: str(number).encode()),
        ),
        max_size=14,
    ),
)
def anything_is_read_past(key: bytes | None, value: bytes | None, headers: Headers) -> None:
    found = open_after(kept(1), Kept(5, key, value, headers), kept(7))
    assert 7 in found.offsets


@pytest.mark.parametrize("name", ["partition", "offset"])
@pytest.mark.parametrize("stated", [b"-1", b"1 ", b"1" * 5_000, "\u0663", None])
def test_letter_whose_place_is_no_number_is_left_out(name: str, stated: bytes | str | None) -> None:
    odd = kept(3)
    odd.record_headers = [*odd.record_headers, (f"dead-letter-{name}", stated)]
    assert letter_or_receipt(odd) is None


def test_letter_that_was_cut_is_not_put_through() -> None:
    whole = replace(record(), value=b"x" * 3_000_000)
    made = dead_letter(whole, stage="streams", error=ERROR, seen_at=NOW)
    found = open_after(Kept(1, made.key, made.value, made.headers), kept(2))
    assert (set(found.offsets), found.cut) == ({2}, 1)


def test_letter_is_open_until_its_receipt() -> None:
    assert open_after(kept(1), kept(2), kept(5)).offsets == {1, 2, 5}
    assert open_after(kept(1), kept(2), receipt(of=1, at=3), kept(5)).offsets == {2, 5}


@pytest.mark.parametrize(
    ("selection", "offsets"),
    [
        (Selection(), {1, 2, 3, 4}),
        (Selection(stage="sink"), {2}),
        (Selection(company_id="acme"), {1, 2, 4}),
        (Selection(topics=frozenset({"buildertrend.users"})), {4}),
        (Selection(since=NOW), {1, 2, 3}),
        (Selection(until=NOW), {4}),
        (Selection(since=NOW, company_id="other"), {3}),
        (Selection(stage="poller"), set()),
    ],
)
def test_selection_takes_what_is_asked_for(selection: Selection, offsets: set[int]) -> None:
    found = open_after(
        kept(1),
        kept(2, stage="sink"),
        kept(3, record(b"other/1")),
        kept(4, record(topic="buildertrend.users"), written=NOW - timedelta(hours=1)),
        selection=selection,
    )
    assert found.offsets == offsets


def test_company_of_a_letter_without_a_right_key_is_that_of_its_headers() -> None:
    found = open_after(kept(1, record(None)), kept(2, record(b"nonsense")), selection=Selection(company_id="acme"))
    assert found.offsets == {1, 2}


def test_company_of_a_command_is_its_key() -> None:
    command = replace(record(b"acme", topic="integration.sync-commands"), headers=[])
    assert open_after(kept(1, command), selection=Selection(company_id="acme")).offsets == {1}


def test_letter_older_than_the_tombstones_is_expired() -> None:
    found = open_after(kept(1, written=NOW - LETTER_LIFE - timedelta(seconds=1)), kept(2, written=NOW - LETTER_LIFE))
    assert (set(found.offsets), found.expired) == ({2}, 1)


@pytest.mark.parametrize(
    ("newest", "superseded"),
    [
        (None, False),
        (Statement(5, 10), False),
        (Statement(4, 99), False),
        (Statement(5, 11), True),
        (Statement(6, 2), True),
    ],
)
def test_letter_is_superseded_by_a_higher_version_and_offset(newest: Statement | None, superseded: bool) -> None:
    found = {} if newest is None else {Source("buildertrend.jobs", HOME, b"acme/1"): newest}
    assert is_superseded(letter(), found, PARTITIONS) is superseded


def test_letter_without_a_version_is_superseded_by_a_later_record() -> None:
    bare = letter(replace(record(), headers=[]))
    place = Source("buildertrend.jobs", HOME, b"acme/1")
    assert is_superseded(bare, {place: Statement(1, 11)}, PARTITIONS)
    assert not is_superseded(bare, {place: Statement(9, 9)}, PARTITIONS)


def test_letter_goes_home_or_where_it_came_from() -> None:
    strayed = replace(record(), partition=(HOME + 1) % PARTITIONS)
    assert home_of(letter(strayed), PARTITIONS) == HOME
    assert home_of(letter(replace(strayed, key=b"nonsense")), PARTITIONS) == strayed.partition
    command = replace(record(b"acme", topic="integration.sync-commands"), partition=(HOME + 2) % PARTITIONS)
    assert home_of(letter(command), PARTITIONS) == command.partition


def test_row_that_the_poller_refused_is_no_record_to_put_through_and_is_counted() -> None:
    """Its value is JSON of the source: the next read takes it again, a replay would only have it refused by streams."""
    opened = open_after(kept(1, stage="poller"), kept(2), kept(3, replace(record(), topic="integration.sync-commands")))
    assert opened.offsets == {2, 3}
    assert opened.source_rows == 1
    command = kept(4, replace(record(), topic="integration.sync-commands"), stage="poller")
    assert open_after(command).offsets == {4}
