"""A pooler in transaction mode is refused in one sentence by whatever connects; one in session mode is not noticed."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from cli.setup import set_up
from cli.tables import counts
from console.main import run
from control.database import COMMAND, Database, migrate_control
from core.errors import ConfigurationError
from core.postgres import connect
from core.settings import Settings, load_settings
from sinks.migrate import check_migrated, migrate_protiv
from sinks.writer import SESSION
from tests.integration.core.transaction_pooler import pooler

REFUSED = "through a pooler in transaction mode.*pool_mode = session"


def behind(settings: Settings, url: str) -> Settings:
    return load_settings(**{**dict(settings), "database_url": url, "_env_file": None})


def test_whatever_connects_through_a_pooler_in_transaction_mode_says_so(own_database: Settings) -> None:
    with pooler(own_database.database_url.get_secret_value(), transaction_mode=True) as url:
        for refused in (migrate_control, migrate_protiv, check_migrated):
            with pytest.raises(ConfigurationError, match=REFUSED):
                refused(url)
        database = Database(behind(own_database, url), max_connections=2)
        with closing(database), pytest.raises(ConfigurationError, match=REFUSED):
            database.open()
        with pytest.raises(ConfigurationError, match=REFUSED):
            counts(behind(own_database, url), "acme")


def test_setup_and_console_behind_a_pooler_in_transaction_mode_end_with_what_to_set(own_database: Settings) -> None:
    with pooler(own_database.database_url.get_secret_value(), transaction_mode=True) as url:
        settings = behind(own_database, url).model_copy(update={"console_port": 0, "metrics_port": 0})
        with pytest.raises(ConfigurationError, match=REFUSED):
            set_up(settings)
        with pytest.raises(ConfigurationError, match=REFUSED):
            run(settings)


def test_pooler_in_transaction_mode_keeps_nothing_of_the_session_that_was_refused(own_database: Settings) -> None:
    with pooler(own_database.database_url.get_secret_value(), transaction_mode=True, most=1) as url:
        with pytest.raises(ConfigurationError, match=REFUSED):
            connect(url, COMMAND)
        with psycopg.connect(url, autocommit=True) as stranger:
            assert stranger.execute("SHOW search_path").fetchone() == ('"$user", public',)


def test_pooler_in_session_mode_is_not_noticed(own_database: Settings) -> None:
    with pooler(own_database.database_url.get_secret_value(), transaction_mode=False) as url:
        for _ in range(2):
            with connect(url, SESSION) as connection:
                assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
