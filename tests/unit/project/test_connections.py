"""Connections to Postgres are made in one place, so that every session has the settings that our code relies on."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGES = ("cli", "console", "control", "core", "embedded", "producers", "reports", "schemas", "sinks", "streams")
MAKES_ONE = re.compile(r"psycopg\.(?:Async)?(?:Client)?[cC]onnect(?:ion\.connect)?\(|ConnectionPool\(")


def test_connection_to_postgres_is_made_by_the_session_module_and_the_pool_alone() -> None:
    found = {
        str(path.relative_to(ROOT)): MAKES_ONE.findall(path.read_text())
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    assert {path: made for path, made in found.items() if made} == {
        "core/postgres.py": ["psycopg.connect("],
        "control/database.py": ["ConnectionPool("],
    }
