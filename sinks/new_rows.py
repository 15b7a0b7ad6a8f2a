"""Rows that are new to their table go straight into it by COPY: no staging, and no conflict looked for row by row.

Only whole batches of live rows by column are worth it. Nobody else writes these keys meanwhile: the offsets of their
partitions are locked. Should somebody do it all the same, Postgres refuses the rows as double, and they are merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from sinks.columns import CanonicalTable, Form
from sinks.read_columns import ArrowRows, write_binary
from sinks.statements import Kind, copy_new, held_places, row_columns

# Smaller batches are merged as quickly.
_WORTH_IT = 500
_SAMPLE = 50
_MONEY = pa.decimal128(19, 6)

Changed = tuple[str, int, int, datetime]
"""What changed of a company: its id, the number of rows, the highest version, the newest observed_at."""


def insert_new(
    cursor: psycopg.Cursor[Any], table: CanonicalTable, rows: ArrowRows, *, generation: int
) -> tuple[list[Changed], ArrowRows | None]:
    """Insert the rows whose key is not in the table yet; what that changed, and the rows that are left to merge."""
    if len(rows) < _WORTH_IT or rows.kinds != [Kind.LIVE]:
        return [], rows
    if len(_held(cursor, table, rows.taken(range(0, len(rows), len(rows) // _SAMPLE)))[1]) > _SAMPLE // 2:
        return [], rows
    now, held = _held(cursor, table, rows)
    new = rows.taken(sorted(set(range(len(rows))).difference(held))) if held else rows
    batch = _finished(table, new.batch, generation=generation, updated_at=now)
    with cursor.copy(copy_new(table)) as copy:
        write_binary(copy, batch)
    return _changed(new.batch), rows.taken(held) if held else None


def _held(cursor: psycopg.Cursor[Any], table: CanonicalTable, rows: ArrowRows) -> tuple[datetime, Sequence[int]]:
    """The transaction's time, and the places of the rows whose key is in the table."""
    keys = {"company_ids": _array(rows.batch.column("company_id")), "ids": _array(rows.batch.column(table.id_field))}
    found = cursor.execute(held_places(table), keys).fetchone()
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
