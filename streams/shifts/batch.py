"""The ordinary shifts of a batch, as the state and the stage take them: delivered ones, and ones loaded at the start.

Everything else in a batch is processed record by record. The results are those of `PartitionState.apply` and `load`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, repeat
from sys import intern
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import InvalidRecordError
from schemas.batch_codec import BatchDecoder
from schemas.entities import TIME_ENTRIES, Entity
from streams.link import ShiftRefs
from streams.normalise.named_codes import NamedCodes, StatedMinutes, named_codes
from streams.normalise.values import text
from streams.records import FIRST_INSTANT, LAST_INSTANT, Codecs, RawRecord, is_on_own_partition
from streams.shifts.columns import are_ordinary, fields_of, map_distinct, shift_columns, total_of
from streams.state.company import Child, EntityRef
from streams.state.partition import OrdinaryShift, PartitionState, PendingOutput, Row

# With fewer shifts than this the columns cost more than they save.
_FEWEST_DELIVERED = 100
_FEWEST_LOADED = 50

# Named tuples without their constructors, which run as Python code for each record.
_child_of: Callable[[Any], Child] = partial(tuple.__new__, Child)
_link_refs_of: Callable[[Any], ShiftRefs] = partial(tuple.__new__, ShiftRefs)
_ref_of = partial(tuple.__new__, EntityRef)
_row_of = partial(tuple.__new__, Row)
_output_of = partial(tuple.__new__, PendingOutput)
_shift_of = partial(tuple.__new__, OrdinaryShift)

LoadedShift = tuple[str, str, Child]
"""A company's id, a shift's id, and what is held of the shift."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Records of one partition of one topic in their order; `raw` makes one of them, by its number, a RawRecord."""

    entity: Entity
    partition: int
    offsets: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    raw: Callable[[int], RawRecord]


@dataclass(frozen=True, slots=True)
class OrdinaryShifts:
    """Shifts by their numbers in a batch, in its order: their change records as columns and as wire bytes."""

    numbers: Sequence[int]
    changes: pa.RecordBatch
    values: Sequence[bytes]


def ordinary_shifts(
    batch: Sequence[RawRecord], decoder: BatchDecoder, *, partition: int, partitions: int
) -> list[OrdinaryShift | None]:
    """For each record of a batch what `PartitionState.apply_ordinary` takes; None if `apply` must take it."""
    found: list[OrdinaryShift | None] = [None] * len(batch)
    values = [raw.value if raw.entity is TIME_ENTRIES and raw.partition == partition else None for raw in batch]
    if len(values) - values.count(None) < _FEWEST_DELIVERED:
        return found
    ordinary = find_ordinary([raw.key for raw in batch], values, decoder, partition=partition, partitions=partitions)
    if ordinary is not None:
        for number, shift in zip(ordinary.numbers, _delivered(ordinary), strict=True):
            found[number] = shift
    return found


def load_together(
    state: PartitionState,
    fetched: Fetched,
    codecs: Codecs,
    *,
    committed: int,
    decode_values: Callable[[list[RawRecord]], None],
    refused: Callable[[RawRecord, InvalidRecordError], None],
) -> None:
    """Load records into the state, as `PartitionState.load` does with one after another.

    `committed` is the next offset to be delivered, `decode_values` decodes those that are loaded one by one, `refused`
    is called with each record that was dead-lettered when it was delivered, or will be.
    """
    ordinary = _loaded(fetched, codecs.decode[fetched.entity.name], state.partitions)
    others = {number: fetched.raw(number) for number, each in enumerate(ordinary) if each is None}
    if others:
        decode_values(list(others.values()))
    for number, (offset, each) in enumerate(zip(fetched.offsets, ordinary, strict=True)):
        if each is not None:
            company_id, entity_id, child = each
            state.load_child(company_id, EntityRef(TIME_ENTRIES.name, entity_id), child, processed=offset < committed)
            continue
        try:
            state.load(others[number], committed=committed)
        except InvalidRecordError as error:
            refused(others[number], error)
    state.note_offset(fetched.entity, max(fetched.offsets))


def find_ordinary(
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    decoder: BatchDecoder,
    *,
    partition: int,
    partitions: int,
) -> OrdinaryShifts | None:
    """The ordinary shifts among raw time entries; None if the values cannot be decoded by column."""
    own = [n for n, value in enumerate(values) if value is not None and value.startswith(decoder.header)]
    known = [value for n in own if (value := values[n]) is not None]
    changes = decoder.columns(known) if known else None
    if changes is None:
        return None
    own_keys = pa.array([keys[n] for n in own], pa.binary())
    is_ordinary = pc.and_(are_ordinary(changes), _have_own_keys(changes, own_keys, partition, partitions))
    is_ordinary = pc.and_(is_ordinary, _in_bounds(changes))
    if pc.all(is_ordinary).as_py():
        return OrdinaryShifts(own, changes, known)
    return OrdinaryShifts(_kept(own, is_ordinary), changes.filter(is_ordinary), _kept(known, is_ordinary))


def _delivered(ordinary: OrdinaryShifts) -> Iterator[OrdinaryShift]:
    changes, columns = ordinary.changes, shift_columns(ordinary.changes)
    companies = _map_to_list(changes.column("company_id"), intern)
    refs = map(_ref_of, zip(repeat(TIME_ENTRIES.name), changes.column("entity_id").to_pylist(), strict=False))
    rows = map(_row_of, zip(repeat(columns), range(columns.num_rows), strict=False))
    runs = _map_to_list(changes.column("run_id"), str)
    outputs = map(_output_of, zip(runs, repeat(None), repeat(None), rows, strict=False))
    return map(_shift_of, zip(companies, refs, _children(ordinary), outputs, strict=True))


def _loaded(fetched: Fetched, decoder: BatchDecoder, partitions: int) -> Sequence[LoadedShift | None]:
    """What a state holds of each record that is an ordinary shift, None for all others."""
    found: list[LoadedShift | None] = [None] * len(fetched.values)
    if fetched.entity is not TIME_ENTRIES or len(found) < _FEWEST_LOADED:
        return found
    ordinary = find_ordinary(fetched.keys, fetched.values, decoder, partition=fetched.partition, partitions=partitions)
    if ordinary is None:
        return found
    companies = _map_to_list(ordinary.changes.column("company_id"), intern)
    ids = ordinary.changes.column("entity_id").to_pylist()
    loaded = list(zip(companies, ids, _children(ordinary), strict=True))
    if len(loaded) == len(found):
        return loaded
    for number, each in zip(ordinary.numbers, loaded, strict=True):
        found[number] = each
    return found


def _children(ordinary: OrdinaryShifts) -> list[Child]:
    """What a state holds of each shift."""
    shift = fields_of(ordinary.changes.column("after"))
    named = list(_named(shift["costCodes"]))
    refs = zip(
        _map_to_list(shift["jobId"], _id),
        _map_to_list(shift["userID"], _id),
        [each.codes for each in named],
        _map_to_list(shift["jobName"], partial(_shared, what="job name")),
        _map_to_list(shift["name"], partial(_shared, what="worker's name")),
        _stated_minutes(named, shift),
        strict=True,
    )
    versions = ordinary.changes.column("version").to_pylist()
    return list(map(_child_of, zip(versions, map(_link_refs_of, refs), ordinary.values, strict=True)))


def _map_to_list(column: pa.Array, make: Callable[[Any], Any]) -> list[Any]:
    """`make` of each value, called once for each distinct one; None for null."""
    encoded = column.dictionary_encode()
    made = [make(value) for value in encoded.dictionary.to_pylist()]
    return [None if number is None else made[number] for number in encoded.indices.to_pylist()]


def _kept(items: Sequence[Any], mask: pa.BooleanArray) -> list[Any]:
    return [item for item, is_kept in zip(items, mask.to_pylist(), strict=True) if is_kept]


def _have_own_keys(batch: pa.RecordBatch, keys: pa.Array, partition: int, partitions: int) -> pa.BooleanArray:
    """Whether each key is that of the value's company and entity, and this partition the company's."""
    companies = batch.column("company_id")
    stated = pc.binary_join_element_wise(companies, batch.column("entity_id"), "/").cast(pa.binary())
    is_own = map_distinct(companies, lambda id_: is_on_own_partition(id_, partition, partitions), pa.bool_())
    return pc.fill_null(pc.and_kleene(pc.equal(stated, keys), is_own), fill_value=False)


def _in_bounds(batch: pa.RecordBatch) -> pa.BooleanArray:
    observed_at = batch.column("observed_at").cast(pa.int64())
    is_observed = pc.and_(pc.greater_equal(observed_at, FIRST_INSTANT), pc.less(observed_at, LAST_INSTANT))
    return pc.and_(is_observed, pc.greater_equal(batch.column("version"), 0))


def _named(cost_codes: pa.ListArray) -> Iterator[NamedCodes]:
    of_codes = fields_of(pc.list_flatten(cost_codes))
    columns = (of_codes[name].to_pylist() for name in ("id", "costCodeTitle", "totalMinutes"))
    stated = zip(*columns, strict=True)
    for count in pc.list_value_length(cost_codes).to_pylist():
        yield named_codes(list(islice(stated, count)))


def _stated_minutes(named: Sequence[NamedCodes], shift: Mapping[str, pa.Array]) -> Iterator[StatedMinutes | None]:
    totals = total_of(shift["regularTime"], shift["overTime"], shift["doubleOverTime"]).to_pylist()
    for each, total in zip(named, totals, strict=True):
        yield None if each.minutes is None else StatedMinutes(total, each.minutes)


def _id(number: int) -> str:
    return intern(str(number))


def _shared(name: str, what: str) -> str | None:
    stated = text(name, what)
    return None if stated is None else intern(stated)
