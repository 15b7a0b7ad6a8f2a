"""The overview as it is read from a real Postgres."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from console.database_source import DatabaseSource
from console.overview import Company, Wanted
from control.connections import NewConnection, lease_due, save_connection, set_signed_in, set_succeeded
from control.database import Database
from control.runs import NewRun, RunEnd, begin_run, finish_run
from control.source_state import Published, put_published
from control.vault import SealedSecret
from core.clock import SystemClock
from core.errors import ConfigurationError, RetriableError
from core.settings import Settings
from schemas.catalogue import ENTITIES
from tests.fix_stack import Stack

SECRET = SealedSecret("key", b"sealed")
AT = datetime(2026, 6, 17, 18, 0, tzinfo=UTC)


@contextmanager
def source_of(settings: Settings) -> Iterator[DatabaseSource]:
    source = DatabaseSource(settings, SystemClock())
    source.connect(threading.Event())
    yield source
    source.close()


@contextmanager
def database_of(settings: Settings) -> Iterator[Database]:
    database = Database(settings, max_connections=1)
    database.open()
    yield database
    database.close()


def connect(database: Database, company_id: str) -> None:
    with database.transaction() as tx:
        save_connection(tx, NewConnection(company_id, "user", "America/Denver", None), SECRET)
        set_signed_in(tx, company_id, builder_id="1", builder_name=f"Account of {company_id}")


def publish(database: Database, company_id: str, count: int) -> None:
    with database.transaction() as tx:
        for entity in ENTITIES:
            records = [Published(str(number), b"f", number, None, None) for number in range(count)]
            put_published(tx, company_id, entity.name, records)


def store(settings: Settings, company_id: str, job_ids: list[str]) -> None:
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        for job_id in job_ids:
            connection.execute(
                "INSERT INTO protiv.jobs (company_id, job_id, version, observed_at, deleted_at, source_generation, "
                "source_offset, updated_at) VALUES (%s, %s, 1, now(), %s, 1, 1, now())",
                [company_id, job_id, AT if job_id == "gone" else None],
            )


def only(source: DatabaseSource, company_id: str) -> Company:
    (company,) = source.read(Wanted(company_id)).companies
    return company


def test_source_reads_connection_counts_and_stored_rows(own_database: Settings) -> None:
    with database_of(own_database) as database, source_of(own_database) as source:
        connect(database, "acme")
        connect(database, "other")
        publish(database, "acme", 3)
        store(own_database, "acme", ["1", "2", "gone"])
        store(own_database, "other", ["9"])
        company = only(source, "acme")
    assert company.connection.builder_name == "Account of acme"
    assert company.published == {entity.name: 3 for entity in ENTITIES}
    assert company.stored == {"jobs": 2, "users": 0, "cost-codes": 0, "budgets": 0, "time-entries": 0}
    assert (company.state, company.runs) == ("connected", ())


def test_source_follows_a_run_from_its_begin_to_its_end(own_database: Settings) -> None:
    counts = {"jobs": {"read": 5, "created": 5, "updated": 0, "deleted": 0, "unchanged": 0}}
    with database_of(own_database) as database, source_of(own_database) as source:
        connect(database, "acme")
        with database.transaction() as tx:
            tx.execute("UPDATE integration.connections SET next_due_at = now() - interval '1 minute'")
            (lease,) = lease_due(tx, owner="poller", ttl_s=60, limit=1)
            run = begin_run(tx, "acme", NewRun("initial", {})).run
        assert only(source, "acme").state == "syncing"
        with database.transaction() as tx:
            finish_run(tx, run, RunEnd("completed", None, None, counts))
            set_succeeded(tx, lease.company_id, at=AT, next_due_at=AT, full=True)
        company = only(source, "acme")
    assert (company.state, company.connection.last_success_at) == ("connected", AT)
    assert [(one.state, one.read, one.counts) for one in company.runs] == [("completed", "initial", counts)]


def test_source_without_schema_protiv_knows_no_stored_rows(own_database: Settings) -> None:
    with psycopg.connect(own_database.database_url.get_secret_value()) as connection:
        connection.execute("DROP SCHEMA protiv CASCADE")
    with database_of(own_database) as database, source_of(own_database) as source:
        connect(database, "acme")
        assert only(source, "acme").stored is None


@pytest.mark.parametrize(("member_of", "jobs"), [("", None), ("protiv_reader", 2)])
def test_source_of_a_role_with_few_rights_counts_what_it_may(
    own_database: Settings, member_of: str, jobs: int | None
) -> None:
    with database_of(own_database) as database:
        connect(database, "acme")
    store(own_database, "acme", ["1", "2"])
    store(own_database, "other", ["3"])
    with role(own_database, member_of) as settings, source_of(settings) as source:
        stored = only(source, "acme").stored
    assert (stored and stored["jobs"]) == jobs


@contextmanager
def role(settings: Settings, member_of: str) -> Iterator[Settings]:
    """The settings with a role of its own that reads schema `integration` and is a member of another role."""
    url = settings.database_url.get_secret_value()
    part = conninfo_to_dict(url)
    name = f"console_{part['dbname']}"
    with psycopg.connect(url, autocommit=True) as connection:
        me = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'few-rights'").format(me))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA integration TO {}").format(me))
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA integration TO {}").format(me))
        if member_of:
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(member_of), me))
        address = f"postgresql://{name}:few-rights@{part['host']}:{part['port']}/{part['dbname']}"
        try:
            yield settings.model_copy(update={"database_url": type(settings.database_url)(address)})
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {}").format(me))
            connection.execute(sql.SQL("DROP ROLE {}").format(me))


def test_source_of_a_database_that_is_not_set_up_says_what_to_run(stack: Stack, empty_database_url: str) -> None:
    settings = stack.with_settings(database_url=empty_database_url)
    with source_of(settings) as source, pytest.raises(ConfigurationError, match="protiv-buildertrend setup"):
        source.read(Wanted())


def test_source_that_is_not_connected_yet_is_an_outage(stack: Stack) -> None:
    source = DatabaseSource(stack.settings, SystemClock())
    for call in (source.ping, lambda: source.read(Wanted())):
        with pytest.raises(RetriableError, match="DATABASE_URL does not answer"):
            call()
    source.close()
