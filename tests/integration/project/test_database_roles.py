"""Each service's Postgres role can do its work and nothing else: the files of deploy/postgres, on a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from cli.database_checks import database_checks
from cli.findings import ProblemError
from control.audit import Act, note_not_sent, record
from control.checkpoints import save_page
from control.commands import put_command
from control.connections import (
    PASSWORD,
    SESSION,
    NewConnection,
    credential,
    lease_due,
    list_connections,
    put_credential,
    restore_previous_credentials,
    save_connection,
    set_signed_in,
)
from control.console_sessions import (
    SIGN_IN_LIMIT,
    begin_session,
    claim,
    end_session,
    forget_tries,
    give_back,
    session_user,
)
from control.console_users import NewUser, add_user
from control.database import Transaction, migrate_control
from control.other_account import accept
from control.runs import NewRun, begin_run, latest_runs
from control.source_state import Published, drop_published, put_published
from control.vault import SealedSecret
from core.errors import ConfigurationError
from reports.visibility import require_all_rows
from schemas.entities import JOBS
from sinks import statements
from sinks.migrate import check_migrated, migrate_protiv
from sinks.writer import TABLES
from tests import factories

SECRET = SealedSecret("k1", b"sealed")


class Roles:
    """Sessions of the prepared server, by role."""

    def __init__(self, url: Callable[[str], str], superuser_url: str) -> None:
        self.url = url
        self.superuser_url = superuser_url

    @contextmanager
    def session(self, role: str) -> Iterator[Transaction]:
        """One transaction as this role; committed at its end."""
        with closing(psycopg.connect(self.url(role))) as connection, connection.transaction():
            yield connection

    def refused(self, role: str, statement: str) -> bool:
        """Whether the role may not run a statement at all."""
        try:
            with self.session(role) as tx:
                tx.execute(statement.encode())
        except InsufficientPrivilege:
            return True
        return False


@pytest.fixture(scope="module")
def roles(server: Any) -> Roles:
    """After `setup` and the grants, which are run twice: they must be repeatable."""
    migrate_control(server.url("owner"))
    migrate_protiv(server.url("owner"))
    server.grant()
    server.grant()
    return Roles(server.url, server.superuser_url)


def connect_company(roles: Roles, role: str) -> str:
    company_id = f"c-{uuid4()}"
    with roles.session(role) as tx:
        save_connection(tx, NewConnection(company_id, "someone", "America/Denver", None), SECRET)
    return company_id


def test_console_role_stores_a_connection_and_a_second_one_over_it(roles: Roles) -> None:
    company_id = connect_company(roles, "console")
    with roles.session("console") as tx:
        save_connection(tx, NewConnection(company_id, "else", "America/Denver", None), SECRET)
        assert [one.username for one in list_connections(tx) if one.company_id == company_id] == ["else"]
        assert latest_runs(tx, company_id, limit=1) == []


def test_console_role_cannot_read_a_sealed_secret(roles: Roles) -> None:
    company_id = connect_company(roles, "poller")
    with pytest.raises(InsufficientPrivilege), roles.session("console") as tx:
        credential(tx, company_id, PASSWORD)
    assert roles.refused("console", "UPDATE integration.credentials SET key_id = 'x' RETURNING sealed")


def test_console_role_keeps_users_sessions_attempts_and_the_audit(roles: Roles) -> None:
    email = f"{uuid4()}@protiv.example"
    with roles.session("console") as tx:
        user_id = add_user(tx, NewUser(email, "Olive", "operator"))
        token = begin_session(tx, user_id)
        claim(tx, SIGN_IN_LIMIT, email)
        give_back(tx, SIGN_IN_LIMIT, email)
        forget_tries(tx, SIGN_IN_LIMIT, email)
        record(tx, Act(user_id, email, None, "sign-in"))
        note_not_sent(tx, str(uuid4()), "Kafka does not take it.")
    with roles.session("console") as tx:
        found = session_user(tx, token)
        assert found is not None
        assert found.email == email
        end_session(tx, token)
        assert accept(tx, connect_company(roles, "console"), builder_id="1") is False
    for table in ("audit", "audit_outcomes"):
        assert roles.refused("console", f"DELETE FROM integration.{table}")
        assert roles.refused("console", f"TRUNCATE integration.{table}")
    assert roles.refused("console", "UPDATE integration.audit SET who = 'somebody else'")
    assert roles.refused("console", "UPDATE integration.audit_outcomes SET outcome = 'completed'")
    assert roles.refused("console", "DELETE FROM integration.console_users")


def test_audit_is_append_only_for_its_owner_too_who_alone_may_remove_what_is_old(roles: Roles) -> None:
    with roles.session("console") as tx:
        record(tx, Act(None, "cli:ana", None, "sign-in"))
    assert roles.refused("owner", "UPDATE integration.audit SET who = 'x'")
    assert roles.refused("owner", "DELETE FROM integration.audit")
    with roles.session("owner") as tx:
        tx.execute("SET LOCAL integration.audit_retention = 'on'")
        tx.execute("DELETE FROM integration.audit WHERE at < now() - interval '3 years'")
    assert roles.refused("console", "SET integration.audit_retention = 'on'; DELETE FROM integration.audit")


def test_reconnect_as_the_console_role_puts_credentials_aside_and_the_poller_role_goes_back(roles: Roles) -> None:
    company_id = connect_company(roles, "console")
    with roles.session("poller") as tx:
        set_signed_in(tx, company_id, builder_id="1", builder_name="Acme")
    with roles.session("console") as tx:
        save_connection(tx, NewConnection(company_id, "else", "America/Denver", None), SealedSecret("k1", b"typo"))
    with roles.session("poller") as tx:
        assert credential(tx, company_id, PASSWORD) == SealedSecret("k1", b"typo")
        assert restore_previous_credentials(tx, company_id, fault="wrong-credentials", message="Check.")
        assert credential(tx, company_id, PASSWORD) == SECRET


def test_poller_role_does_not_see_the_consoles_users(roles: Roles) -> None:
    for table in ("console_users", "console_sessions", "console_tries", "audit", "audit_outcomes"):
        assert roles.refused("poller", f"SELECT 1 FROM integration.{table}"), table


def test_console_role_sees_rows_of_every_company_and_changes_none(roles: Roles) -> None:
    insert_user(roles)
    with roles.session("console") as tx:
        assert tx.execute("SELECT count(*) > 0 FROM protiv.current_users").fetchone() == (True,)
    assert roles.refused("console", "UPDATE protiv.users SET name = 'x'")
    assert roles.refused("console", "DELETE FROM integration.source_state")


def test_role_from_which_a_policy_hides_rows_is_told_so_instead_of_counting_none(roles: Roles) -> None:
    insert_user(roles)
    with roles.session("console") as tx:
        require_all_rows(tx)
    with closing(psycopg.connect(roles.superuser_url, dbname="protiv")) as connection:
        connection.execute("CREATE ROLE bound")
        connection.execute("GRANT USAGE ON SCHEMA protiv TO bound")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA protiv TO bound")
        connection.execute("SET LOCAL ROLE bound")
        assert connection.execute("SELECT count(*) FROM protiv.users").fetchone() == (0,)
        with pytest.raises(ConfigurationError, match="hides rows of schema protiv"):
            require_all_rows(connection)
        connection.execute("RESET ROLE")
        for table in ("jobs", "users", "cost_codes", "budgets", "time_entries"):
            connection.execute(f"CREATE POLICY all_rows ON protiv.{table} FOR SELECT TO bound USING (true)")
        connection.execute("SET LOCAL ROLE bound")
        require_all_rows(connection)
        connection.rollback()


def test_poller_role_does_the_work_of_a_run(roles: Roles) -> None:
    company_id = connect_company(roles, "console")
    with roles.session("poller") as tx:
        put_command(tx, {"command_id": str(uuid4()), "company_id": company_id, "type": "sync"})
        assert company_id in {lease.company_id for lease in lease_due(tx, owner="p", ttl_s=1, limit=1000)}
        run = begin_run(tx, company_id, NewRun("initial", {})).run
        save_page(tx, run, entity=JOBS.name, page=1, entity_ids=["1"])
        put_published(tx, company_id, JOBS.name, [Published("1", b"f", 1, None, None)])
        drop_published(tx, company_id, JOBS.name, ["1"])
        put_credential(tx, company_id, SESSION, SECRET)
        assert credential(tx, company_id, PASSWORD) == SECRET


def test_poller_role_does_not_reach_the_tables_of_the_sink(roles: Roles) -> None:
    assert roles.refused("poller", "SELECT 1 FROM protiv.jobs")


def test_sink_role_claims_stages_and_merges(roles: Roles) -> None:
    check_migrated(roles.url("sink"))
    with roles.session("sink") as tx:
        for table in TABLES:
            tx.execute(statements.create_staging(table))
            for kind in statements.RowKind:
                tx.execute(statements.merge_staged(table, kind), {"generation": 1})
        values = {"topic_id": uuid4(), "topic": "protiv.jobs", "partition": 0}
        assert tx.execute(statements.SQL["claim"], values).fetchone() == (0, 1, 1)
        assert tx.execute(statements.SQL["claim"], values).fetchone() == (0, 1, 2)


def test_sink_role_reaches_no_connection_and_deletes_no_row(roles: Roles) -> None:
    assert roles.refused("sink", "SELECT 1 FROM integration.connections")
    assert roles.refused("sink", "SELECT 1 FROM integration.credentials")
    assert roles.refused("sink", "DELETE FROM protiv.jobs")
    assert roles.refused("sink", "UPDATE protiv.schema_migrations SET checksum = ''")
    assert roles.refused("sink", "INSERT INTO protiv.reader_companies VALUES ('protiv_reader', 'c')")


def test_registry_role_has_a_database_of_its_own_alone(roles: Roles) -> None:
    with roles.session("registry") as tx:
        tx.execute("CREATE TABLE artifacts (id int)")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(roles.url("registry"), dbname="protiv")


def test_reader_role_sees_one_company(roles: Roles) -> None:
    company_id = insert_user(roles)
    insert_user(roles)
    with closing(psycopg.connect(roles.superuser_url, dbname="protiv", autocommit=True)) as connection:
        connection.execute("SET ROLE protiv_reader")
        assert connection.execute("SELECT count(*) FROM protiv.current_users").fetchone() == (0,)
        connection.execute("SELECT set_config('protiv.company_id', %s, false)", [company_id])
        seen = connection.execute("SELECT DISTINCT company_id FROM protiv.current_users").fetchall()
        assert seen == [(company_id,)]


def insert_user(roles: Roles) -> str:
    """A row that the sink stored, of a company of its own."""
    company_id = f"c-{uuid4()}"
    with roles.session("sink") as tx:
        tx.execute(
            "INSERT INTO protiv.users (company_id, user_id, version, observed_at, source_generation, source_offset,"
            " updated_at) VALUES (%s, '1', 1, now(), 1, 0, now())",
            [company_id],
        )
    return company_id


def test_sink_and_console_roles_see_every_company_also_where_row_security_binds_them(roles: Roles) -> None:
    companies = {insert_user(roles), insert_user(roles)}
    for role in ("sink", "console"):
        with roles.session(role) as tx:
            seen = {company for (company,) in tx.execute("SELECT company_id FROM protiv.current_users").fetchall()}
        assert seen >= companies
    with roles.session("sink") as tx:
        changed = tx.execute("UPDATE protiv.users SET version = 2 WHERE company_id = ANY(%s)", [list(companies)])
        assert changed.rowcount == 2


def test_doctor_names_a_policy_that_hides_rows_from_a_service(roles: Roles) -> None:
    settings = factories.settings(database_url=roles.url("owner"))
    (check,) = (one for one in database_checks(settings) if one.name == "roles")
    assert check.find() == "a role for each service, with its rights"
    with psycopg.connect(roles.superuser_url, dbname="protiv", autocommit=True) as connection:
        was = connection.execute("SELECT rolbypassrls FROM pg_roles WHERE rolname = 'protiv_console'").fetchone()
        connection.execute("ALTER ROLE protiv_console NOBYPASSRLS")
        connection.execute("DROP POLICY every_company_to_console ON protiv.users")
        try:
            with pytest.raises(ProblemError, match=r"hides rows of protiv\.users from protiv_console"):
                check.find()
        finally:
            connection.execute(
                "CREATE POLICY every_company_to_console ON protiv.users FOR SELECT TO protiv_console USING (true)"
            )
            if was == (True,):
                connection.execute("ALTER ROLE protiv_console BYPASSRLS")
