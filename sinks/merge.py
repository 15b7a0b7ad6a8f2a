"""Merges staged rows inside a transaction; a row that Postgres refuses is found by halving, the others land."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa

from core.dead_letters.share import BatchShare, Origin, origin_of, parked_error
from core.errors import InvalidRecordError
from sinks.columns import CanonicalTable
from sinks.database_errors import sorted_error
from sinks.messages import Message
from sinks.new_rows import insert_new
from sinks.read_columns import ArrowRows
from sinks.staged_rows import Rejection, StagedRows
from sinks.statements import clear_staging, copy_staging, merge


@dataclass(slots=True)
class Change:
    """What a batch changed of one entity of one company."""

    count: int = 0
    version: int = 0
    newest_observed_at: datetime | None = None

    def add(self, count: int, version: int, observed_at: datetime) -> None:
        self.count += count
        self.version = max(self.version, version)
        self.newest_observed_at = max(self.newest_observed_at or observed_at, observed_at)


# What values of odd kinds make the encoders raise, before Postgres has seen them.
_NOT_WRITABLE = (pa.ArrowException, ArithmeticError, LookupError, TypeError, ValueError)
_CANNOT = "The record holds a value that cannot be written in Postgres's form."

Changes = dict[tuple[str, str], Change]


@dataclass(slots=True)
class Merge:
    """The merging of one batch in one open transaction; `changes` is keyed by (company_id, entity).

    `may_insert`: COPY straight into a table is allowed. `share` counts the refused, and says whose records wait.
    """

    connection: psycopg.Connection[Any]
    may_insert: bool
    share: BatchShare
    changes: Changes = field(default_factory=lambda: defaultdict(Change))
    rejections: list[Rejection] = field(default_factory=list)
    staged: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _used: set[str] = field(default_factory=set)

    def reject(self, rejections: Sequence[Rejection]) -> None:
        """Count refused records; FatalError when those of many companies are refused."""
        for rejection in rejections:
            if self._waits(rejection.message):
                self._hold_back([rejection.message])
            else:
                self.share.refused(_origin(rejection.message))
                self.rejections.append(rejection)

    def add(self, table: CanonicalTable, rows: StagedRows, *, generation: int) -> None:
        """Merge `rows`; those that Postgres refuses become rejections. Raises for anything that is no row's fault.

        Rows of a parked company become rejections unseen: it may be parked while its rows are looked for.
        """
        if self.share.waiting:
            rows, waiting = rows.without(self._waits)
            self._hold_back(waiting)
        if len(rows):
            self._add(table, rows, generation)

    def _hold_back(self, messages: Sequence[Message]) -> None:
        self.rejections += [Rejection(message, parked_error()) for message in messages]

    def _waits(self, message: Message) -> bool:
        return bool(self.share.waiting) and self.share.waits(_origin(message))

    def _add(self, table: CanonicalTable, rows: StagedRows, generation: int) -> None:
        try:
            with self.connection.transaction():
                changed = self._merge(table, rows, generation)
        except _NOT_WRITABLE:
            self._refused(table, rows, generation, InvalidRecordError(_CANNOT, error_class="unwritable"))
            return
        except psycopg.Error as exc:
            error = sorted_error(exc)
            if not isinstance(error, InvalidRecordError):
                raise
            self._refused(table, rows, generation, error)
            return
        self.staged[table.entity.name] += len(rows)
        for company_id, count, version, observed_at in changed:
            self.changes[company_id, table.entity.name].add(count, version, observed_at)

    def _refused(self, table: CanonicalTable, rows: StagedRows, generation: int, error: InvalidRecordError) -> None:
        if len(rows) == 1:
            self.reject([Rejection(rows.origin(), error)])
            return
        for half in rows.halves():
            self.add(table, half, generation=generation)

    def _merge(self, table: CanonicalTable, rows: StagedRows, generation: int) -> list[Any]:
        changed: list[Any] = []
        left: StagedRows | None = rows
        with self.connection.cursor() as cursor:
            if self.may_insert and isinstance(rows, ArrowRows):
                changed, left = insert_new(cursor, table, rows, generation=generation)
            if left is not None:
                changed += self._merge_staged(cursor, table, left, generation)
        return changed

    def _merge_staged(
        self, cursor: psycopg.Cursor[Any], table: CanonicalTable, rows: StagedRows, generation: int
    ) -> list[Any]:
        if table.name in self._used:
            cursor.execute(clear_staging(table))
        with cursor.copy(copy_staging(table)) as copy:
            rows.copy_into(copy)
        self._used.add(table.name)
        changed: list[Any] = []
        for kind in rows.kinds:
            changed += cursor.execute(merge(table, kind), {"generation": generation}).fetchall()
        return changed


def _origin(message: Message) -> Origin:
    return origin_of(message.key(), message.headers() or ())
