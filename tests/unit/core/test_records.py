"""Record headers and dead letters: what goes on with a record, byte for byte."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dead_letters.letter import (
    LARGEST_BYTES,
    Headers,
    RejectedRecord,
    dead_letter,
    dead_letter_headers,
    header_list,
)
from core.errors import InvalidRecordError
from core.kafka.record_headers import RecordHeaders

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


def test_dead_letter_that_fits_is_byte_for_byte() -> None:
    big = replace(RECORD, value=b"x" * 1_800_000)
    letter = dead_letter(big, stage="streams", error=ERROR, seen_at=SEEN_AT)
    assert (letter.key, letter.value, letter.headers[:3]) == (big.key, big.value, big.headers)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"value": b"v" * 3_000_000}, b"value"),
        ({"key": b"k" * 3_000_000}, b"key"),
        ({"value": b"v" * 3_000_000, "key": b"k" * 2_000}, b"value,key"),
        ({"headers": [("h", b"h" * 3_000_000)]}, b"headers"),
        ({"headers": [("h", b"h" * 1_950_000)], "value": b"v" * 70_000}, b"value,headers"),
    ],
)
def test_dead_letter_that_would_not_fit_is_cut_with_the_size_and_hash_of_the_whole(
    changes: dict[str, Any], named: bytes
) -> None:
    big = replace(RECORD, **changes)
    letter = dead_letter(big, stage="poller", error=ERROR, seen_at=SEEN_AT)
    headers = dict(letter.headers)
    assert headers["dead-letter-cut"] == named
    size = len(letter.key or b"") + len(letter.value or b"") + sum(len(n) + len(v or b"") for n, v in letter.headers)
    assert size < LARGEST_BYTES + 2_000
    for part in {"key", "value"} & set(named.decode().split(",")):
        whole = getattr(big, part)
        assert headers[f"dead-letter-{part}-bytes"] == str(len(whole)).encode()
        assert headers[f"dead-letter-{part}-sha256"] == hashlib.sha256(whole).hexdigest().encode()
        assert whole.startswith(getattr(letter, part))


def test_dead_letter_of_a_long_reason_and_a_hostile_first_seen_is_bounded() -> None:
    hostile = replace(RECORD, headers=[("dead-letter-first-seen", b"9" * 1_000_000)])
    error = InvalidRecordError("r" * 1_000_000, error_class="c" * 1_000_000)
    headers = dict(dead_letter(hostile, stage="poller", error=error, seen_at=SEEN_AT).headers)
    assert headers["dead-letter-first-seen"] == SEEN_AT.isoformat().encode()
    assert sum(len(value or b"") for value in headers.values()) < 2_000


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
