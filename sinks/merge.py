"""Merges rows into their table inside a transaction; a row that Postgres refuses is found by halving the batch.

Rows whose key is new to the table go straight into it by COPY, without staging and without a conflict check for each.
Only whole batches of live rows by column are worth that. Nobody else writes these keys meanwhile: the offsets of their
partitions are locked. If another program does, Postgres refuses the rows as duplicates, and they are merged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from core.dead_letters.share import BatchShare, Origin, origin_of, parked_error
from core.errors import InvalidRecordError
from sinks.columns import CanonicalTable, Form
from sinks.database_errors import sorted_error
from sinks.messages import Message
from sinks.read_columns import ArrowRows, write_binary
from sinks.read_rows import Rejection, StagedRows
from sinks.statements import RowKind, clear_staging, copy_new, copy_staging, merge_staged, places_in_table, row_columns


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


# What the encoders raise for unusual values, before Postgres has seen them.
_NOT_WRITABLE = (pa.ArrowException, ArithmeticError, LookupError, TypeError, ValueError)
_CANNOT = "The record holds a value that cannot be written in Postgres's form."

Changes = dict[tuple[str, str], Change]

# Smaller batches are merged as quickly.
_WORTH_COPYING = 500
_SAMPLE = 50
_MONEY = pa.decimal128(19, 6)

Changed = tuple[str, int, int, datetime]
"""What changed of a company: its id, the number of rows, the highest version, the newest observed_at."""


@dataclass(slots=True)
class BatchMerge:
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
                self._park([rejection.message])
            else:
                self.share.refused(_origin(rejection.message))
                self.rejections.append(rejection)

    def add(self, table: CanonicalTable, rows: StagedRows, *, generation: int) -> None:
        """Merge `rows`; those that Postgres refuses become rejections. Raises for anything that is no row's fault.

        Rows of a parked company become rejections unread: it may be parked while its refused rows are being found.
        """
        if self.share.waiting:
            rows, waiting = rows.without(self._waits)
            self._park(waiting)
        if len(rows):
            self._add(table, rows, generation)

    def _park(self, messages: Sequence[Message]) -> None:
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

    def _merge(self, table: CanonicalTable, rows: StagedRows, generation: int) -> list[Changed]:
        changed: list[Changed] = []
        left: StagedRows | None = rows
        with self.connection.cursor() as cursor:
            if self.may_insert and isinstance(rows, ArrowRows):
                changed, left = insert_new(cursor, table, rows, generation=generation)
            if left is not None:
                changed += self._merge_staged(cursor, table, left, generation)
        return changed

    def _merge_staged(
        self, cursor: psycopg.Cursor[Any], table: CanonicalTable, rows: StagedRows, generation: int
    ) -> list[Changed]:
        if table.name in self._used:
            cursor.execute(clear_staging(table))
        with cursor.copy(copy_staging(table)) as copy:
            rows.copy_into(copy)
        self._used.add(table.name)
        changed: list[Changed] = []
        for kind in rows.kinds:
            changed += cursor.execute(merge_staged(table, kind), {"generation": generation}).fetchall()
        return changed


def _origin(message: Message) -> Origin:
    return origin_of(message.key(), message.headers() or ())


def insert_new(
    cursor: psycopg.Cursor[Any], table: CanonicalTable, rows: ArrowRows, *, generation: int
) -> tuple[list[Changed], ArrowRows | None]:
    """Insert the rows whose key is not in the table yet; what that changed, and the rows that are left to merge."""
    if len(rows) < _WORTH_COPYING or rows.kinds != [RowKind.LIVE]:
        return [], rows
    if len(_in_table(cursor, table, rows.taken(range(0, len(rows), len(rows) // _SAMPLE)))[1]) > _SAMPLE // 2:
        return [], rows
    now, held = _in_table(cursor, table, rows)
    new = rows.taken(sorted(set(range(len(rows))).difference(held))) if held else rows
    batch = _finished(table, new.batch, generation=generation, updated_at=now)
    with cursor.copy(copy_new(table)) as copy:
        write_binary(copy, batch)
    return _changed(new.batch), rows.taken(held) if held else None


def _in_table(cursor: psycopg.Cursor[Any], table: CanonicalTable, rows: ArrowRows) -> tuple[datetime, Sequence[int]]:
    """The transaction's time, and the places of the rows whose key is in the table."""
    keys = {"company_ids": _array(rows.batch.column("company_id")), "ids": _array(rows.batch.column(table.id_field))}
    found = cursor.execute(places_in_table(table), keys).fetchone()
    assert found is not None
    return found[0], found[1]


def _array(texts: pa.StringArray) -> str:
    """The texts as Postgres writes an array of them."""
    escaped = pc.replace_substring(pc.replace_substring(texts, "\\", "\\\\"), '"', '\\"')
    quoted = pc.binary_join_element_wise('"', escaped, '"', "")
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(quoted)], quoted), ",")
    return f"{{{joined[0].as_py()}}}"


def _finished(table: CanonicalTable, batch: pa.RecordBatch, *, generation: int, updated_at: datetime) -> pa.RecordBatch:
    """The rows as the table holds them: money as numeric, and the columns that the sink adds."""
    count = batch.num_rows
    arrays = [
        _money(batch.column(column.name)) if column.form is Form.MILLIONTHS else batch.column(column.name)
        for column in table.columns
    ]
    arrays.append(batch.column("source_offset"))
    arrays.append(pa.repeat(pa.scalar(generation, pa.int32()), count))
    arrays.append(pa.repeat(pa.scalar(updated_at, pa.timestamp("us", "UTC")), count))
    return pa.RecordBatch.from_arrays(arrays, names=row_columns(table))


def _money(millionths: pa.Int64Array) -> pa.Decimal128Array:
    """The same digits with the point moved: exact, without a division."""
    whole = millionths.cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(_MONEY, len(whole), whole.buffers(), offset=whole.offset)


def _changed(batch: pa.RecordBatch) -> list[Changed]:
    grouped = (
        pa.Table.from_batches([batch.select(["company_id", "version", "observed_at"])])
        .group_by("company_id")
        .aggregate([("version", "count"), ("version", "max"), ("observed_at", "max")])
    )
    names = ("company_id", "version_count", "version_max", "observed_at_max")
    return list(zip(*(grouped.column(name).to_pylist() for name in names), strict=True))
