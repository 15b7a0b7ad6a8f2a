"""Sync events: records that the schema takes, and a terminal event that is the same however often it is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from core.topics import SYNC_EVENTS
from producers.runs.outcome import total
from producers.sync_events import SyncEvent, event_record
from schemas.codec import Decoder, encoder, from_micros
from schemas.sync_events import TERMINAL_EVENTS
from tests.fakes import MemorySchemas

AT = datetime(2026, 6, 17, 18, 0, tzinfo=UTC)
EVENT = SyncEvent("c1", "progress", command_id="3f0e", run_id="r1", entity="jobs")
COUNTS = {"read": 5, "created": 1, "updated": 2, "deleted": 1, "unchanged": 1}


def test_event_record_goes_through_the_schema_and_keeps_everything() -> None:
    event = replace(
        EVENT,
        counts=COUNTS,
        pages_done=2,
        pages_total=7,
        from_date=date(1970, 1, 2),
        complete_through=AT,
        message="m",
        fault="rate-limited",
    )
    source = MemorySchemas()
    record = Decoder(SYNC_EVENTS, source)(encoder(SYNC_EVENTS, source)(event_record(event, AT)))
    assert record["counts"] == {**COUNTS, "dead_lettered": 0}
    assert (record["pages_done"], record["pages_total"], record["from_date"]) == (2, 7, 1)
    assert from_micros(record["complete_through"]) == from_micros(record["at"]) == AT
    assert (record["company_id"], record["run_id"], record["fault"]) == ("c1", "r1", "rate-limited")


@pytest.mark.parametrize("kind", sorted(TERMINAL_EVENTS))
def test_terminal_event_of_a_command_has_one_id_for_ever(kind: str) -> None:
    first, again = (event_record(replace(EVENT, type=kind, message=text), AT)["event_id"] for text in ("a", "b"))
    other = event_record(replace(EVENT, type=kind, command_id="77aa"), AT)["event_id"]
    assert first == again != other


@pytest.mark.parametrize("event", [EVENT, replace(EVENT, type="completed", command_id=None)])
def test_other_events_have_an_id_of_their_own(event: SyncEvent) -> None:
    assert event_record(event, AT)["event_id"] != event_record(event, AT)["event_id"]


def test_total_adds_up_the_entities() -> None:
    assert total({"jobs": COUNTS, "users": COUNTS}) == {name: 2 * count for name, count in COUNTS.items()} | {
        "dead_lettered": 0
    }
    assert set(total({}).values()) == {0}
