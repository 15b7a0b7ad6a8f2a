"""One definition of worked hours: the demo, the console and the comparison of sides say the same of the same tables."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal

import psycopg
from psycopg import sql

from cli.tables import contents
from console.reading.records import read_jobs, read_labor
from console.views.labor import total_of
from control.database import Database
from core.settings import Settings

COMPANY = "one-definition"
# Job 7 has 8 h budgeted for one code. 7 h were worked on it, and 3 h on a code without a budget, 2 h uncoded and 1 h of
# several codes: 5 h over. The deleted shift and the other company's count nowhere.
SHIFTS = (
    ("1", "5", 420, "linked"),
    ("2", "6", 180, "linked"),
    ("3", None, 120, "uncoded"),
    ("4", None, 60, "several-codes"),
)


def fill(settings: Settings) -> None:
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:
        budget = {"budget_id": "7:5", "job_id": "7", "job_name": "Elm St", "cost_code_id": "5", "budgeted_minutes": 480}
        put(connection, "budgets", COMPANY, budget)
        for entry_id, code, minutes, status in SHIFTS:
            put(connection, "time_entries", COMPANY, shift(entry_id, code, minutes, status))
        put(connection, "time_entries", COMPANY, shift("9", "5", 600, "linked") | {"deleted_at": "2026-06-17"})
        put(connection, "budgets", "other", budget)
        put(connection, "time_entries", "other", shift("1", "5", 999, "linked"))


def shift(entry_id: str, code: str | None, minutes: int, status: str) -> dict[str, object]:
    return {
        "time_entry_id": entry_id,
        "job_id": "7",
        "job_name": "Elm St",
        "cost_code_id": code,
        "started_at": "2026-06-15T08:00:00-06:00",
        "ended_at": "2026-06-15T16:00:00-06:00",
        "work_date": "2026-06-15",
        "total_minutes": minutes,
        "link_status": status,
    }


def put(connection: psycopg.Connection, table: str, company_id: str, row: dict[str, object]) -> None:
    whole = {
        "company_id": company_id,
        "version": 1,
        "observed_at": "2026-06-16",
        "source_generation": 0,
        "source_offset": 1,
        "updated_at": "2026-06-16",
    } | row
    statement = sql.SQL("INSERT INTO protiv.{} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, whole)),
        sql.SQL(", ").join(map(sql.Placeholder, whole)),
    )
    connection.execute(statement, whole)


def test_hours_of_a_job_are_the_same_in_demo_console_and_tables(own_database: Settings) -> None:
    fill(own_database)
    demo = contents(own_database, COMPANY)
    database = Database(own_database, max_connections=1)
    database.open()
    with closing(database), database.transaction() as tx:
        (listed,) = read_jobs(tx, COMPANY, find="", limit=10)
        page = total_of(read_labor(tx, COMPANY, "7"))
    (labor,) = demo.labor
    assert labor["job_id"] == listed.job_id == "7"
    assert labor["budgeted_hours"] == listed.budgeted_hours == Decimal(8)
    assert labor["actual_hours"] == listed.actual_hours == Decimal(13)
    assert demo.counts["minutes"] == labor["actual_hours"] * 60
    assert page is not None
    assert page.left == "5 h over"


def test_labor_of_a_job_with_very_many_cost_codes_adds_up_to_the_whole(own_database: Settings) -> None:
    with psycopg.connect(own_database.database_url.get_secret_value(), autocommit=True) as connection:
        for number in range(203):
            put(connection, "time_entries", COMPANY, shift(f"s{number}", f"c{number}", 60, "linked"))
    database = Database(own_database, max_connections=1)
    database.open()
    with closing(database), database.transaction() as tx:
        lines = read_labor(tx, COMPANY, "7")
    assert len(lines) == 201
    assert lines[-1].title == "3 more cost codes"
    assert sum(line.actual_hours for line in lines) == Decimal(203)
