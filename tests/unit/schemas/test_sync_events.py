"""Events as readers take them: what anybody may have written is refused or bounded, and never raises anything else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidRecordError
from core.topics import SYNC_EVENTS
from producers.sync_events import SyncEvent, event_record
from schemas.codec import encoder
from schemas.sync_events import LONGEST_MESSAGE, EventReader, checked_event
from tests.fakes import MemorySchemas
from tests.soak import fuzz

AT = datetime(2026, 6, 17, tzinfo=UTC)
SOURCE = MemorySchemas()
READ = EventReader(SOURCE)
WRITE = encoder(SYNC_EVENTS, SOURCE)


def event(**changes: Any) -> dict[str, Any]:
    return event_record(SyncEvent("acme", "completed", command_id="c", message="Done."), AT) | changes


def test_event_reader_takes_what_the_poller_writes() -> None:
    assert READ(WRITE(event())) == event()


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "completed\n\nevent: forged"},
        {"type": "x" * 100_000},
        {"company_id": "a\0b"},
        {"company_id": "x" * 201},
        {"command_id": "x" * 60_000},
        {"run_id": "\0"},
        {"fault": "x" * 201},
        {"at": 2**62},
        {"complete_through": -(2**62)},
        {"from_date": 2_147_483_647},
        {"to_date": -2_147_483_648},
        {"message": "x" * 70_000},
    ],
)
def test_event_reader_refuses_what_no_reader_should_look_at(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRecordError):
        READ(WRITE(event(**changes)))


def test_event_reader_cuts_a_message_and_takes_nul_from_it() -> None:
    read = checked_event(event(message="a\0b" + "x" * 3_000))
    assert read["message"].startswith("a\N{REPLACEMENT CHARACTER}b")
    assert len(read["message"]) == LONGEST_MESSAGE


def test_event_reader_of_any_bytes_gives_an_event_or_says_that_it_is_none() -> None:
    fuzz(bytes_are_an_event_or_none)


@settings(max_examples=300, deadline=None)
@given(st.none() | st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: WRITE(event())[:5] + tail))
def bytes_are_an_event_or_none(value: bytes | None) -> None:
    try:
        READ(value)
    except InvalidRecordError:
        return


def test_event_of_the_poller_is_cut_before_it_is_written() -> None:
    assert len(event_record(SyncEvent("acme", "failed", message="x" * 9_000), AT)["message"]) == LONGEST_MESSAGE
