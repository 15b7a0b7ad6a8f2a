"""Loads records of a compacted topic together: shifts that are plainly right by column, all others one by one.

It makes the same state as `PartitionState.load` record by record, in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from sys import intern

from core.errors import InvalidRecordError
from schemas.batch_codec import BatchDecoder
from schemas.catalogue import TIME_ENTRIES, Entity
from streams.records import Codecs, RawRecord
from streams.shifts.batch import children, each_of, find_plain
from streams.state.company import Child, EntityRef
from streams.state.partition import PartitionState

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
    if fetched.entity is not TIME_ENTRIES or len(nothing) < _WORTH_IT:
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
