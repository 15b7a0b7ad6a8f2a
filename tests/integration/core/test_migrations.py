"""Migrations: each once, in order, whole or not at all, also when two processes begin at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from core import migrations
from core.clock import SystemClock
from core.errors import ConfigurationError, RetriableError
from core.migrations import Extent, migrate
from core.postgres import Session

FIRST = "CREATE TABLE shop.things (id int PRIMARY KEY); INSERT INTO shop.things VALUES (1);"
SECOND = "INSERT INTO shop.things VALUES (2);"


class QuickClock(SystemClock):
    """A clock whose pauses are over at once, and took ten minutes."""

    def __init__(self) -> None:
        self._paused_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._paused_s

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        self._paused_s += max(seconds, 600.0)
        return stop is not None and stop.is_set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_things.sql").write_text(FIRST)
    (tmp_path / "0002_more.sql").write_text(SECOND)
    (tmp_path / "README.md").write_text("not a migration")
    return tmp_path


def things(database_url: str) -> list[int]:
    with psycopg.connect(database_url) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM shop.things ORDER BY id")]


def test_migrate_applies_all_in_order_and_the_second_time_nothing(empty_database_url: str, folder: Path) -> None:
    assert migrate(empty_database_url, schema="shop", folder=folder) == ["0001_things", "0002_more"]
    assert migrate(empty_database_url, schema="shop", folder=folder) == []
    assert things(empty_database_url) == [1, 2]


def test_migrate_new_file_is_applied_alone(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url, schema="shop", folder=folder)
    (folder / "0003_third.sql").write_text("INSERT INTO shop.things VALUES (3);")
    assert migrate(empty_database_url, schema="shop", folder=folder) == ["0003_third"]
    assert things(empty_database_url) == [1, 2, 3]


def test_migrate_changed_file_is_refused_by_name(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url, schema="shop", folder=folder)
    (folder / "0002_more.sql").write_text(SECOND + " -- changed")
    (folder / "0003_third.sql").write_text("INSERT INTO shop.things VALUES (3);")
    with pytest.raises(ConfigurationError, match="0002_more of schema shop"):
        migrate(empty_database_url, schema="shop", folder=folder)
    assert things(empty_database_url) == [1, 2]


def test_migrate_failing_file_leaves_nothing_of_itself(empty_database_url: str, folder: Path) -> None:
    (folder / "0002_more.sql").write_text("INSERT INTO shop.things VALUES (2); SELECT 1/0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty_database_url, schema="shop", folder=folder)
    assert things(empty_database_url) == [1]
    (folder / "0002_more.sql").write_text(SECOND)
    assert migrate(empty_database_url, schema="shop", folder=folder) == ["0002_more"]


def test_migrate_by_several_at_once_applies_each_file_once(empty_database_url: str, folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(migrate, empty_database_url, schema="shop", folder=folder) for _ in range(4)]
        applied = sorted(name for job in jobs for name in job.result())
    assert applied == ["0001_things", "0002_more"]
    assert things(empty_database_url) == [1, 2]


def test_migrate_of_a_new_schema_applies_also_what_waits_for_an_upgrade(empty_database_url: str, folder: Path) -> None:
    (folder / "0003_third.post.sql").write_text("INSERT INTO shop.things VALUES (3);")
    assert migrate(empty_database_url, schema="shop", folder=folder)[-1] == "0003_third.post"


def test_migrate_while_the_version_before_runs_leaves_out_what_it_cannot_live_with(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url, schema="shop", folder=folder)
    (folder / "0003_third.post.sql").write_text("INSERT INTO shop.things VALUES (3);")
    (folder / "0004_fourth.pre.sql").write_text("INSERT INTO shop.things VALUES (4);")
    assert migrate(empty_database_url, schema="shop", folder=folder) == ["0004_fourth.pre"]
    finished = migrate(empty_database_url, schema="shop", folder=folder, extent=Extent.FINISHED)
    assert (finished, things(empty_database_url)) == (["0003_third.post"], [1, 2, 3, 4])


def test_migrate_behind_a_lock_that_a_pooler_left_names_its_holder_and_what_to_do(
    empty_database_url: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(empty_database_url, autocommit=True, application_name="left by a pooler") as holder:
        holder.execute("SELECT pg_advisory_lock(7305112024)")
        with pytest.raises(RetriableError) as raised:
            migrate(empty_database_url, schema="shop", folder=folder, clock=QuickClock())
        said = str(raised.value)
        assert f"pg_terminate_backend({holder.info.backend_pid})" in said
        assert "left by a pooler" in said
        assert "left by a pooler" in caplog.text
    assert migrate(empty_database_url, schema="shop", folder=folder) == ["0001_things", "0002_more"]


def test_migrate_that_waits_for_a_table_names_the_transaction_and_gives_up(
    empty_database_url: str, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_SESSION", Session("protiv-setup", lock_s=1))
    migrate(empty_database_url, schema="shop", folder=folder)
    (folder / "0003_third.sql").write_text("ALTER TABLE shop.things ADD COLUMN name text;")
    with psycopg.connect(empty_database_url, application_name="a long report") as holder:
        holder.execute("SELECT count(*) FROM shop.things")
        with pytest.raises(RetriableError, match=r"0003_third of schema shop waits.*a long report"):
            migrate(empty_database_url, schema="shop", folder=folder, clock=QuickClock())
        assert "a long report" in caplog.text
    assert migrate(empty_database_url, schema="shop", folder=folder) == ["0003_third"]
