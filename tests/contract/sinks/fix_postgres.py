"""A migrated database for the sink's tests, emptied before each, and a way to ask it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from schemas.entities import ENTITIES
from tests.fix_stack import Stack, create_database, database_at, drop_database

Rows = list[DictRow]


@pytest.fixture(scope="session")
def sink_database_url(stack: Stack) -> Iterator[str]:
    url, name = stack.settings.database_url.get_secret_value(), f"sink_{uuid.uuid4().hex[:12]}"
    create_database(url, name, template=stack.template)
    yield database_at(url, name)
    drop_database(url, name)


@pytest.fixture
def database_url(sink_database_url: str) -> str:
    """The address of a database with schema `protiv` and no rows."""
    tables = ", ".join(f"protiv.{entity.table}" for entity in ENTITIES)
    rows(sink_database_url, f"TRUNCATE {tables}, protiv.sink_offsets")
    return sink_database_url


def rows(database_url: str, statement: str, *values: Any) -> Rows:
    """The rows that a statement of a test returns."""
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


def stored_offsets(database_url: str) -> dict[tuple[str, int], int]:
    """The next offset to merge by (topic, partition), of the newest creation of each topic."""
    found = rows(
        database_url,
        "SELECT DISTINCT ON (topic, partition) topic, partition, next_offset FROM protiv.sink_offsets "
        "ORDER BY topic, partition, generation DESC",
    )
    return {(row["topic"], row["partition"]): row["next_offset"] for row in found}
