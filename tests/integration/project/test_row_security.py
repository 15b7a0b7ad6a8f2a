"""Every table of both schemas is protected as its neighbours are: whoever adds one must say who reads it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from core.settings import Settings
from schemas.entities import ENTITIES

# Tables that readers of protiv see, each with its policy; what is not named here, readers do not see.
POLICIES = {entity.table: "one_company" for entity in ENTITIES} | {"reader_companies": "own_rows"}
_POLICIES = """
SELECT c.relname, c.relrowsecurity, p.polname, p.polcmd::text,
  (SELECT array_agg(rolname::text) FROM pg_roles WHERE oid = ANY (p.polroles)), pg_get_expr(p.polqual, p.polrelid)
FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid
WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p')
"""
_READABLE = """
SELECT c.relname, c.relkind::text, coalesce('security_invoker=true' = ANY (c.reloptions), false)
FROM pg_class c
WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  AND has_any_column_privilege('protiv_reader', c.oid, 'SELECT')
"""


def asked(settings: Settings, statement: str, schema: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        return connection.execute(statement.encode(), [schema]).fetchall()


def test_every_table_of_protiv_that_readers_see_shows_them_one_company(own_database: Settings) -> None:
    found = {row[0]: row[1:] for row in asked(own_database, _POLICIES, "protiv")}
    readable = {name for name, kind, _ in asked(own_database, _READABLE, "protiv") if kind != "v"}
    assert readable == POLICIES.keys()
    assert {name for name, (protected, *_) in found.items() if protected} == POLICIES.keys()
    for name, policy in POLICIES.items():
        _, named, command, roles, condition = found[name]
        assert (named, command, roles) == (policy, "r", ["protiv_reader"]), name
        assert condition, name
    assert len({found[entity.table][-1] for entity in ENTITIES}) == 1, "one condition for all entities"


def test_every_view_of_protiv_asks_with_the_rights_of_its_reader(own_database: Settings) -> None:
    views = {name: invoker for name, kind, invoker in asked(own_database, _READABLE, "protiv") if kind == "v"}
    assert {f"current_{entity.table}" for entity in ENTITIES} <= views.keys()
    assert [name for name, invoker in views.items() if not invoker] == []


@pytest.mark.parametrize("what", ["tables", "policies"])
def test_no_table_of_integration_is_for_readers(own_database: Settings, what: str) -> None:
    if what == "tables":
        assert asked(own_database, _READABLE, "integration") == []
    else:
        # Its processes are for every company. Where one table gets a policy, all with a company_id need one.
        assert {row[0] for row in asked(own_database, _POLICIES, "integration") if row[1]} == set()
