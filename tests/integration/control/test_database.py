"""Connections that ended while nobody used them are replaced before anybody does."""

from __future__ import annotations

import math
from contextlib import closing

import psycopg
import pytest

from control import database
from control.database import Database
from core.errors import RetriableError
from core.settings import Settings


def end_sessions(settings: Settings) -> None:
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("rested_s", [0.0, math.inf], ids=["rested", "in use"])
def test_transaction_after_a_rest_in_which_the_connection_ended_works(
    own_database: Settings, monkeypatch: pytest.MonkeyPatch, rested_s: float
) -> None:
    monkeypatch.setattr(database, "_RESTED_S", rested_s)
    found = Database(own_database, max_connections=1)
    found.open()
    with closing(found):
        end_sessions(own_database)
        if rested_s:
            with pytest.raises(RetriableError), found.transaction() as tx:
                tx.execute("SELECT 1")
        with found.transaction() as tx:
            assert tx.execute("SELECT 1").fetchone() == (1,)
