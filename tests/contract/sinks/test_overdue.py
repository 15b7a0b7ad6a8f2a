"""Deleting left-over rows in Postgres: only under the claim, one company at a time, and undone by what is newer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.topics import entity_key, partition_for
from schemas.entities import TIME_ENTRIES
from sinks.left_overs import Compared, PostgresOverdueRows, TopicKeys
from sinks.messages import TopicPartition
from tests.contract.sinks.fix_postgres import rows
from tests.contract.sinks.fix_writers import Sink
from tests.unit.sinks.factories import COMPANY, message, record

AT = TopicPartition(TIME_ENTRIES.canonical_topic, 0)


@pytest.fixture
def sink(database_url: str) -> Iterator[Sink]:
    """Shifts 1 and 2 of two companies, of which the topic has lost shift 2 of both."""
    sink = Sink(database_url, "columnar")
    sink.put(
        *[
            message(record(company_id=company, entity_id=number, version=3), 2 * place + int(number) - 1)
            for place, company in enumerate((COMPANY, "other"))
            for number in "12"
        ]
    )
    yield sink
    sink.close()


def compare(sink: Sink, *companies: str) -> Compared | None:
    """As if the topic held shift 1 of the companies, one of them at version 4."""
    keys = TopicKeys({entity_key(company, "1") for company in companies}, dict.fromkeys(companies, 4))
    # One partition: the companies of these tests are all on number 0.
    overdue = PostgresOverdueRows(sink.store, 1)
    assert {partition_for(company, 1) for company in companies} == {0}
    return overdue.delete_left_overs(AT, sink.claims[AT], sink.positions[AT], keys)


def live(sink: Sink) -> set[tuple[str, str]]:
    return {(row["company_id"], row["time_entry_id"]) for row in sink.table() if row["deleted_at"] is None}


def test_left_over_is_deleted_and_a_company_that_the_topic_lost_is_held(sink: Sink) -> None:
    assert compare(sink, COMPANY) == Compared({COMPANY: 1}, {"other": 2})
    assert live(sink) == {(COMPANY, "1"), ("other", "1"), ("other", "2")}


def test_deleted_left_over_is_undone_by_a_newer_record_and_by_no_older_one(sink: Sink) -> None:
    compare(sink, COMPANY, "other")
    sink.put(message(record(entity_id="2", version=2, notes="old"), 4))
    assert live(sink) == {(COMPANY, "1"), ("other", "1")}
    sink.put(message(record(entity_id="2", version=5), 5))
    assert live(sink) == {(COMPANY, "1"), (COMPANY, "2"), ("other", "1")}


def test_sink_that_lost_its_partition_deletes_nothing(sink: Sink) -> None:
    rows(sink.database_url, "UPDATE protiv.sink_offsets SET claim = claim + 1")
    assert compare(sink, COMPANY, "other") is None
    assert len(live(sink)) == 4


def test_partition_is_overdue_only_when_its_deletions_are_kept_for_less(sink: Sink) -> None:
    overdue = PostgresOverdueRows(sink.store, 1)
    rows(sink.database_url, "UPDATE protiv.sink_offsets SET caught_up_at = now() - interval '2 days'")
    assert overdue.overdue(sink.claims, {AT.topic: 3 * 86_400.0}) == {}
    assert list(overdue.overdue(sink.claims, {AT.topic: 86_400.0})) == [AT]
    overdue.caught_up(sink.claims)
    assert overdue.overdue(sink.claims, {AT.topic: 86_400.0}) == {}
