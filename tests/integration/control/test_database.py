"""The three ways to send statements: a transaction, one statement, and a transaction that is sent whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from control.database import Database
from core.errors import InvalidRecordError
from core.settings import Settings

ROWS = b"SELECT number, note FROM integration.sent ORDER BY number"
PUT = b"INSERT INTO integration.sent VALUES (%(number)s, %(note)s)"
AWKWARD = "it's 100 % \\ \"quoted\"; -- 'none of it is SQL' \n é \U0001f477"


@pytest.fixture
def database(own_database: Settings) -> Iterator[Database]:
    # One connection: what a failed block leaves behind is what the next one gets.
    database = Database(own_database, max_connections=1)
    database.open()
    with database.transaction() as tx:
        tx.execute("CREATE TABLE integration.sent (number int PRIMARY KEY, note text)")
    yield database
    database.close()


def rows(database: Database) -> list[tuple[object, ...]]:
    with database.statement() as tx:
        return tx.execute(ROWS).fetchall()


def test_statements_sent_whole_are_committed_with_their_values_as_they_are(database: Database) -> None:
    with database.sent_whole() as tx:
        tx.execute(PUT, {"number": 1, "note": AWKWARD})
        tx.execute(PUT, {"number": 2, "note": None})
        tx.execute(b"-- What ends in a comment ends nothing else.\nDELETE FROM integration.sent WHERE false -- 100 %;")
        tx.execute(PUT, {"number": 3, "note": ""})
    assert rows(database) == [(1, AWKWARD), (2, None), (3, "")]


def test_statement_that_fails_undoes_all_that_was_sent_with_it(database: Database) -> None:
    def put_twice() -> None:
        with database.sent_whole() as tx:
            tx.execute(PUT, {"number": 1, "note": "first"})
            tx.execute(PUT, {"number": 1, "note": "again"})
            tx.execute(PUT, {"number": 2, "note": "behind it"})

    with pytest.raises(InvalidRecordError, match="UniqueViolation"):
        put_twice()
    assert rows(database) == []
    with database.transaction() as tx:
        tx.execute(PUT, {"number": 1, "note": "later"})
    assert rows(database) == [(1, "later")]


def test_block_that_raises_sends_nothing(database: Database) -> None:
    def stumble() -> None:
        with database.sent_whole() as tx:
            tx.execute(PUT, {"number": 1, "note": "first"})
            raise LookupError

    with pytest.raises(LookupError):
        stumble()
    assert rows(database) == []


def test_transaction_behind_a_single_statement_is_one_again(database: Database) -> None:
    def stumble() -> None:
        with database.transaction() as tx:
            tx.execute(PUT, {"number": 1, "note": "first"})
            raise LookupError

    rows(database)
    with pytest.raises(LookupError):
        stumble()
    assert rows(database) == []
