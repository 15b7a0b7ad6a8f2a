"""A reader gets the rows of its company and no other's, whatever it selects, calls or sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from schemas.entities import ENTITIES
from tests.contract.sinks.fix_postgres import rows
from tests.contract.sinks.fix_readers import MINE, THEIRS, fill, group, login, readable, said
from tests.contract.sinks.fix_writers import Sink

TABLES = [f"protiv.{entity.table}" for entity in ENTITIES]
# What a session could set in the hope of another's rows.
SETTINGS = (
    "SET row_security = off",
    f"SET protiv.company_id = '{THEIRS}'",
    f"SET SESSION protiv.company_id = '{THEIRS}'",
    f"SELECT set_config('protiv.company_id', '{THEIRS}', false)",
    "SET ROLE protiv_reader",
    f"SET ROLE protiv_reader; SET protiv.company_id = '{THEIRS}'",
    "SET search_path = protiv; SET default_transaction_read_only = on",
)


@pytest.fixture
def filled_url(database_url: str) -> Iterator[str]:
    sink = Sink(database_url, "columnar")
    fill(sink)
    yield database_url
    sink.close()


@pytest.fixture
def mine(filled_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of a role that is bound to a company, with the setting that it should have."""
    with (
        login(filled_url, bound_to=MINE) as address,
        psycopg.connect(address, autocommit=True) as connection,
    ):
        connection.execute("SELECT set_config('protiv.company_id', %s, false)", [MINE])
        yield connection


def test_walk_finds_every_table_and_view(filled_url: str) -> None:
    views = {f"protiv.current_{entity.table}" for entity in ENTITIES} | {"protiv.job_labor", "protiv.time_entry_splits"}
    assert {*TABLES, *views} <= set(readable(filled_url))
    assert set(readable(filled_url)) == {*TABLES, *views, "protiv.reader_companies"}


def test_bound_reader_sees_its_company_in_every_table_and_view(filled_url: str, mine: psycopg.Connection[Any]) -> None:
    for name in readable(filled_url):
        assert MINE in said(mine, f"SELECT * FROM {name}")
        assert THEIRS not in said(mine, f"SELECT * FROM {name}")


@pytest.mark.parametrize("setting", SETTINGS)
def test_bound_reader_sees_no_other_company_by_any_setting(
    filled_url: str, mine: psycopg.Connection[Any], setting: str
) -> None:
    mine.execute(setting.encode())
    for name in readable(filled_url):
        try:
            seen = said(mine, f"SELECT * FROM {name}")
        except psycopg.errors.InsufficientPrivilege:
            seen = ""  # with row security off Postgres refuses the query
        assert THEIRS not in seen


def test_bound_reader_may_not_leave_its_binding(mine: psycopg.Connection[Any]) -> None:
    for statement in (
        f"UPDATE protiv.reader_companies SET company_id = '{THEIRS}'",
        "DELETE FROM protiv.reader_companies",
        f"INSERT INTO protiv.reader_companies VALUES (current_user, '{THEIRS}')",
        "SET SESSION AUTHORIZATION postgres",
        "ALTER TABLE protiv.time_entries DISABLE ROW LEVEL SECURITY",
        "CREATE FUNCTION protiv.mine() RETURNS text LANGUAGE sql AS 'SELECT 1'",
        "CREATE VIEW protiv.mine AS SELECT 1",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            mine.execute(statement.encode())


def test_every_function_of_the_schema_says_nothing_of_another_company(
    filled_url: str, mine: psycopg.Connection[Any]
) -> None:
    functions = rows(
        filled_url,
        "SELECT oid::regproc::text AS name, pronargs FROM pg_proc WHERE pronamespace = 'protiv'::regnamespace",
    )
    assert sorted((row["name"], row["pronargs"]) for row in functions) == [
        ("protiv.reader_company", 0),
        ("protiv.reader_roles", 0),
        # It says something of its argument alone.
        ("protiv.sum_of", 1),
    ]
    assert THEIRS not in said(mine, "SELECT * FROM protiv.reader_roles()")
    assert said(mine, "SELECT protiv.reader_company()") == f"[('{MINE}',)]"
    mine.execute(f"SET protiv.company_id = '{THEIRS}'".encode())
    assert said(mine, "SELECT protiv.reader_company()") == "[(None,)]"


def test_function_in_a_condition_is_not_shown_rows_of_another_company(mine: psycopg.Connection[Any]) -> None:
    heard: list[str] = []
    mine.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
    mine.execute(
        "CREATE FUNCTION pg_temp.spy(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS "
        "$$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$"
    )
    for name in TABLES:
        mine.execute(f"SELECT * FROM {name} WHERE pg_temp.spy(company_id)".encode())
    mine.execute("SELECT * FROM protiv.job_labor WHERE pg_temp.spy(company_id)")
    assert MINE in heard
    assert THEIRS not in heard


def test_statistics_hold_no_value_of_another_company(filled_url: str, mine: psycopg.Connection[Any]) -> None:
    rows(filled_url, "ANALYZE protiv.time_entries")
    assert THEIRS not in said(mine, "SELECT * FROM pg_stats WHERE schemaname = 'protiv'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        mine.execute("SELECT * FROM pg_statistic")


@pytest.mark.parametrize("bound_to", [None, MINE], ids=["free", "bound"])
def test_reader_without_a_setting_sees_no_row_anywhere(filled_url: str, bound_to: str | None) -> None:
    with login(filled_url, bound_to=bound_to) as address, psycopg.connect(address, autocommit=True) as connection:
        for name in readable(filled_url):
            if name != "protiv.reader_companies":
                assert said(connection, f"SELECT * FROM {name}") == "[]"


def test_free_reader_sees_the_company_that_it_names(filled_url: str) -> None:
    with login(filled_url) as address, psycopg.connect(address, autocommit=True) as connection:
        for company in (MINE, THEIRS):
            connection.execute("SELECT set_config('protiv.company_id', %s, false)", [company])
            assert said(connection, "SELECT company_id FROM protiv.current_jobs") == f"[('{company}',)]"


def test_session_that_changes_to_a_bound_role_is_bound(filled_url: str) -> None:
    with login(filled_url, bound_to=MINE) as address, psycopg.connect(filled_url, autocommit=True) as pool:
        role = psycopg.conninfo.conninfo_to_dict(address)["user"]
        pool.execute(psycopg.sql.SQL("SET ROLE {}").format(psycopg.sql.Identifier(str(role))))
        pool.execute("SELECT set_config('protiv.company_id', %s, false)", [THEIRS])
        assert said(pool, "SELECT * FROM protiv.current_jobs") == "[]"


def seen_by(address: str, *settings: str) -> set[str]:
    """The companies of which a session that sets this sees anything in any table."""
    with psycopg.connect(address, autocommit=True) as session:
        for setting in settings:
            session.execute(setting.encode())
        shown = [said(session, f"SELECT company_id FROM {name}") for name in TABLES]
    return {company for company in (MINE, THEIRS) if any(company in each for each in shown)}


def naming(company: str) -> str:
    return f"SET protiv.company_id = '{company}'"


def test_member_of_a_bound_group_is_bound_whatever_it_sets(filled_url: str) -> None:
    with group(filled_url, bound_to=MINE) as crew, login(filled_url, groups=[crew]) as address:
        assert seen_by(address, naming(MINE)) == {MINE}
        for setting in SETTINGS[1:]:
            assert seen_by(address, naming(MINE), setting) <= {MINE}
        for change in (f"SET ROLE {crew}", "SET ROLE protiv_reader"):
            assert seen_by(address, change, naming(THEIRS)) == set()
            assert seen_by(address, change, naming(MINE)) == {MINE}


@pytest.mark.parametrize("inherit", [True, False])
def test_member_of_a_group_in_a_bound_group_is_bound(filled_url: str, inherit: bool) -> None:
    with (
        group(filled_url, bound_to=MINE, inherit=inherit) as company,
        group(filled_url, bound_to=MINE, member_of=company) as crew,
        psycopg.connect(filled_url, autocommit=True) as admin,
    ):
        admin.execute("DELETE FROM protiv.reader_companies WHERE role_name = %s", [crew])
        with login(filled_url, groups=[crew]) as address:
            assert seen_by(address, naming(THEIRS)) == set()
            assert seen_by(address, naming(MINE)) == {MINE}


def test_member_of_two_bound_groups_reads_the_companies_of_both_and_one_of_its_own_only_those(filled_url: str) -> None:
    with group(filled_url, bound_to=MINE) as one, group(filled_url, bound_to=THEIRS) as other:
        with login(filled_url, groups=[one, other]) as address:
            assert seen_by(address, naming(MINE)) == {MINE}
            assert seen_by(address, naming(THEIRS)) == {THEIRS}
            assert seen_by(address, f"SET ROLE {one}", naming(THEIRS)) == set()
        with login(filled_url, groups=[one, other], bound_to=MINE) as address:
            assert seen_by(address, naming(THEIRS)) == set()


def test_members_see_which_companies_their_group_is_bound_to_and_no_other_binding(filled_url: str) -> None:
    with (
        group(filled_url, bound_to=MINE) as crew,
        group(filled_url, bound_to=THEIRS) as others,
        login(filled_url, groups=[crew]) as address,
        psycopg.connect(address, autocommit=True) as session,
    ):
        shown = said(session, "SELECT role_name FROM protiv.reader_companies")
        assert crew in shown
        assert others not in shown
