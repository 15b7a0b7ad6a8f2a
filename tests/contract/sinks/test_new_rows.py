"""Rows that are new to a table are copied straight into it, and land exactly as if they had been merged."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from schemas.codec import Record
from schemas.entities import BUDGETS, TIME_ENTRIES, Entity
from sinks.columns import canonical_table
from sinks.messages import TopicPartition
from sinks.statements import copy_new
from tests.contract.sinks.fix_postgres import rows
from tests.contract.sinks.fix_writers import Sink
from tests.unit.sinks.factories import FakeMessage, deletion, message, record

AT = TopicPartition(TIME_ENTRIES.canonical_topic, 0)
MANY = 600
ODD_TEXTS = ('"', "\\", "a\\\"b'c", ",", "{}", "NULL", "🏗 é", " ", "%s", "\\N", "\n\t")


@pytest.fixture
def sink(database_url: str) -> Iterator[Sink]:
    made = Sink(database_url, "columnar")
    yield made
    made.close()


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tables that rows were copied straight into, and were taken."""
    found: list[str] = []
    really = psycopg.Cursor.copy
    straight = [(copy_new(canonical_table(entity)), entity.table) for entity in (TIME_ENTRIES, BUDGETS)]

    @contextmanager
    def copy(cursor: psycopg.Cursor[Any], statement: Any, *values: Any, **options: Any) -> Iterator[psycopg.Copy]:
        with really(cursor, statement, *values, **options) as copying:
            yield copying
        found.extend(table for known, table in straight if known == statement)

    monkeypatch.setattr(psycopg.Cursor, "copy", copy)
    return found


def shifts(count: int = MANY, *, version: int = 1, first: int = 0, **fields: Any) -> list[FakeMessage]:
    return [message(record(entity_id=str(n), version=version, **fields), n) for n in range(first, first + count)]


def without_times(found: list[DictRow]) -> list[DictRow]:
    return [{name: value for name, value in row.items() if name != "updated_at"} for row in found]


def mixed(entity: Entity, count: int) -> list[Record]:
    """Records with every kind of value in them, odd ids and texts, money of either sign and none."""
    chance = random.Random(5)
    ids = (*ODD_TEXTS, *map(str, range(count - len(ODD_TEXTS))))
    return [record(entity, each, n + 1, **_any_values(entity, chance)) for n, each in enumerate(ids)]


def _any_values(entity: Entity, chance: random.Random) -> dict[str, Any]:
    money = (None, 0, 1, -1, 31_333_333, -7_000_000, 999_999_999_999_999_999)
    texts = (None, *ODD_TEXTS)
    if entity is BUDGETS:
        return {"original_amount_micros": chance.choice(money), "category": chance.choice(texts)}
    minutes = [chance.randrange(3) for _ in range(chance.choice((0, 0, 2, 3)))]
    return {
        "split_cost_code_ids": [str(number) for number in range(len(minutes))],
        "split_minutes": minutes,
        "total_minutes": sum(minutes) if minutes else None,
        "labor_cost_micros": chance.choice(money),
        "hourly_cost_micros": chance.choice(money),
        "notes": chance.choice(texts),
        "tags": chance.sample(ODD_TEXTS, chance.randrange(3)),
        "approved": chance.choice((None, True, False)),
        "ended_at": chance.choice((None, 1_790_000_000_000_000)),
    }


@pytest.mark.parametrize("entity", [TIME_ENTRIES, BUDGETS], ids=lambda entity: entity.name)
def test_new_rows_are_copied_and_are_what_merging_makes_of_them(
    database_url: str, sink: Sink, copied: list[str], entity: Entity
) -> None:
    told = [message(content, n, entity=entity) for n, content in enumerate(mixed(entity, MANY))]
    written = sink.put(*told)
    straight = sink.table(entity.table)
    assert copied == [entity.table]
    assert len(straight) == MANY
    rows(database_url, f"TRUNCATE protiv.{entity.table}")
    merging = Sink(database_url, "one-by-one")
    merged = merging.put(*(FakeMessage(**_fields(each, offset=each.offset_ + MANY)) for each in told))
    for row in straight:
        row["source_offset"] += MANY
    assert copied == [entity.table]
    assert without_times(merging.table(entity.table)) == without_times(straight)
    assert (dict(merged.changes), merged.stale) == (dict(written.changes), written.stale)
    assert len({row["updated_at"] for row in straight}) == 1
    merging.close()


def _fields(told: FakeMessage, *, offset: int) -> dict[str, Any]:
    return {
        "topic_": told.topic_, "key_": told.key_, "value_": told.value_, "offset_": offset, "headers_": told.headers_,
    }  # fmt: skip


def test_rows_that_are_there_are_merged_beside_new_ones(sink: Sink, copied: list[str]) -> None:
    sink.put(*shifts(50, version=5, notes="newest"), message(deletion(entity_id="100", version=5), 100))
    sink.put(*(message(record(entity_id=str(n), version=3, notes="oldest"), 101 + n) for n in range(50, 100)))
    sink.put(*(message(record(entity_id=str(n), version=4, notes="now"), 300 + n) for n in range(MANY)))
    found = {row["time_entry_id"]: row for row in sink.table()}
    assert copied == ["time_entries"]
    assert len(found) == MANY
    assert {found[str(n)]["notes"] for n in range(50)} == {"newest"}
    assert {found[str(n)]["notes"] for n in (*range(50, 100), *range(101, MANY))} == {"now"}
    assert found["100"]["deleted_at"] is not None


def test_rows_that_are_mostly_there_are_merged(sink: Sink, copied: list[str]) -> None:
    sink.put(*shifts(MANY - 100))
    copied.clear()
    sink.put(*(message(record(entity_id=str(n), version=2), 2_000 + n) for n in range(MANY)))
    assert copied == []
    assert {(row["version"]) for row in sink.table()} == {2}
    assert len(sink.table()) == MANY


def test_a_batch_with_a_deletion_is_merged_in_the_order_of_its_kinds(sink: Sink, copied: list[str]) -> None:
    sink.put(*shifts(), message(deletion(entity_id="7", version=2), MANY))
    found = {row["time_entry_id"]: row["deleted_at"] is None for row in sink.table()}
    assert copied == []
    assert [entity_id for entity_id, is_live in found.items() if not is_live] == ["7"]


def test_few_rows_are_merged(sink: Sink, copied: list[str]) -> None:
    sink.put(*shifts(100))
    assert (copied, len(sink.table())) == ([], 100)


def test_a_new_row_that_postgres_refuses_is_dead_lettered_alone(sink: Sink) -> None:
    told = shifts()
    told[321] = message(record(entity_id="321", link_status="odd"), 321)
    written = sink.put(*told)
    assert [each.message.offset() for each in sink.dead_letters.delivered] == [321]
    assert {row["time_entry_id"] for row in sink.table()} == {str(n) for n in range(MANY)} - {"321"}
    assert sum(change.count for change in written.changes.values()) == MANY - 1


def test_a_row_that_somebody_else_put_there_meanwhile_is_merged(
    database_url: str, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may, since the sink alone writes here; but if a person did, no record is taken for a bad one."""
    told = shifts(version=3)
    really, left = psycopg.Cursor.copy, [0]

    def copy(cursor: psycopg.Cursor[Any], *values: Any, **options: Any) -> Any:
        if left:
            left.pop()
            rows(
                database_url,
                "INSERT INTO protiv.time_entries (company_id, time_entry_id, version, observed_at, deleted_at,"
                " source_generation, source_offset, updated_at)"
                " VALUES ('acme', '500', 1, now(), now(), 1, 0, now()) RETURNING 1",
            )
        return really(cursor, *values, **options)

    monkeypatch.setattr(psycopg.Cursor, "copy", copy)
    sink.put(*told)
    assert sink.dead_letters.delivered == []
    assert {row["version"] for row in sink.table()} == {3}
    assert len(sink.table()) == MANY


@contextmanager
def bound_role(database_url: str) -> Iterator[str]:
    """The address of a role that may write what a policy lets it, and is not exempt from row-level security."""
    role, password = f"writer_{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    with psycopg.connect(database_url, autocommit=True) as admin:
        name = sql.Identifier(role)
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password)))
        admin.execute(sql.SQL("GRANT USAGE ON SCHEMA protiv TO {}").format(name))
        admin.execute(sql.SQL("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA protiv TO {}").format(name))
        admin.execute(
            sql.SQL("CREATE POLICY of_test ON protiv.time_entries TO {} USING (true) WITH CHECK (true)").format(name)
        )
        yield make_conninfo(database_url, user=role, password=password)
        admin.execute("DROP POLICY of_test ON protiv.time_entries")
        admin.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(name, name))


def test_a_role_that_row_level_security_binds_merges(database_url: str, copied: list[str]) -> None:
    with bound_role(database_url) as url:
        bound = Sink(url, "columnar")
        bound.put(*shifts())
        bound.close()
    assert copied == []
    assert rows(database_url, "SELECT count(*) AS n FROM protiv.time_entries") == [{"n": MANY}]
