"""One suite on both readers: what lands in the tables, and what may never happen to it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from schemas.avro_files import schema_text
from schemas.entities import BUDGETS, ENTITIES, TIME_ENTRIES, USERS, Entity
from sinks.messages import TopicPartition
from tests.contract.sinks.fix_postgres import rows
from tests.contract.sinks.fix_writers import Sink
from tests.unit.sinks.factories import (
    COMPANY,
    NOON,
    FakeMessage,
    deletion,
    encoded_as,
    headers,
    message,
    record,
    tombstone,
)

AT = TopicPartition(TIME_ENTRIES.canonical_topic, 0)
NOON_UTC = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=NOON)


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_record_of_every_entity_lands_in_its_table(sink: Sink, entity: Entity) -> None:
    sink.put(message(record(entity, "7", 3), 11, entity=entity))
    (row,) = sink.table(entity.table)
    assert (row["company_id"], row[entity.id_field], row["version"], row["source_offset"]) == (COMPANY, "7", 3, 11)
    assert row["deleted_at"] is None


def test_values_land_as_they_were_said(sink: Sink) -> None:
    said = record(
        job_name="Né 🏗 \\N\t\"'", started_at=NOON, ended_at=None, work_date=-1, total_minutes=481, labor_cost_micros=-1,
        hourly_cost_micros=31_333_333, approved=False, notes="", tags=["a", "", "b,\"}{"],
    )  # fmt: skip
    sink.put(message(said, 0))
    (row,) = sink.table()
    assert row["job_name"] == said["job_name"]
    assert (row["started_at"], row["ended_at"], row["work_date"]) == (NOON_UTC, None, date(1969, 12, 31))
    assert (row["labor_cost"], row["hourly_cost"]) == (Decimal("-0.000001"), Decimal("31.333333"))
    assert (row["total_minutes"], row["approved"], row["notes"], row["tags"]) == (481, False, "", said["tags"])
    assert row["break_minutes"] is None


SPLIT: dict[str, Any] = {
    "link_status": "split", "split_cost_code_ids": ["9", "11"], "split_minutes": [0, 480], "total_minutes": 480
}  # fmt: skip


def test_parts_of_a_shift_land_as_they_were_said(sink: Sink) -> None:
    large = {"split_minutes": [2**62, 1], "total_minutes": 2**62 + 1}
    sink.put(message(record(**SPLIT), 0), message(record(entity_id="2", **(SPLIT | large)), 1))
    sink.put(message(record(entity_id="3", pto_minutes=60, double_overtime_minutes=30, approved_at=NOON), 2))
    one, two, three = sink.table()
    assert (one["split_cost_code_ids"], one["split_minutes"]) == (["9", "11"], [0, 480])
    assert two["split_minutes"] == [2**62, 1]
    assert (three["split_cost_code_ids"], three["split_minutes"]) == ([], [])
    assert (three["pto_minutes"], three["double_overtime_minutes"], three["approved_at"]) == (60, 30, NOON_UTC)


def test_shift_that_is_no_longer_split_loses_its_parts(sink: Sink) -> None:
    sink.put(message(record(**SPLIT), 0))
    sink.put(message(record(version=2, cost_code_id="9", total_minutes=480), 1))
    (row,) = sink.table()
    assert (row["cost_code_id"], row["split_cost_code_ids"], row["split_minutes"]) == ("9", [], [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"split_minutes": [480]},
        {"split_minutes": [1, 480]},
        {"split_minutes": [-1, 481]},
        {"total_minutes": None},
        {"cost_code_id": "9"},
        {"split_cost_code_ids": [], "split_minutes": []},
    ],
)
def test_parts_that_do_not_fit_their_shift_are_refused_alone(sink: Sink, wrong: dict[str, Any]) -> None:
    sink.put(message(record(**(SPLIT | wrong)), 0), message(record(entity_id="2", **SPLIT), 1))
    assert [row["time_entry_id"] for row in sink.table()] == ["2"]
    assert len(sink.dead_letters.delivered) == 1


def test_newer_version_changes_the_row(sink: Sink) -> None:
    sink.put(message(record(notes="old"), 0))
    sink.put(message(record(version=2, notes="new"), 1))
    (row,) = sink.table()
    assert (row["notes"], row["version"]) == ("new", 2)


def test_older_version_is_ignored_and_counted_as_stale(sink: Sink) -> None:
    sink.put(message(record(version=5, notes="new"), 0))
    written = sink.put(message(record(version=4, notes="old"), 1))
    (row,) = sink.table()
    assert (row["notes"], row["version"]) == ("new", 5)
    assert (written.stale, dict(written.changes)) == ({"time-entries": 1}, {})


def test_same_version_with_a_higher_offset_wins(sink: Sink) -> None:
    sink.put(message(record(notes="first"), 0))
    sink.put(message(record(notes="second"), 1))
    assert sink.table()[0]["notes"] == "second"


def test_last_of_a_key_in_a_batch_wins_by_version_not_by_place(sink: Sink) -> None:
    sink.put(message(record(version=3, notes="right"), 0), message(record(version=2, notes="wrong"), 1))
    assert sink.table()[0]["notes"] == "right"


def test_deletion_keeps_the_row_and_what_it_said(sink: Sink) -> None:
    sink.put(message(record(notes="kept", tags=["a"]), 0))
    sink.put(message(deletion(version=2), 1), tombstone("1", 2, 2))
    (row,) = sink.table()
    assert (row["notes"], row["tags"], row["version"], row["source_offset"]) == ("kept", ["a"], 2, 1)
    assert row["deleted_at"] == row["observed_at"] == NOON_UTC + timedelta(microseconds=2)


def test_deletion_in_the_batch_of_its_record_keeps_what_the_record_said(sink: Sink) -> None:
    sink.put(message(record(notes="kept"), 0), message(deletion(version=2), 1), tombstone("1", 2, 2))
    (row,) = sink.table()
    assert (row["notes"], row["version"]) == ("kept", 2)
    assert row["deleted_at"] is not None


def test_late_upsert_does_not_resurrect_a_deleted_row(sink: Sink) -> None:
    sink.put(message(record(version=1), 0))
    sink.put(message(deletion(version=3), 1))
    sink.put(message(record(version=2), 2))
    assert sink.table()[0]["deleted_at"] is not None


def test_deletion_of_an_unknown_row_holds_off_an_older_record(sink: Sink) -> None:
    sink.put(message(deletion(version=3), 0))
    sink.put(message(record(version=2, notes="late"), 1))
    (row,) = sink.table()
    assert (row["version"], row["notes"], row["tags"]) == (3, None, [])
    assert row["deleted_at"] is not None


def test_record_newer_than_its_deletion_brings_the_row_back(sink: Sink) -> None:
    sink.put(message(deletion(version=2), 0))
    sink.put(message(record(version=3, notes="back"), 1))
    (row,) = sink.table()
    assert (row["deleted_at"], row["notes"]) == (None, "back")


def test_tombstone_whose_deletion_record_was_compacted_deletes(sink: Sink) -> None:
    sink.put(message(record(notes="kept"), 0))
    sink.put(tombstone("1", 2, 5))
    (row,) = sink.table()
    assert (row["notes"], row["version"], row["deleted_at"]) == ("kept", 2, NOON_UTC)


def test_tombstone_older_than_the_row_is_ignored(sink: Sink) -> None:
    sink.put(message(record(version=4), 0))
    sink.put(tombstone("1", 3, 1))
    assert sink.table()[0]["deleted_at"] is None


def test_tombstone_behind_its_deletion_changes_nothing(sink: Sink) -> None:
    sink.put(message(record(), 0), message(deletion(version=2), 1))
    before = sink.table()
    sink.put(tombstone("1", 2, 2))
    assert sink.table() == before


def test_tombstone_without_a_version_moves_the_offset_only(sink: Sink) -> None:
    sink.put(message(record(), 0))
    before = sink.table()
    written = sink.put(FakeMessage(AT.topic, b"acme/1", None, 1))
    assert sink.table() == before
    assert (written.skipped, sink.dead_letters.delivered) == (1, [])
    assert sink.claim(AT).next_offset == 2


def test_replay_from_zero_changes_no_row(sink: Sink) -> None:
    messages = [
        message(record(entity_id="1", notes="a"), 0),
        message(record(entity_id="2"), 1),
        message(deletion(entity_id="2", version=2), 2),
        tombstone("2", 2, 3),
        message(record(entity_id="1", version=4, notes="b"), 4),
    ]
    sink.put(*messages)
    before = sink.table()
    sink.again_from_zero(AT)
    for each in messages:
        written = sink.put(each)
        assert dict(written.changes) == {}
    assert sink.table() == before


def test_topic_created_again_wins_over_the_same_version_of_the_topic_before(sink: Sink) -> None:
    sink.put(message(record(version=9, notes="before"), 500))
    rows(sink.database_url, "UPDATE protiv.sink_offsets SET topic_id = gen_random_uuid()")
    assert (sink.claim(AT).next_offset, sink.claim(AT).generation) == (0, 2)
    sink.put(message(record(version=9, notes="made again"), 3))
    assert sink.table()[0]["notes"] == "made again"


def test_record_of_an_older_schema_lands_with_nulls_for_what_it_lacks(sink: Sink) -> None:
    older = json.loads(schema_text(AT.topic))
    older["fields"] = [
        each for each in older["fields"] if each["name"] not in ("tags", "notes", "approved", "split_minutes")
    ]
    sink.schemas.add(77, older)
    content = record(job_name="old")
    value = encoded_as(older, 77, {each["name"]: content[each["name"]] for each in older["fields"]})
    sink.put(FakeMessage(AT.topic, b"acme/1", value, 0, 0, headers(1, COMPANY)), message(record(entity_id="2"), 1))
    old, new = sink.table()
    assert (old["job_name"], old["tags"], old["notes"], new["time_entry_id"]) == ("old", [], None, "2")
    assert old["split_minutes"] == []
    assert sink.dead_letters.delivered == []


def test_record_of_a_newer_schema_lands_without_what_the_table_lacks(sink: Sink) -> None:
    newer = json.loads(schema_text(AT.topic))
    newer["fields"].insert(5, {"name": "weather", "type": ["null", "string"], "default": None})
    sink.schemas.add(78, newer)
    value = encoded_as(newer, 78, record(job_name="new") | {"weather": "rain"})
    sink.put(FakeMessage(AT.topic, b"acme/1", value, 0, 0, headers(1, COMPANY)))
    assert sink.table()[0]["job_name"] == "new"


def test_record_of_a_schema_with_a_narrower_number_lands(sink: Sink) -> None:
    older = json.loads(schema_text(AT.topic))
    for each in older["fields"]:
        if each["name"] == "total_minutes":
            each["type"] = ["null", "int"]
    sink.schemas.add(79, older)
    value = encoded_as(older, 79, record(total_minutes=480))
    sink.put(FakeMessage(AT.topic, b"acme/1", value, 0, 0, headers(1, COMPANY)))
    assert sink.table()[0]["total_minutes"] == 480


def test_commit_whose_answer_was_lost_is_not_done_twice_and_not_fenced(sink: Sink) -> None:
    sink.put(message(record(), 0))
    before = sink.table()
    sink.positions[AT] = 0
    written = sink.put(message(record(), 0))
    assert dict(written.changes) == {}
    assert sink.table() == before


def test_committed_batch_tells_listeners_what_changed(sink: Sink) -> None:
    with psycopg.connect(sink.database_url, autocommit=True) as listener:
        listener.execute("LISTEN protiv_changes")
        sink.put(
            message(record(entity_id="1", version=4), 0),
            message(record(entity_id="2", version=6), 1),
            message(record(entity_id="1", version=1, company_id="other"), 2),
        )
        sink.put(message(record(entity_id="2", version=5), 3))
        sink.put(message(record(entity_id="3", version=7), 4))
        heard = [json.loads(note.payload) for note in listener.notifies(timeout=10, stop_after=3)]
    assert heard == [
        {"company_id": COMPANY, "entity": "time-entries", "count": 2, "version": 6},
        {"company_id": "other", "entity": "time-entries", "count": 1, "version": 1},
        {"company_id": COMPANY, "entity": "time-entries", "count": 1, "version": 7},
    ]


def test_money_of_budgets_and_users_is_exact(sink: Sink) -> None:
    sink.put(
        message(record(BUDGETS, "1:2", original_amount_micros=10**17 + 1, revised_amount_micros=0), 0, entity=BUDGETS)
    )
    sink.put(message(record(USERS, "5", hourly_cost_micros=33_333_333), 0, entity=USERS))
    (budget,), (user,) = sink.table("budgets"), sink.table("users")
    assert (budget["original_amount"], budget["revised_amount"]) == (Decimal("100000000000.000001"), Decimal(0))
    assert user["hourly_cost"] == Decimal("33.333333")
