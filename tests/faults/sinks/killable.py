"""A sink's process that kills itself at a named point of a batch: `python -m tests.faults.sinks.killable`.

KILL_AT names the point (none: it only runs), KILL_NTH how many times it is passed before. Batches are small, and the
group forgets a dead member after the shortest time that brokers allow.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg
from psycopg.pq import TransactionStatus

import sinks.consumer
import sinks.main
from core.kafka.config import bulk_consumer_config
from core.settings import Settings, load_settings
from sinks.buffer import Limits

POINTS = ("before-copy", "after-copy", "before-commit", "after-commit")
_RECORDS_A_BATCH = 400
_SESSION_MS = 6_000

_passes = itertools.count()
_open_transaction = psycopg.Connection.transaction
_open_copy = psycopg.Cursor.copy


def _passed(point: str) -> None:
    """Die here, as by kill -9, if this is the point and its time has come."""
    if os.environ.get("KILL_AT") == point and next(_passes) >= int(os.environ["KILL_NTH"]):
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def _transaction(connection: psycopg.Connection[Any], *arguments: Any, **options: Any) -> Iterator[psycopg.Transaction]:
    whole = connection.info.transaction_status == TransactionStatus.IDLE
    with _open_transaction(connection, *arguments, **options) as transaction:
        yield transaction
        if whole:
            _passed("before-commit")
    if whole:
        _passed("after-commit")


@contextmanager
def _copy(cursor: psycopg.Cursor[Any], *arguments: Any, **options: Any) -> Iterator[psycopg.Copy]:
    _passed("before-copy")
    with _open_copy(cursor, *arguments, **options) as copy:
        yield copy
    _passed("after-copy")


def _quick_to_forget(settings: Settings, group: str) -> dict[str, Any]:
    return bulk_consumer_config(settings, os.environ.get("SINK_GROUP", group)) | {
        "session.timeout.ms": _SESSION_MS,
        "heartbeat.interval.ms": 1_000,
    }


if __name__ == "__main__":
    with (
        patch.object(psycopg.Connection, "transaction", _transaction),
        patch.object(psycopg.Cursor, "copy", _copy),
        patch.object(sinks.consumer, "Limits", lambda: Limits(records=_RECORDS_A_BATCH)),
        patch.object(sinks.main, "bulk_consumer_config", _quick_to_forget),
    ):
        sinks.main.run(load_settings())
