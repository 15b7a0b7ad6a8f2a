"""Finds the shifts of a delivered batch that are plainly right, and makes by column all that follows from them.

Their canonical records, and what a state holds of them, are those that `PartitionState.apply` makes of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import repeat
from sys import intern

from schemas.batch_codec import BatchDecoder
from schemas.catalogue import TIME_ENTRIES
from streams.records import RawRecord
from streams.shifts.batch import PlainShifts, children, each_of, find_plain
from streams.shifts.columns import shift_columns
from streams.state.company import EntityRef
from streams.state.due import Due, PlainShift, Row

# Below this the columns cost more than they save.
_WORTH_IT = 100

# Named tuples without their constructors, which run as Python code for each record.
_ref_of = partial(tuple.__new__, EntityRef)
_row_of = partial(tuple.__new__, Row)
_due_of = partial(tuple.__new__, Due)
_shift_of = partial(tuple.__new__, PlainShift)


def plainly_right(
    batch: Sequence[RawRecord], decoder: BatchDecoder, *, partition: int, partitions: int
) -> list[PlainShift | None]:
    """For each record of a batch what `PartitionState.apply_plain` takes; None if it must be looked at by itself."""
    found: list[PlainShift | None] = [None] * len(batch)
    values = [raw.value if raw.entity is TIME_ENTRIES and raw.partition == partition else None for raw in batch]
    if len(values) - values.count(None) < _WORTH_IT:
        return found
    plain = find_plain([raw.key for raw in batch], values, decoder, partition=partition, partitions=partitions)
    if plain is not None:
        for number, shift in zip(plain.numbers, _shifts(plain), strict=True):
            found[number] = shift
    return found


def _shifts(plain: PlainShifts) -> Iterator[PlainShift]:
    changes, columns = plain.changes, shift_columns(plain.changes)
    companies = each_of(changes.column("company_id"), intern)
    refs = map(_ref_of, zip(repeat(TIME_ENTRIES.name), changes.column("entity_id").to_pylist(), strict=False))
    rows = map(_row_of, zip(repeat(columns), range(columns.num_rows), strict=False))
    runs = each_of(changes.column("run_id"), str)
    due = map(_due_of, zip(runs, repeat(None), repeat(None), rows, strict=False))
    return map(_shift_of, zip(companies, refs, children(plain), due, strict=True))
