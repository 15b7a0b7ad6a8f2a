"""Whatever a role, a database or the environment sets, our sessions store and read the same."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from cli.reading import database_of
from cli.tables import counts
from control.database import COMMAND, Database, migrate_control
from core.errors import ConfigurationError, RetriableError
from core.postgres import Session, connect
from core.settings import Settings
from reports.status import takes_writes
from schemas.entities import ENTITY_BY_NAME
from sinks.migrate import check_migrated, migrate_protiv
from tests.contract.sinks.fix_postgres import stored_offsets
from tests.contract.sinks.fix_writers import Sink
from tests.fix_stack import Stack, database_at, drop_database
from tests.unit.sinks.factories import message, record

NAME = "Núñez \U0001f477"
AT = datetime(2026, 7, 3, 4, 5, 6, tzinfo=UTC)
ODD = {
    "client_encoding": "LATIN1",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kolkata",
    "search_path": "nowhere",
    "standard_conforming_strings": "off",
    "bytea_output": "escape",
    "statement_timeout": "20min",
    "idle_in_transaction_session_timeout": "1ms",
    "synchronous_commit": "off",
    "default_transaction_isolation": "serializable",
}


@pytest.fixture(params=["role", "database"])
def oddly_set(request: pytest.FixtureRequest, own_database: Settings) -> Iterator[Settings]:
    """The address of a role, in a database, of which one changes what sessions begin with."""
    url, role = own_database.database_url.get_secret_value(), f"odd_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as admin:
        name, database = sql.Identifier(role), sql.Identifier(admin.info.dbname)
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD 'p'").format(name))
        of_what = (
            sql.SQL("ROLE {}").format(name) if request.param == "role" else sql.SQL("DATABASE {}").format(database)
        )
        for setting, value in ODD.items():
            admin.execute(sql.SQL("ALTER {} SET {} = {}").format(of_what, sql.Identifier(setting), sql.Literal(value)))
    yield own_database.model_copy(update={"database_url": type(own_database.database_url)(_as_role(url, role))})
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(name, name))


def _as_role(url: str, role: str) -> str:
    return f"postgresql://{role}:p@{url.rpartition('@')[2]}"


def test_pool_of_a_role_with_other_settings_keeps_names_and_instants(oddly_set: Settings) -> None:
    database = Database(oddly_set, max_connections=1)
    database.open()
    with closing(database), database.transaction() as tx:
        tx.execute("CREATE TABLE integration.kept (name text, at timestamptz, took interval, day date)")
        tx.execute("INSERT INTO integration.kept VALUES (%s, %s, %s, %s)", [NAME, AT, timedelta(hours=30), AT.date()])
        tx.execute("SELECT pg_sleep(0.005)")
        stored = tx.execute("SELECT encode(convert_to(name, 'UTF8'), 'hex') FROM integration.kept").fetchone()
        read = tx.execute("SELECT * FROM integration.kept").fetchone()
    assert stored == (NAME.encode().hex(),)
    assert read == (NAME, AT, timedelta(hours=30), AT.date())


def test_sink_of_a_role_with_other_settings_stores_names_as_they_are(oddly_set: Settings) -> None:
    url = oddly_set.database_url.get_secret_value()
    sink = Sink(url, "columnar")
    entity = ENTITY_BY_NAME["users"]
    with closing(sink.store):
        sink.put(message(record(entity, "1", name=NAME, observed_at=1_780_000_000_000), 0, entity=entity))
    check_migrated(url)
    assert list(stored_offsets(url).values()) == [1]
    with connect(url, COMMAND) as reader:
        found = reader.execute("SELECT encode(convert_to(name, 'UTF8'), 'hex') FROM protiv.users").fetchall()
    assert found == [(NAME.encode().hex(),)]
    assert counts(oddly_set, "acme")["users"] == 1


def test_command_may_rest_in_its_transaction_as_long_as_reading_topics_takes(oddly_set: Settings) -> None:
    with database_of(oddly_set) as tx:
        assert tx.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("0",)
        assert tx.execute("SHOW search_path").fetchone() == ("pg_catalog, pg_temp",)
        assert tx.execute("SHOW synchronous_commit").fetchone() == ("on",)


@pytest.mark.parametrize(
    "variables",
    [
        {"PGCLIENTENCODING": "LATIN1"},
        {"PGOPTIONS": "-c datestyle=German -c timezone=Asia/Kolkata"},
        {"PGDATESTYLE": "German", "PGTZ": "Asia/Kolkata"},
        {"PGHOSTADDR": "192.0.2.1", "PGCONNECT_TIMEOUT": "2"},
        {"PGSSLMODE": "require"},
        {"PGSERVICE": "somewhere-else", "PGSERVICEFILE": "/nonexistent"},
        {"PGTARGETSESSIONATTRS": "standby"},
        {"PGCHANNELBINDING": "require", "PGREQUIREAUTH": "none"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_environment_of_postgres_client_reaches_no_connection(
    own_database: Settings, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with connect(own_database.database_url.get_secret_value(), Session("test")) as connection:
        assert connection.execute("SELECT now()::text LIKE '____-__-__ %+00'").fetchone() == (True,)
    assert not [name for name in os.environ if name.startswith("PG")]


def test_environment_of_postgres_client_reaches_no_pool(
    own_database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGSERVICE", "somewhere-else")
    with database_of(own_database) as tx:
        assert tx.execute("SHOW timezone").fetchone() == ("UTC",)


def test_read_only_database_is_an_outage_until_it_takes_writes_again(own_database: Settings) -> None:
    url = own_database.database_url.get_secret_value()
    sink = Sink(url, "columnar")
    shift = message(record(ENTITY_BY_NAME["users"], "1"), 0, entity=ENTITY_BY_NAME["users"])
    database = Database(own_database, max_connections=1)
    with psycopg.connect(url, autocommit=True) as admin:
        name = sql.Identifier(admin.info.dbname)
        admin.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        database.open()
        with database_of(own_database) as tx:
            assert not takes_writes(tx)
        with pytest.raises(RetriableError, match="read-only"):
            sink.put(shift)
        with pytest.raises(RetriableError, match="read-only"), database.transaction() as tx:
            tx.execute("DELETE FROM integration.connections")
        with pytest.raises(RetriableError, match="read-only"):
            migrate_control(url)
        with pytest.raises(RetriableError, match="read-only"):
            migrate_protiv(url)
        database.close()
        admin.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
    with closing(sink.store):
        sink.put(shift)
    assert len(sink.table("users")) == 1
    with database_of(own_database) as tx:
        assert takes_writes(tx)


def test_setup_refuses_a_database_that_does_not_store_utf_8(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    url, name = stack.settings.database_url.get_secret_value(), f"latin_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc").format(
                sql.Identifier(name)
            )
        )
    latin = database_at(url, name)
    for refused in (migrate_control, migrate_protiv, check_migrated):
        with pytest.raises(ConfigurationError, match="as LATIN1, which cannot hold every name"):
            refused(latin)
    database = Database(stack.with_settings(database_url=latin), max_connections=1)
    with closing(database), pytest.raises(ConfigurationError, match="LATIN1"):
        database.open()
    drop_database(url, name)
