"""Change records as messages: versions in order, headers on all, a tombstone behind every deletion."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.runs import RunId
from core.kafka.record_headers import RecordHeaders
from producers.runs.compare import Change, CompareOptions, compare
from producers.runs.deletions import deletions
from producers.runs.messages import Message, Observation, messages
from producers.source import SourceRecord, SourceRow
from schemas.batch_codec import BatchEncoder
from schemas.codec import Decoder, to_micros
from schemas.entities import COST_CODES
from tests.fakes import MemorySchemas

SOURCE = MemorySchemas()
RUN = RunId("run-1", "c1", 5)
SEEN = Observation(RUN, datetime(2026, 6, 17, 18, 0, tzinfo=UTC), "America/Denver")
DECODE = Decoder(COST_CODES.raw_topic, SOURCE)


def cost_code(entity_id: str) -> SourceRecord:
    after = {"id": int(entity_id), "code": "01.", "title": "01 Site", "category": None, "isActive": None}
    return SourceRecord(entity_id, after | {"statedBy": "list", "extras": {}})


def messages_of(changes: list[Change]) -> list[Message]:
    numbered = [(RUN.version(position), change) for position, change in enumerate(changes, start=1)]
    topic = COST_CODES.raw_topic
    return messages(numbered, SEEN, topic=topic, encode=BatchEncoder(topic, SOURCE))


def test_messages_of_a_new_record_state_it_whole() -> None:
    (message,) = messages_of(
        compare([SourceRow.of(cost_code("7"))], {}, CompareOptions("America/Denver", "SNAPSHOT")).changes
    )
    assert (message.topic, message.key) == ("buildertrend.cost-codes", b"c1/7")
    assert message.value is not None
    expected: dict[str, Any] = {
        "op": "SNAPSHOT",
        "company_id": "c1",
        "entity_id": "7",
        "version": (5 << 24) | 1,
        "observed_at": to_micros(SEEN.observed_at),
        "run_id": "run-1",
        "time_zone": "America/Denver",
        "after": cost_code("7").after,
    }
    assert DECODE(message.value) == expected


def test_messages_of_a_deletion_are_the_record_and_a_tombstone_with_the_same_headers() -> None:
    record, tombstone = messages_of(deletions(["7"]))
    assert record.value is not None
    assert DECODE(record.value)["op"] == "DELETE"
    assert DECODE(record.value)["after"] is None
    assert tombstone.value is None
    assert (tombstone.key, tombstone.headers, tombstone.topic) == (record.key, record.headers, record.topic)


def test_messages_headers_carry_version_run_and_company() -> None:
    first, _, second, _ = messages_of(deletions(["7", "8"]))
    assert RecordHeaders.decode(first.headers) == RecordHeaders((5 << 24) | 1, "run-1", "c1")
    assert RecordHeaders.decode(second.headers) == RecordHeaders((5 << 24) | 2, "run-1", "c1")


@given(
    st.tuples(st.integers(0, 2**38), st.integers(1, 2**24 - 1)),
    st.tuples(st.integers(0, 2**38), st.integers(1, 2**24 - 1)),
)
def test_version_orders_by_run_and_then_by_position(one: tuple[int, int], other: tuple[int, int]) -> None:
    versions = [RunId("r", "c", run_seq).version(position) for run_seq, position in (one, other)]
    assert (versions[0] < versions[1]) == (one < other)


@pytest.mark.parametrize("position", [0, -1, 1 << 24])
def test_version_position_out_of_range_is_refused(position: int) -> None:
    with pytest.raises(ValueError, match="16,777,215"):
        RUN.version(position)
