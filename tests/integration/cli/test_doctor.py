"""Each check of doctor, well and broken, on the real brokers, registry and database."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from cli.database_checks import database_checks
from cli.findings import Check, Finding, run_checks
from cli.service_checks import service_checks
from core.settings import Settings
from tests.fix_stack import Stack

NOWHERE = "127.0.0.1:1"


def examined(settings: Settings, *names: str) -> dict[str, Finding]:
    """The findings of the checks named, and of those they need."""
    checks = [Check("settings", lambda: "", ""), *service_checks(settings), *database_checks(settings)]
    wanted = set(names)
    for check in reversed(checks):
        if check.name in wanted:
            wanted |= set(check.needs)
    return {one.name: one for one in run_checks([check for check in checks if check.name in wanted])}


def execute(settings: Settings, statement: str) -> None:
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:
        connection.execute(statement.encode())


def test_doctor_of_a_stack_that_is_well(stack: Stack) -> None:
    found = examined(stack.settings, "topics", "schemas", "roles", "clock", "keys")
    assert {one.state for one in found.values()} == {"ok"}, found


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("broker", {"kafka_bootstrap_servers": NOWHERE}, "No Kafka broker of KAFKA_BOOTSTRAP_SERVERS answers"),
        ("topics", {"entity_partitions": 9}, "has 4 partitions, ENTITY_PARTITIONS is 9"),
        ("registry", {"schema_registry_url": f"http://{NOWHERE}"}, "does not answer"),
        ("schemas", {"schema_registry_url": f"http://{NOWHERE}"}, "needs registry"),
        ("database", {"database_url": f"postgresql://a:b@{NOWHERE}/c"}, "does not answer"),
        ("keys", {"credential_public_key": "", "credential_private_keys": ""}, "Neither CREDENTIAL_PUBLIC_KEY nor"),
        ("keys", {"credential_public_key": "k:short"}, "CREDENTIAL_PUBLIC_KEY is wrong"),
        ("source", {"buildertrend_app_url": f"http://{NOWHERE}"}, "does not answer"),
        ("services", {}, "at work"),
    ],
)
def test_doctor_names_what_is_broken(stack: Stack, name: str, changes: dict[str, Any], said: str) -> None:
    found = examined(stack.with_settings(**changes), name)[name]
    assert said in found.found
    assert found.state in ("failed", "skipped")
    assert found.fix or found.state == "skipped"


@pytest.mark.parametrize(
    ("statement", "name", "said"),
    [
        ("DROP SCHEMA protiv CASCADE", "migrations", "Schema protiv lacks 0001_tables"),
        ("DELETE FROM integration.schema_migrations WHERE name LIKE '0003%'", "migrations", "lacks 0003_reads"),
        ("UPDATE protiv.schema_migrations SET checksum = 'x' WHERE name LIKE '0001%'", "migrations", "differs"),
        ("INSERT INTO protiv.schema_migrations (name, checksum) VALUES ('9999_x', 'x')", "migrations", "9999_x"),
        ("REVOKE SELECT ON protiv.current_time_entries FROM protiv_reader", "roles", "protiv_reader may not SELECT"),
        (
            "GRANT USAGE ON SCHEMA integration TO protiv_reader;"
            "GRANT SELECT ON integration.credentials TO protiv_reader",
            "roles",
            "can read sealed secrets",
        ),
    ],
)
def test_doctor_names_what_is_wrong_in_the_database(
    own_database: Settings, statement: str, name: str, said: str
) -> None:
    execute(own_database, statement)
    found = examined(own_database, name)[name]
    assert (found.state, said in found.found) == ("failed", True), found
    assert found.fix
