"""Refused records by company: what a replay is done with goes, what is forged or broken changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest
from confluent_kafka import Message

from console.refused import OpenLetters, Refused


@dataclass
class Letter:
    """A record of the topic, as the client hands it over."""

    offset_: int
    key_: bytes | None
    headers_: Sequence[tuple[str, bytes | None]]
    partition_: int = 0

    def offset(self) -> int:
        return self.offset_

    def key(self) -> bytes | None:
        return self.key_

    def value(self) -> bytes | None:
        return None

    def headers(self) -> list[tuple[str, bytes | None]]:
        return list(self.headers_)

    def partition(self) -> int:
        return self.partition_

    def topic(self) -> str:
        return "integration.dead-letters"

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_800_000_000_000


def message(letter: Letter) -> Message:
    return cast("Message", letter)


def refused(offset: int, key: bytes = b"c1/9", version: bytes = b"7", **changes: Any) -> Message:
    headers = [("version", version), ("dead-letter-topic", b"buildertrend.time-entries")]
    return message(Letter(offset, key, headers, **changes))


def receipt(of: bytes, key: bytes = b"c1/9", **changes: Any) -> Message:
    return message(Letter(99, key, [("dead-letter-replayed", of)], **changes))


def read(*messages: Message, most: int = 100, of_a_company: int = 100) -> OpenLetters:
    letters = OpenLetters(most, of_a_company=of_a_company)
    for one in messages:
        letters.take(one)
    return letters


def test_letters_of_a_company_are_known_with_their_newest_version() -> None:
    found = read(refused(1, version=b"7"), refused(2, version=b"9"), refused(3, key=b"c2/1"))
    assert found.of("c1") == Refused({("time-entries", "9"): 9})
    assert found.of("c2") == Refused({("time-entries", "1"): 7})
    assert found.of("c3") == Refused({})


def test_letter_that_a_receipt_is_of_is_open_no_more() -> None:
    found = read(refused(1), refused(2, key=b"c1/8"), receipt(b"1"), receipt(b"2", partition_=5))
    assert found.of("c1") == Refused({("time-entries", "8"): 7})


@pytest.mark.parametrize("broken", [b"soon", b"", b"\xff\xfe", b"9" * 5000, b"-1"])
def test_receipt_that_is_broken_changes_nothing(broken: bytes) -> None:
    assert read(refused(1), receipt(broken)).of("c1").versions == {("time-entries", "9"): 7}


def test_letter_with_odd_headers_and_keys_is_bounded() -> None:
    found = read(
        refused(1, version=b"9" * 5000),
        refused(2, key=b"c1/" + b"x" * 100_000),
        refused(3, key=b"c1/a\0b"),
        message(Letter(4, None, [])),
        message(Letter(5, b"\xff", [("version", None)])),
    ).of("c1")
    assert found.versions["time-entries", "9"] is None
    assert all(len(entity_id) <= 1000 and "\0" not in entity_id for _, entity_id in found.versions)


def test_letters_beyond_the_bound_are_counted_and_leave_with_their_receipts() -> None:
    found = read(refused(1), refused(2, key=b"c1/2"), refused(3, key=b"c1/3"), receipt(b"2"), most=1)
    assert found.of("c1") == Refused({("time-entries", "9"): 7}, more=1)


def test_letters_of_one_company_leave_room_for_another() -> None:
    found = read(*(refused(n, key=f"c1/{n}".encode()) for n in range(5)), refused(9, key=b"c2/1"), of_a_company=2)
    assert found.of("c1").more == 3
    assert found.of("c2") == Refused({("time-entries", "1"): 7})
