"""Comparing: only real differences are changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from control.source_state import Known
from producers.runs.compare import (
    CompareOptions,
    Comparison,
    Op,
    compare,
    fingerprint,
    unconfirmed,
)
from producers.runs.deletions import deletions
from producers.source import SourceRecord, SourceRow
from tests.factories import source_record

ZONE = "America/Denver"
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_AFTERS = st.dictionaries(st.text("abcde", min_size=1, max_size=3), _JSON, max_size=4)


def compared(
    records: Iterable[SourceRecord], published: Mapping[str, Known], *, zone: str = ZONE, new_op: Op = "CREATE"
) -> Comparison:
    return compare([SourceRow.of(record) for record in records], published, CompareOptions(zone, new_op))


def changes_of(
    records: Iterable[SourceRecord], published: dict[str, Known], *, zone: str = ZONE, new_op: Op = "CREATE"
) -> list[tuple[str, str]]:
    found = compared(records, published, zone=zone, new_op=new_op)
    return [(change.op, change.entity_id) for change in found.changes]


def published_of(*records: SourceRecord, zone: str = ZONE) -> dict[str, Known]:
    return known_after(compared(records, {}, zone=zone))


def known_after(found: Comparison) -> dict[str, Known]:
    return {
        change.entity_id: Known(change.fingerprint, change.digest) for change in found.changes if change.fingerprint
    }


@given(
    _AFTERS, st.dictionaries(st.text(max_size=4), st.text(max_size=4)), st.dictionaries(st.text(max_size=4), st.text())
)
def test_fingerprint_extras_do_not_count(after: dict[str, Any], one: dict[str, str], other: dict[str, str]) -> None:
    assert fingerprint({**after, "extras": one}, ZONE) == fingerprint({**after, "extras": other}, ZONE)


@given(_AFTERS, _AFTERS)
def test_fingerprint_is_equal_exactly_for_equal_known_fields(one: dict[str, Any], other: dict[str, Any]) -> None:
    same_kinds = repr(sorted(one.items())) == repr(sorted(other.items()))
    if one == other and same_kinds:
        assert fingerprint(one, ZONE) == fingerprint(other, ZONE)
    if one != other:
        assert fingerprint(one, ZONE) != fingerprint(other, ZONE)


@given(_AFTERS)
def test_fingerprint_order_of_fields_does_not_count(after: dict[str, Any]) -> None:
    assert fingerprint(dict(reversed(after.items())), ZONE) == fingerprint(after, ZONE)


def test_fingerprint_time_zone_counts() -> None:
    assert fingerprint({"a": 1}, "America/Denver") != fingerprint({"a": 1}, "America/Chicago")


@pytest.mark.parametrize("new_op", ["CREATE", "SNAPSHOT"])
def test_compare_new_record_has_the_op_of_the_read(new_op: Op) -> None:
    found = compared([source_record("1", a=1)], {}, new_op=new_op)
    assert [(change.op, change.entity_id) for change in found.changes] == [(new_op, "1")]
    assert (found.created, found.updated, found.unchanged) == (1, 0, 0)


def test_compare_record_as_published_is_no_change() -> None:
    record = source_record("1", a=1)
    found = compared([record], published_of(record))
    assert found.changes == []
    assert (found.created, found.updated, found.unchanged) == (0, 0, 1)


def test_compare_changed_field_is_an_update() -> None:
    before = published_of(source_record("1", a=1), source_record("2", a=1))
    found = compared([source_record("1", a=2), source_record("2", a=1)], before)
    assert [(change.op, change.entity_id) for change in found.changes] == [("UPDATE", "1")]
    assert (found.created, found.updated, found.unchanged) == (0, 1, 1)


def test_compare_other_time_zone_is_an_update_of_all() -> None:
    records = [source_record("1"), source_record("2")]
    before = published_of(*records)
    assert changes_of(records, before, zone="America/Chicago") == [("UPDATE", "1"), ("UPDATE", "2")]


def test_compare_id_twice_on_a_page_counts_once_with_its_last_row() -> None:
    found = compared([source_record("1", a=1), source_record("2"), source_record("1", a=2)], {})
    assert [change.entity_id for change in found.changes] == ["1", "2"]
    assert [change.record.after["a"] for change in found.changes if change.record and "a" in change.record.after] == [2]
    assert found.created == 2


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2))),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2))),
)
def test_compare_publishing_twice_leaves_nothing_to_publish(
    before: list[tuple[str, int]], page: list[tuple[str, int]]
) -> None:
    known = published_of(*(source_record(entity_id, a=value) for entity_id, value in before))
    records = [source_record(entity_id, a=value) for entity_id, value in page]
    first = compared(records, known)
    assert first.created + first.updated + first.unchanged == len({record.entity_id for record in records})
    after = known | known_after(first)
    assert changes_of(records, after) == []


def incomplete(entity_id: str, **fields: Any) -> SourceRecord:
    return replace(source_record(entity_id, **fields), incomplete=True)


def test_compare_incomplete_new_record_is_published() -> None:
    assert changes_of([incomplete("1", hours=None)], {}) == [("CREATE", "1")]


def test_compare_incomplete_record_never_replaces_a_whole_one() -> None:
    before = published_of(source_record("1", amount="5", hours="40"))
    assert changes_of([incomplete("1", amount="6", hours=None)], before) == []


def test_compare_incomplete_record_replaces_an_incomplete_one() -> None:
    before = published_of(incomplete("1", amount="5"))
    assert changes_of([incomplete("1", amount="5")], before) == []
    assert changes_of([incomplete("1", amount="6")], before) == [("UPDATE", "1")]


def test_compare_whole_record_replaces_an_incomplete_one_where_it_differs() -> None:
    before = published_of(incomplete("1", amount="5", hours=None))
    assert changes_of([source_record("1", amount="5", hours="40")], before) == [("UPDATE", "1")]
    assert changes_of([source_record("1", amount="5", hours=None)], before) == []


def all_unconfirmed(found: Comparison) -> dict[str, Known]:
    return {change.entity_id: Known(unconfirmed(change), None) for change in found.changes}


WHOLE = source_record("1", amount="5", hours="40")
PART = replace(source_record("1", amount="5"), incomplete=True)


@pytest.mark.parametrize("new_op", ["CREATE", "SNAPSHOT"])
@pytest.mark.parametrize("record", [WHOLE, PART])
def test_compare_record_that_was_perhaps_never_published_is_new(record: SourceRecord, new_op: Op) -> None:
    perhaps = all_unconfirmed(compared([record], {}, new_op=new_op))
    assert changes_of([record], perhaps, new_op=new_op) == [(new_op, "1")]
    assert changes_of([record], all_unconfirmed(compared([record], perhaps, new_op=new_op)), new_op=new_op) == [
        (new_op, "1")
    ]


def test_compare_record_that_was_perhaps_published_otherwise_is_an_update_even_as_before() -> None:
    before = published_of(source_record("1", amount="6"))
    perhaps = all_unconfirmed(compared([WHOLE], before))
    for now in (WHOLE, source_record("1", amount="6")):
        assert changes_of([now], perhaps) == [("UPDATE", "1")]


def test_compare_incomplete_record_never_replaces_one_that_perhaps_is_whole() -> None:
    assert changes_of([PART], all_unconfirmed(compared([WHOLE], {}))) == []
    assert changes_of([PART], all_unconfirmed(compared([WHOLE], published_of(incomplete("1", amount="7"))))) == []


def test_compare_anything_replaces_what_is_perhaps_deleted() -> None:
    (gone,) = deletions(["1"])
    for now in (WHOLE, PART):
        assert changes_of([now], {"1": Known(unconfirmed(gone), None)}) == [("UPDATE", "1")]


def raw_row(raw: bytes, reads: list[bytes], **fields: Any) -> SourceRow:
    """A row that notes when it is read."""

    def read() -> SourceRecord:
        reads.append(raw)
        return source_record("1", **fields)

    return SourceRow("1", read, raw=raw)


def test_compare_row_of_the_same_bytes_is_not_read_again() -> None:
    reads: list[bytes] = []
    options = CompareOptions(ZONE, "CREATE", b"v1")
    known = known_after(compare([raw_row(b"{1}", reads, a=1)], {}, options))
    found = compare([raw_row(b"{1}", reads, a=1)], known, options)
    assert (found.changes, found.unchanged, reads) == ([], 1, [b"{1}"])


@pytest.mark.parametrize(
    "options", [CompareOptions("America/Chicago", "CREATE", b"v1"), CompareOptions(ZONE, "CREATE", b"v2")]
)
def test_compare_row_of_the_same_bytes_is_read_again_under_other_terms(options: CompareOptions) -> None:
    reads: list[bytes] = []
    known = known_after(compare([raw_row(b"{1}", reads, a=1)], {}, CompareOptions(ZONE, "CREATE", b"v1")))
    compare([raw_row(b"{1}", reads, a=1)], known, options)
    assert len(reads) == 2


def test_compare_other_bytes_that_say_the_same_are_remembered_and_no_change() -> None:
    reads: list[bytes] = []
    options = CompareOptions(ZONE, "CREATE")
    known = known_after(compare([raw_row(b"{1}", reads, a=1)], {}, options))
    found = compare([raw_row(b"{ 1 }", reads, a=1)], known, options)
    assert found.changes == []
    again = compare([raw_row(b"{ 1 }", reads, a=1)], {"1": replace(known["1"], digest=found.digests["1"])}, options)
    assert (again.unchanged, len(reads)) == (1, 2)


@pytest.mark.parametrize("stands_in", [False, True])
def test_record_that_stands_in_for_a_whole_one_replaces_it_not_and_nothing_is_missing(*, stands_in: bool) -> None:
    whole = source_record("7", title="01 Site")
    less = replace(source_record("7", title="01"), incomplete=True, stands_in=stands_in)
    found = compared([less], published_of(whole))
    assert (found.changes, found.kept) == ([], [] if stands_in else ["7"])
