"""Record headers and dead letters: what goes on with a record, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dead_letters import Headers, RejectedRecord, dead_letter_headers, header_list
from core.errors import InvalidRecordError
from core.record_headers import RecordHeaders

SEEN_AT = datetime(2026, 6, 17, tzinfo=UTC)
LATER = datetime(2026, 7, 1, tzinfo=UTC)
RECORD = RejectedRecord(
    "buildertrend.jobs", 3, 42, b"c1/1", b"\x00\xff", [("version", b"7"), ("trace", None), ("version", b"8")]
)
ERROR = InvalidRecordError("Its value cannot be decoded.", error_class="undecodable")


@given(st.integers(0, 2**62), st.text(), st.text())
def test_record_headers_encoded_and_decoded_are_the_same(version: int, run_id: str, company_id: str) -> None:
    headers = RecordHeaders(version, run_id, company_id)
    assert RecordHeaders.decode(headers.encode()) == headers


@pytest.mark.parametrize("missing", ["version", "run_id", "company_id"])
def test_record_headers_without_one_of_the_three_are_refused(missing: str) -> None:
    headers = [(name, value) for name, value in RecordHeaders(1, "r", "c").encode() if name != missing]
    with pytest.raises(InvalidRecordError, match=missing):
        RecordHeaders.decode(headers)


@pytest.mark.parametrize("version", [b"one", b"", None, b"1.5", b"\xff"])
def test_record_headers_version_that_is_no_number_is_refused(version: bytes | None) -> None:
    with pytest.raises(InvalidRecordError, match="version"):
        RecordHeaders.decode([("version", version), ("run_id", b"r"), ("company_id", b"c")])


def test_record_headers_of_none_are_refused() -> None:
    with pytest.raises(InvalidRecordError):
        RecordHeaders.decode(None)


def test_dead_letter_headers_keep_the_originals_in_order_and_add_where_and_why() -> None:
    headers = dead_letter_headers(RECORD, stage="streams", error=ERROR, seen_at=SEEN_AT)
    assert headers[:3] == RECORD.headers
    assert dict(headers[3:]) == {
        "dead-letter-topic": b"buildertrend.jobs",
        "dead-letter-partition": b"3",
        "dead-letter-offset": b"42",
        "dead-letter-stage": b"streams",
        "dead-letter-reason": b"Its value cannot be decoded.",
        "dead-letter-error-class": b"undecodable",
        "dead-letter-first-seen": SEEN_AT.isoformat().encode(),
    }


def test_dead_letter_headers_of_a_dead_letter_replace_the_earlier_ones_and_keep_first_seen() -> None:
    first = dead_letter_headers(RECORD, stage="streams", error=ERROR, seen_at=SEEN_AT)
    again = replace(RECORD, headers=first, offset=50)
    second = dead_letter_headers(again, stage="sink", error=ERROR, seen_at=LATER)
    assert [name for name, _ in second] == [name for name, _ in first]
    assert dict(second)["dead-letter-first-seen"] == SEEN_AT.isoformat().encode()
    assert dict(second)["dead-letter-stage"] == b"sink"
    assert dict(second)["dead-letter-offset"] == b"50"


@pytest.mark.parametrize(
    ("given_headers", "expected"),
    [
        (None, []),
        ([], []),
        ([("a", b"1"), ("a", b"2")], [("a", b"1"), ("a", b"2")]),
        ({"a": b"1"}, [("a", b"1")]),
    ],
)
def test_header_list_takes_every_form_of_the_clients(
    given_headers: dict[str, str | bytes | None] | Headers | None, expected: Headers
) -> None:
    assert header_list(given_headers) == expected
