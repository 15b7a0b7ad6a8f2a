"""SQLSTATE, not the driver's exception class, decides what the control side makes of a database's error."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolTimeout

from control.database import translated_errors
from core.errors import ConfigurationError, FatalError, IntegrationError, InvalidRecordError, RetriableError


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (errors.ProgramLimitExceeded, InvalidRecordError),
        (errors.NumericValueOutOfRange, InvalidRecordError),
        (errors.UntranslatableCharacter, InvalidRecordError),
        (psycopg.DataError, InvalidRecordError),
        (errors.ReadOnlySqlTransaction, RetriableError),
        (errors.LockNotAvailable, RetriableError),
        (errors.DeadlockDetected, RetriableError),
        (errors.AdminShutdown, RetriableError),
        (psycopg.OperationalError, RetriableError),
        (psycopg.InterfaceError, RetriableError),
        (PoolTimeout, RetriableError),
        (errors.UndefinedTable, ConfigurationError),
        (errors.UndefinedColumn, ConfigurationError),
        (errors.InsufficientPrivilege, ConfigurationError),
        (errors.SyntaxError, FatalError),
        (errors.DataCorrupted, FatalError),
    ],
)
def test_translated_errors_go_by_sqlstate_and_quote_nothing(
    raised: type[psycopg.Error], expected: type[IntegrationError]
) -> None:
    with pytest.raises(expected) as caught, translated_errors():
        raise raised("the value of Jane Doe")
    assert type(caught.value) is expected
    assert "Jane" not in str(caught.value)
