"""SQLSTATE decides whose fault a failure is, and nothing of a row gets into a reason."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from core.errors import ConfigurationError, FatalError, IntegrationError, InvalidRecordError, RetriableError
from sinks.database_errors import sorted_error


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (errors.NumericValueOutOfRange, InvalidRecordError),
        (errors.CheckViolation, InvalidRecordError),
        (errors.CharacterNotInRepertoire, InvalidRecordError),
        (errors.ProgramLimitExceeded, InvalidRecordError),
        (psycopg.DataError, InvalidRecordError),
        (errors.AdminShutdown, RetriableError),
        (errors.CannotConnectNow, RetriableError),
        (errors.TooManyConnections, RetriableError),
        (errors.ReadOnlySqlTransaction, RetriableError),
        (errors.LockNotAvailable, RetriableError),
        (errors.QueryCanceled, RetriableError),
        (errors.DeadlockDetected, RetriableError),
        (errors.DiskFull, RetriableError),
        (psycopg.OperationalError, RetriableError),
        (psycopg.InterfaceError, RetriableError),
        (errors.UndefinedTable, ConfigurationError),
        (errors.InsufficientPrivilege, ConfigurationError),
        (errors.DataCorrupted, FatalError),
    ],
)
def test_sorted_error_of_a_state_says_what_the_loop_must_do(
    raised: type[psycopg.Error], expected: type[IntegrationError]
) -> None:
    assert type(sorted_error(raised("the row (Jane Doe, 555-0100)"))) is expected


def test_sorted_error_never_repeats_what_postgres_quoted() -> None:
    for raised in (errors.CheckViolation, psycopg.DataError, errors.AdminShutdown, errors.UndefinedTable):
        assert "Jane" not in str(sorted_error(raised("the row (Jane Doe, 555-0100)")))
