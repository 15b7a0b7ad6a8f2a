"""The shifts of a batch that are plainly right, found by column; what state holds of them is made by column, too.

Loading and delivery share this. Everything else in a batch is looked at record by record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, repeat
from sys import intern
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import InvalidRecordError
from schemas.batch_codec import BatchDecoder
from schemas.catalogue import TIME_ENTRIES, Entity
from streams.link import ShiftRefs
from streams.normalise.time_entries import distinct_titles
from streams.normalise.values import text
from streams.records import FIRST_INSTANT, LAST_INSTANT, Codecs, RawRecord, is_at_home
from streams.shifts.checks import fields_of, judged, plain_shifts
from streams.shifts.columns import shift_columns
from streams.state.company import Child, EntityRef
from streams.state.partition import Due, PartitionState, PlainShift, Row

# Named tuples without their constructors, which run as Python code for each record.
_child_of: Callable[[Any], Child] = partial(tuple.__new__, Child)
_refs_of: Callable[[Any], ShiftRefs] = partial(tuple.__new__, ShiftRefs)


@dataclass(frozen=True, slots=True)
class PlainShifts:
    """Shifts by their numbers in a batch, in its order: their change records as columns and as wire bytes."""

    numbers: Sequence[int]
    changes: pa.RecordBatch
    values: Sequence[bytes]


def find_plain(
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    decoder: BatchDecoder,
    *,
    partition: int,
    partitions: int,
) -> PlainShifts | None:
    """Those of a batch of raw time entries that `normalise_time_entry` takes beyond doubt; None if nobody can tell."""
    own = [n for n, value in enumerate(values) if value is not None and value.startswith(decoder.header)]
    known = [value for n in own if (value := values[n]) is not None]
    changes = decoder.columns(known) if known else None
    if changes is None:
        return None
    own_keys = pa.array([keys[n] for n in own], pa.binary())
    is_plain = pc.and_(plain_shifts(changes), _in_place(changes, own_keys, partition, partitions))
    is_plain = pc.and_(is_plain, _in_bounds(changes))
    if pc.all(is_plain).as_py():
        return PlainShifts(own, changes, known)
    return PlainShifts(_kept(own, is_plain), changes.filter(is_plain), _kept(known, is_plain))


def children(plain: PlainShifts) -> list[Child]:
    """What a state holds of each shift."""
    shift = fields_of(plain.changes.column("after"))
    refs = zip(
        each_of(shift["jobId"], _id),
        each_of(shift["userID"], _id),
        _titles(shift["costCodes"]),
        each_of(shift["jobName"], partial(_shared, what="job name")),
        each_of(shift["name"], partial(_shared, what="worker's name")),
        strict=True,
    )
    versions = plain.changes.column("version").to_pylist()
    return list(map(_child_of, zip(versions, map(_refs_of, refs), plain.values, strict=True)))


def each_of(column: pa.Array, make: Callable[[Any], Any]) -> list[Any]:
    """What is made of each value, once for each distinct one; None for null."""
    encoded = column.dictionary_encode()
    made = [make(value) for value in encoded.dictionary.to_pylist()]
    return [None if number is None else made[number] for number in encoded.indices.to_pylist()]


def _kept(items: Sequence[Any], mask: pa.BooleanArray) -> list[Any]:
    return [item for item, is_kept in zip(items, mask.to_pylist(), strict=True) if is_kept]


def _in_place(batch: pa.RecordBatch, keys: pa.Array, partition: int, partitions: int) -> pa.BooleanArray:
    """Whether the key is of the value's company and entity, and the company's partition this one."""
    companies = batch.column("company_id")
    stated = pc.binary_join_element_wise(companies, batch.column("entity_id"), "/").cast(pa.binary())
    at_home = judged(companies, lambda company_id: is_at_home(company_id, partition, partitions))
    return pc.fill_null(pc.and_kleene(pc.equal(stated, keys), at_home), fill_value=False)


def _in_bounds(batch: pa.RecordBatch) -> pa.BooleanArray:
    observed_at = batch.column("observed_at").cast(pa.int64())
    is_observed = pc.and_(pc.greater_equal(observed_at, FIRST_INSTANT), pc.less(observed_at, LAST_INSTANT))
    return pc.and_(is_observed, pc.greater_equal(batch.column("version"), 0))


def _titles(costed: pa.ListArray) -> Iterator[tuple[str, ...]]:
    stated = iter(pc.struct_field(pc.list_flatten(costed), "costCodeTitle").to_pylist())
    for count in pc.list_value_length(costed).to_pylist():
        yield distinct_titles(tuple(islice(stated, count)))


def _id(number: int) -> str:
    return intern(str(number))


def _shared(name: str, what: str) -> str | None:
    stated = text(name, what)
    return None if stated is None else intern(stated)


# Below this the columns cost more than they save.
_FEWEST_DELIVERED = 100

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
    if len(values) - values.count(None) < _FEWEST_DELIVERED:
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


# Below this the columns cost more than they save.
_FEWEST_LOADED = 50

Plain = tuple[str, str, Child]


@dataclass(frozen=True, slots=True)
class Fetched:
    """Records of one partition of one topic in their order; `raw` gives one whole, by its number."""

    entity: Entity
    partition: int
    offsets: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    raw: Callable[[int], RawRecord]


def load_together(
    state: PartitionState,
    fetched: Fetched,
    codecs: Codecs,
    *,
    committed: int,
    look_into: Callable[[list[RawRecord]], None],
    refused: Callable[[RawRecord, InvalidRecordError], None],
) -> None:
    """Take records into the state.

    `committed` is the next offset to be delivered, `look_into` decodes what has to be looked at by itself, `refused`
    hears of each record that was dead-lettered when it was delivered, or will be.
    """
    plain = _plain_shifts(fetched, codecs.decode[fetched.entity.name], state.partitions)
    odd = {number: fetched.raw(number) for number, each in enumerate(plain) if each is None}
    if odd:
        look_into(list(odd.values()))
    for number, (offset, each) in enumerate(zip(fetched.offsets, plain, strict=True)):
        if each is not None:
            company_id, entity_id, child = each
            state.load_child(company_id, EntityRef(TIME_ENTRIES.name, entity_id), child, processed=offset < committed)
            continue
        try:
            state.load(odd[number], committed=committed)
        except InvalidRecordError as error:
            refused(odd[number], error)
    state.note_offset(fetched.entity, max(fetched.offsets))


def _plain_shifts(fetched: Fetched, decoder: BatchDecoder, partitions: int) -> Sequence[Plain | None]:
    """What state needs of each record that is a shift and plainly right, None for all others."""
    nothing: list[Plain | None] = [None] * len(fetched.values)
    if fetched.entity is not TIME_ENTRIES or len(nothing) < _FEWEST_LOADED:
        return nothing
    plain = find_plain(fetched.keys, fetched.values, decoder, partition=fetched.partition, partitions=partitions)
    if plain is None:
        return nothing
    companies = each_of(plain.changes.column("company_id"), intern)
    loaded = list(zip(companies, plain.changes.column("entity_id").to_pylist(), children(plain), strict=True))
    if len(loaded) == len(nothing):
        return loaded
    for number, each in zip(plain.numbers, loaded, strict=True):
        nothing[number] = each
    return nothing
