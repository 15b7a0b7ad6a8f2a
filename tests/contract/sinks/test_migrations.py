"""The schema is what all migrations make, at once or in the two steps of an upgrade, and the version before goes on
working on it until the upgrade is finished.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.errors import ConfigurationError
from core.migrations import Extent, migrate, read_migrations
from schemas.entities import TIME_ENTRIES
from sinks.migrate import FOLDER, check_migrated, migrate_protiv
from sinks.statements import SCHEMA
from tests.contract.sinks.catalog import described
from tests.contract.sinks.fix_postgres import rows
from tests.contract.sinks.fix_writers import Sink
from tests.unit.sinks.factories import message, record

# The whole schema on one page, for reviewers. After a new migration: `python -m tests.contract.sinks.catalog URL`.
SCHEMA_PAGE = FOLDER / "schema.txt"
# What the sink executed before 0005 and 0006, and the columns that readers knew then.
BEFORE = json.loads(Path(__file__).with_name("before_0005.json").read_text())
ALL = [migration.name for migration in read_migrations(FOLDER)]
WAITING = [name for name in ALL if name.endswith(".post")]


def through(number: int, tmp_path: Path) -> Path:
    """A folder with the migrations up to a number, as a version of that time had it."""
    folder = tmp_path / f"through-{number}"
    folder.mkdir()
    for path in FOLDER.glob("[0-9]*.sql"):
        if int(path.name[:4]) <= number:
            shutil.copy(path, folder)
    return folder


@pytest.fixture
def upgrading_url(empty_database_url: str, tmp_path: Path) -> str:
    """A database of the version before, whose upgrade has begun: its processes run on, and those of this one start."""
    migrate(empty_database_url, schema=SCHEMA, folder=through(4, tmp_path))
    assert migrate_protiv(empty_database_url) == [name for name in ALL[4:] if name not in WAITING]
    return empty_database_url


def test_schema_is_what_all_migrations_make(empty_database_url: str) -> None:
    assert migrate_protiv(empty_database_url) == ALL
    assert described(empty_database_url) == SCHEMA_PAGE.read_text().splitlines()


def test_schema_of_an_upgrade_is_that_of_a_new_database(upgrading_url: str) -> None:
    assert migrate_protiv(upgrading_url, extent=Extent.FINISHED) == WAITING
    assert described(upgrading_url) == SCHEMA_PAGE.read_text().splitlines()


def test_upgrade_leaves_out_what_the_version_before_cannot_live_with(upgrading_url: str) -> None:
    assert WAITING
    assert migrate_protiv(upgrading_url) == []
    check_migrated(upgrading_url)


def test_check_before_the_upgrade_has_begun_names_what_is_missing(empty_database_url: str, tmp_path: Path) -> None:
    migrate(empty_database_url, schema=SCHEMA, folder=through(4, tmp_path))
    with pytest.raises(ConfigurationError, match=r"0005_readers\.pre"):
        check_migrated(empty_database_url)


def test_sink_of_this_version_works_before_the_upgrade_is_finished(upgrading_url: str) -> None:
    sink = Sink(upgrading_url, "columnar")
    sink.put(message(record(notes="new"), 0))
    assert sink.table()[0]["notes"] == "new"
    sink.close()


def test_sink_of_the_version_before_works_during_the_upgrade(upgrading_url: str) -> None:
    with psycopg.connect(upgrading_url, autocommit=True) as connection:
        run = connection.execute
        topic = {"topic_id": "00000000-0000-0000-0000-000000000007", "topic": "protiv.time-entries", "partition": 0}
        assert run(BEFORE["claim"], topic).fetchone() == (0, 1, 1)
        with connection.transaction():
            move: dict[str, Any] = {
                "topic_ids": [topic["topic_id"]],
                "partitions": [0], "claims": [1], "expected": [0], "next_offsets": [1],
            }  # fmt: skip
            assert run(BEFORE["move_offsets"], move).rowcount == 1
            run(BEFORE["create_staging"])
            run(
                "INSERT INTO pg_temp.staged_time_entries (company_id, time_entry_id, version, observed_at, started_at,"
                " work_date, link_status, tags, source_offset, kind)"
                " VALUES ('acme', '1', 1, now(), now(), current_date, 'linked', '{}', 0, 'live')"
            )
            assert [row[:3] for row in run(BEFORE["merge_live"], {"generation": 1})] == [("acme", 1, 1)]
    assert rows(upgrading_url, BEFORE["stored_offsets"])[0]["next_offset"] == 1
    assert len(rows(upgrading_url, "SELECT * FROM protiv.current_time_entries")) == 1


def test_readers_of_the_version_before_find_every_column(database_url: str) -> None:
    for name, columns in BEFORE["columns"].items():
        rows(database_url, f"SELECT {', '.join(columns)} FROM protiv.{name}")


def test_before_holds_the_statements_of_every_kind() -> None:
    assert BEFORE.keys() == {
        "claim", "move_offsets", "create_staging", "merge_live", "stored_offsets", "columns",
    }  # fmt: skip
    assert BEFORE["columns"].keys() >= {TIME_ENTRIES.table, "job_labor"}
