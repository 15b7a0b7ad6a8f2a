"""What readers ask is answered by an index, also under row-level security and through the views."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from schemas.entities import ENTITIES
from tests.contract.sinks.fix_postgres import rows

COMPANIES, SHIFTS = 40, 500


@pytest.fixture(scope="module")
def busy(sink_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A reader's session on tables with many companies."""
    tables = ", ".join(f"protiv.{entity.table}" for entity in ENTITIES)
    rows(sink_database_url, f"TRUNCATE {tables}")
    for entity in ENTITIES:
        rows(sink_database_url, _filling(entity.table, entity.id_field))
        rows(sink_database_url, f"ANALYZE protiv.{entity.table}")
    with psycopg.connect(sink_database_url, autocommit=True) as connection:
        connection.execute("SET ROLE protiv_reader")
        connection.execute("SELECT set_config('protiv.company_id', 'co-7', false)")
        yield connection


def _filling(table: str, id_field: str) -> str:
    own = {
        "time_entries": ", job_id, user_id, work_date, started_at, link_status",
        "budgets": ", job_id",
    }.get(table, "")
    values = {
        "time_entries": ", (n %% 25)::text, (n %% 20)::text, date '2026-01-01' + n %% 300, now(), 'linked'",
        "budgets": ", (n %% 25)::text",
    }.get(table, "")
    return (
        f"INSERT INTO protiv.{table} (company_id, {id_field}, version, observed_at, source_generation, source_offset,"
        f" updated_at{own})"
        f" SELECT 'co-' || c, n::text, 1, now(), 1, n, timestamptz '2026-01-01Z' + n * interval '1 hour'{values}"
        f" FROM generate_series(1, {COMPANIES}) AS c, generate_series(1, {SHIFTS}) AS n"
    )


def indexes_of(connection: psycopg.Connection[Any], question: str) -> set[str]:
    """The indexes that the plan of a question uses; fails where it reads a whole table."""
    ((plan,),) = connection.execute(f"EXPLAIN (FORMAT JSON) {question}".encode()).fetchall()
    found: set[str] = set()
    waiting = [plan[0]["Plan"]]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        found |= {node["Index Name"]} if "Index Name" in node else set()
        if node["Node Type"] == "Seq Scan":
            assert node["Relation Name"] == "reader_companies", json.dumps(node)
    return found


@pytest.mark.parametrize("name", ["protiv.time_entries", "protiv.current_time_entries"])
def test_shifts_of_a_job_by_day_are_found_by_index(busy: psycopg.Connection[Any], name: str) -> None:
    question = f"SELECT * FROM {name} WHERE job_id = '3' AND work_date BETWEEN '2026-03-01' AND '2026-03-07'"
    assert indexes_of(busy, question) == {"time_entries_by_job"}


@pytest.mark.parametrize("name", ["protiv.time_entries", "protiv.current_time_entries"])
def test_shifts_of_a_user_by_day_are_found_by_index(busy: psycopg.Connection[Any], name: str) -> None:
    question = f"SELECT * FROM {name} WHERE user_id = '3' AND work_date >= '2026-10-01'"
    assert indexes_of(busy, question) == {"time_entries_by_user"}


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_what_changed_since_is_found_by_index(busy: psycopg.Connection[Any], entity: Any) -> None:
    question = f"SELECT * FROM protiv.{entity.table} WHERE updated_at > '2026-01-21T00:00Z' ORDER BY updated_at"
    assert indexes_of(busy, question) == {f"{entity.table}_changed"}


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_one_record_is_found_by_its_key(busy: psycopg.Connection[Any], entity: Any) -> None:
    question = f"SELECT * FROM protiv.current_{entity.table} WHERE {entity.id_field} = '17'"
    assert indexes_of(busy, question) == {f"{entity.table}_pkey"}


def test_labor_of_one_job_reads_that_jobs_rows(busy: psycopg.Connection[Any]) -> None:
    found = indexes_of(busy, "SELECT * FROM protiv.job_labor WHERE job_id = '3'")
    assert found == {"time_entries_by_job", "budgets_by_job", "cost_codes_pkey"}
