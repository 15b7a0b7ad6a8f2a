"""Loads records of a compacted topic together: shifts that are plainly right by column, all others one by one.

It makes the same state as `PartitionState.load` record by record, in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from sys import intern
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import InvalidRecordError
from schemas.batch_codec import BatchDecoder
from schemas.catalogue import TIME_ENTRIES, Entity
from streams.company import Child, EntityRef
from streams.link import ShiftRefs
from streams.normalise.plain_shifts import fields_of, judged, plain_shifts
from streams.normalise.time_entries import distinct_titles
from streams.normalise.values import text
from streams.records import Codecs, RawRecord, is_at_home
from streams.state import PartitionState

# Below this the columns cost more than they save.
_WORTH_IT = 50

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
) -> int:
    """How many records were refused: they were dead-lettered when they were delivered, or will be.

    `committed` is the next offset to be delivered, `look_into` decodes what has to be looked at by itself.
    """
    plain = _plain_shifts(fetched, codecs.decode[fetched.entity.name], state.partitions)
    odd = {number: fetched.raw(number) for number, each in enumerate(plain) if each is None}
    if odd:
        look_into(list(odd.values()))
    refused = 0
    for number, (offset, each) in enumerate(zip(fetched.offsets, plain, strict=True)):
        if each is not None:
            company_id, entity_id, child = each
            state.load_child(company_id, EntityRef(TIME_ENTRIES.name, entity_id), child, processed=offset < committed)
            continue
        try:
            state.load(odd[number], committed=committed)
        except InvalidRecordError:
            refused += 1
    state.note_offset(fetched.entity, max(fetched.offsets))
    return refused


def _plain_shifts(fetched: Fetched, decoder: BatchDecoder, partitions: int) -> Sequence[Plain | None]:
    """What state needs of each record that is a shift and plainly right, None for all others."""
    nothing: list[Plain | None] = [None] * len(fetched.values)
    if fetched.entity is not TIME_ENTRIES or len(nothing) < _WORTH_IT:
        return nothing
    own = [n for n, value in enumerate(fetched.values) if value is not None and value.startswith(decoder.header)]
    values = [value for n in own if (value := fetched.values[n]) is not None]
    batch = decoder.columns(values) if values else None
    if batch is None:
        return nothing
    keys = pa.array([fetched.keys[n] for n in own], pa.binary())
    is_plain = pc.and_(plain_shifts(batch), _in_place(batch, keys, fetched.partition, partitions))
    if pc.all(is_plain).as_py():
        loaded = _loaded(batch, values)
    else:
        loaded = _loaded(batch.filter(is_plain), _kept(values, is_plain))
    if len(loaded) == len(nothing):
        return loaded
    for number, each in zip(_kept(own, is_plain), loaded, strict=True):
        nothing[number] = each
    return nothing


def _kept(items: Sequence[Any], mask: pa.BooleanArray) -> list[Any]:
    return [item for item, is_kept in zip(items, mask.to_pylist(), strict=True) if is_kept]


def _in_place(batch: pa.RecordBatch, keys: pa.Array, partition: int, partitions: int) -> pa.BooleanArray:
    """Whether the key is of the value's company and entity, and the company's partition this one."""
    companies = batch.column("company_id")
    stated = pc.binary_join_element_wise(companies, batch.column("entity_id"), "/").cast(pa.binary())
    at_home = judged(companies, lambda company_id: is_at_home(company_id, partition, partitions))
    return pc.fill_null(pc.and_kleene(pc.equal(stated, keys), at_home), fill_value=False)


def _loaded(batch: pa.RecordBatch, values: Sequence[bytes]) -> list[Plain]:
    shift = fields_of(batch.column("after"))
    refs = map(
        ShiftRefs,
        _each(shift["jobId"], _id),
        _each(shift["userID"], _id),
        _titles(shift["costCodes"]),
        _each(shift["jobName"], lambda name: _shared(name, "job name")),
        _each(shift["name"], lambda name: _shared(name, "worker's name")),
    )
    children = map(Child, batch.column("version").to_pylist(), refs, values)
    companies = _each(batch.column("company_id"), intern)
    return list(zip(companies, batch.column("entity_id").to_pylist(), children, strict=True))


def _each(column: pa.Array, make: Callable[[Any], Any]) -> list[Any]:
    """What is made of each value, once for each distinct one; None for null."""
    encoded = column.dictionary_encode()
    made = [make(value) for value in encoded.dictionary.to_pylist()]
    return [None if number is None else made[number] for number in encoded.indices.to_pylist()]


def _titles(costed: pa.ListArray) -> Iterator[tuple[str, ...]]:
    stated = iter(pc.struct_field(pc.list_flatten(costed), "costCodeTitle").to_pylist())
    for count in pc.list_value_length(costed).to_pylist():
        yield distinct_titles(tuple(islice(stated, count)))


def _id(number: int) -> str:
    return intern(str(number))


def _shared(name: str, what: str) -> str | None:
    stated = text(name, what)
    return None if stated is None else intern(stated)
