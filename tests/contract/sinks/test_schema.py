"""Schema `protiv`: its columns are those of the records, everything is explained, and readers see one company."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.errors import ConfigurationError
from schemas.entities import BUDGETS, ENTITIES, Entity
from sinks.columns import Form, canonical_table
from sinks.migrate import check_migrated, migrate_protiv
from tests.contract.sinks.fix_postgres import rows
from tests.contract.sinks.fix_writers import Sink
from tests.unit.sinks.factories import COMPANY, deletion, message, record

OWN = {"source_generation": "integer", "source_offset": "bigint", "updated_at": "timestamp with time zone"}
TYPES = {
    Form.TEXT: "text",
    Form.WHOLE: "bigint",
    Form.MILLIONTHS: "numeric(18,6)",
    Form.FLAG: "boolean",
    Form.DAY: "date",
    Form.INSTANT: "timestamp with time zone",
    Form.TEXTS: "text[]",
    Form.WHOLES: "bigint[]",
}
VIEWS = (
    "current_jobs", "current_users", "current_cost_codes", "current_budgets", "current_time_entries", "job_labor",
    "time_entry_splits",
)  # fmt: skip
CONSUMING = Path(__file__).parents[3] / "docs" / "consuming.md"


@contextmanager
def reader(database_url: str, company_id: str | None) -> Iterator[psycopg.Connection[Any]]:
    """A session of a service that reads for one company."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET ROLE protiv_reader")
        if company_id is not None:
            connection.execute("SELECT set_config('protiv.company_id', %s, false)", [company_id])
        yield connection


@pytest.fixture
def filled(database_url: str) -> Iterator[Sink]:
    """Three shifts and a budget of one company, a shift of another, a deleted shift."""
    sink = Sink(database_url, "columnar")
    shift: dict[str, Any] = {"job_id": "1", "job_name": "Lot 1", "cost_code_id": "2", "cost_code_title": "Framing"}
    sink.put(
        message(record(entity_id="1", total_minutes=100, labor_cost_micros=50_000_000, ended_at=1, **shift), 0),
        message(record(entity_id="2", total_minutes=20, link_status="waiting-for-user", ended_at=1, **shift), 1),
        message(record(entity_id="3", total_minutes=None, **shift), 2),
        message(record(entity_id="4", total_minutes=10, job_id="1", link_status="uncoded", ended_at=1), 3),
        message(record(entity_id="1", company_id="other", total_minutes=7, **shift), 4),
        message(record(entity_id="5", total_minutes=999, **shift), 5),
        message(deletion(entity_id="5", version=2), 6),
    )
    budget = record(
        BUDGETS, "1:2", job_id="1", cost_code_id="2", original_amount_micros=10_000_000, budgeted_minutes=90
    )
    sink.put(message(budget, 0, entity=BUDGETS))
    yield sink
    sink.close()


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_columns_of_a_table_are_those_of_its_record(database_url: str, entity: Entity) -> None:
    found = rows(
        database_url,
        "SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0",
        f"protiv.{entity.table}",
    )
    expected = {column.name: TYPES[column.form] for column in canonical_table(entity).columns} | OWN
    assert {row["attname"]: row["type"] for row in found} == expected


def test_every_table_view_and_column_has_a_comment(database_url: str) -> None:
    silent = rows(
        database_url,
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
        "WHERE c.relnamespace = 'protiv'::regnamespace AND c.relkind IN ('r', 'v') "
        "AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)",
    )
    assert silent == []


def test_migrations_again_do_nothing(database_url: str) -> None:
    assert migrate_protiv(database_url) == []
    check_migrated(database_url)


def test_check_of_a_database_without_the_schema_says_what_to_do(empty_database_url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"0001_tables: run `protiv-buildertrend setup`"):
        check_migrated(empty_database_url)


def test_reader_sees_the_company_of_the_setting_only(filled: Sink) -> None:
    with reader(filled.database_url, "other") as connection:
        seen = connection.execute("SELECT company_id, total_minutes FROM protiv.current_time_entries").fetchall()
    assert seen == [("other", 7)]


@pytest.mark.parametrize("company_id", [None, ""])
@pytest.mark.parametrize("name", [*VIEWS, *(entity.table for entity in ENTITIES)])
def test_reader_without_a_company_sees_nothing(filled: Sink, name: str, company_id: str | None) -> None:
    with reader(filled.database_url, company_id) as connection:
        assert connection.execute(f"SELECT count(*) FROM protiv.{name}".encode()).fetchone() == (0,)


def test_reader_after_a_local_setting_sees_nothing(filled: Sink) -> None:
    with reader(filled.database_url, None) as connection:
        with connection.transaction():
            connection.execute("SELECT set_config('protiv.company_id', 'other', true)")
            assert connection.execute("SELECT count(*) FROM protiv.time_entries").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM protiv.time_entries").fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM protiv.jobs",
        "UPDATE protiv.time_entries SET total_minutes = 0",
        "SELECT * FROM protiv.sink_offsets",
    ],
)
def test_reader_may_only_read_the_tables(filled: Sink, statement: str) -> None:
    with (
        reader(filled.database_url, COMPANY) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_owner_sees_every_company(filled: Sink) -> None:
    assert {row["company_id"] for row in filled.table()} == {COMPANY, "other"}


def test_current_views_leave_deleted_rows_out(filled: Sink) -> None:
    seen = rows(filled.database_url, "SELECT time_entry_id FROM protiv.current_time_entries WHERE company_id = 'acme'")
    assert {row["time_entry_id"] for row in seen} == {"1", "2", "3", "4"}


def test_job_labor_sets_the_budget_against_the_work(filled: Sink) -> None:
    coded, uncoded = rows(
        filled.database_url, "SELECT * FROM protiv.job_labor WHERE company_id = 'acme' ORDER BY cost_code_id"
    )
    assert (coded["budgeted_hours"], coded["budgeted_dollars"]) == (Decimal("1.5"), Decimal(10))
    assert (coded["actual_hours"], coded["actual_minutes"], coded["actual_dollars"]) == (2, 120, 50)
    assert (coded["shifts"], coded["open_shifts"], coded["shifts_without_cost"]) == (3, 1, 1)
    assert coded["hours_not_linked"] == Decimal("0.3333")
    assert (coded["job_name"], coded["cost_code_title"]) == ("Lot 1", "Framing")
    assert (uncoded["cost_code_id"], uncoded["budgeted_hours"], uncoded["actual_minutes"]) == (None, None, 10)


def test_job_labor_says_why_hours_are_not_linked(filled: Sink) -> None:
    shift: dict[str, Any] = {"job_id": "1", "cost_code_id": "2", "total_minutes": 90, "ended_at": 1}
    filled.put(
        message(record(entity_id="8", link_status="waiting-for-job", **shift), 7),
        message(record(entity_id="9", link_status="waiting-for-user", **shift), 8),
    )
    coded, uncoded = rows(
        filled.database_url,
        "SELECT hours_not_linked, hours_not_linked_by_status AS why FROM protiv.job_labor "
        "WHERE company_id = 'acme' ORDER BY cost_code_id",
    )
    assert coded["why"] == {"waiting-for-job": 1.5, "waiting-for-user": 1.8333}
    assert coded["hours_not_linked"] == Decimal("3.3333")
    assert uncoded["why"] == {"uncoded": 0.1667}
    linked = rows(
        filled.database_url, "SELECT hours_not_linked_by_status FROM protiv.job_labor WHERE company_id = 'other'"
    )
    assert linked == [{"hours_not_linked_by_status": {}}]


def test_statements_of_the_consuming_page_run_for_a_reader(filled: Sink) -> None:
    blocks = re.findall(r"```sql\n(.*?)```", CONSUMING.read_text(), re.DOTALL)
    statements = [part.strip() for block in blocks for part in block.split(";") if part.strip()]
    assert len(statements) >= 5
    with reader(filled.database_url, None) as connection:
        for statement in statements:
            connection.execute(statement.encode())
