"""Ordinary shifts as canonical columns, and these as wire bytes: normalised, then linked and encoded together.

It makes of all at once what `normalise_time_entry` and `streams.outputs.linked` make of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from schemas.batch_codec import BatchEncoder
from streams.link import Coding, ShiftLink, ShiftRefs, find_cost_code, link_shift
from streams.normalise.times import steady_offset_s
from streams.normalise.values import NOTES_LIMIT, money_micros, text
from streams.shifts.checks import DAY_S, fields_of, map_distinct, map_local_days, wall_seconds
from streams.state.company import Company
from streams.state.partition import PartitionState, Row

_MICROS = 1_000_000
# An amount of the ordinary form without currency and commas, with no more decimals than are kept.
_EXACT_AMOUNT = r"\A-?[0-9]{1,9}(?:\.[0-9]{1,6})?\z"


def shift_columns(changes: pa.RecordBatch) -> pa.RecordBatch:
    """The columns of `protiv.time-entries` for change records of ordinary shifts, row by row.

    Columns that depend on a shift's parents or its company's version are left out: `encode_rows` adds them.
    """
    shift = fields_of(changes.column("after"))
    zones = changes.column("time_zone")
    start = wall_seconds(pc.struct_field(shift["timeIn"], "timeStamp"))
    end = wall_seconds(pc.struct_field(shift["timeOut"], "timeStamp"))
    # The end is within a day of the start: the same offset holds.
    ahead = map_local_days(zones, start, steady_offset_s, pa.int64())
    regular, overtime = shift["regularTime"], shift["overTime"]
    columns = {
        "company_id": changes.column("company_id"),
        "time_entry_id": changes.column("entity_id"),
        "observed_at": changes.column("observed_at"),
        "deleted_at": pa.nulls(changes.num_rows, pa.int64()),
        "job_id": shift["jobId"].cast(pa.string()),
        "user_id": shift["userID"].cast(pa.string()),
        "started_at": _micros(start, ahead),
        "ended_at": _micros(end, ahead),
        "time_zone": zones,
        "work_date": pc.divide(start, DAY_S).cast(pa.int32()),
        "break_minutes": pc.struct_field(shift["breakTime"], "breakTime"),
        "regular_minutes": regular,
        "overtime_minutes": overtime,
        "total_minutes": _total(regular, overtime),
        "hourly_cost_micros": _money(shift["rate"], "rate"),
        "labor_cost_micros": _money(pc.struct_field(shift["builderCost"], "value"), "labor cost"),
        "approved": pc.struct_field(shift["approvalStatus"], "isApproved"),
        "notes": map_distinct(shift["notes"], partial(text, what="notes", limit=NOTES_LIMIT), pa.string()),
        "tags": pa.array(map(_tags, shift["tags"].to_pylist()), pa.list_(pa.string())),
    }
    return pa.RecordBatch.from_pydict(columns)


def _tags(tags: list[str] | None) -> list[str]:
    """`stated_tags` of tags that need no cleaning."""
    return [tag for tag in tags if tag.strip()] if tags else []


def _micros(wall: pa.Array, ahead: pa.Array) -> pa.Array:
    return pc.multiply(pc.subtract(wall, ahead), _MICROS)


def _total(regular: pa.Array, overtime: pa.Array) -> pa.Array:
    """`total_minutes` of each row."""
    return pc.coalesce(pc.add(regular, overtime), regular, pc.if_else(pc.equal(overtime, 0), None, overtime))


def _money(amounts: pa.Array, what: str) -> pa.Array:
    """`money_micros` of amounts of the ordinary form; it is called only for blanks and amounts that must be rounded."""
    bare = pc.replace_substring_regex(amounts, "[$,]", "")
    is_exact = pc.match_substring_regex(bare, _EXACT_AMOUNT)
    exact = pc.if_else(is_exact, bare, None).cast(pa.decimal128(15, 6))
    micros = pc.multiply(exact, pa.scalar(Decimal(_MICROS), pa.decimal128(7))).cast(pa.int64())
    others = map_distinct(pc.if_else(is_exact, None, amounts), partial(money_micros, what=what), pa.int64())
    return pc.coalesce(micros, others)


PendingRow = tuple[str, str, Row]
"""A shift to publish: its company's id, its own id and its row."""


def encode_rows(
    state: PartitionState, pending: Sequence[PendingRow], encoder: BatchEncoder, links: Counter[str]
) -> list[bytes]:
    """The canonical records of shifts as wire bytes, in their order, each linked as it is held.

    `links` counts the link status of each.
    """
    values = [b""] * len(pending)
    companies = {company_id: _Links(state.company(company_id)) for company_id in {each[0] for each in pending}}
    for columns, numbers in _by_columns(pending):
        part = pending if len(numbers) == len(pending) else [pending[number] for number in numbers]
        found = [companies[company_id].of(entity_id) for company_id, entity_id, _ in part]
        links.update(link.link_status for link in found)
        versions = [companies[company_id].version for company_id, _, _ in part]
        rows = columns.take(pa.array([row.number for _, _, row in part], pa.int64()))
        for number, value in zip(numbers, encoder.columns(_completed(rows, versions, found)), strict=True):
            values[number] = value
    return values


class _Links:
    """The links of a company's shifts as long as its parents do not change: equal titles are looked up once."""

    def __init__(self, company: Company) -> None:
        self.version = company.version
        self._company = company
        self._codings: dict[tuple[str, ...], Coding] = {}

    def of(self, entity_id: str) -> ShiftLink:
        refs = self._company.shifts.held[entity_id].refs
        assert isinstance(refs, ShiftRefs)
        coding = self._codings.get(refs.titles)
        if coding is None:
            coding = self._codings[refs.titles] = find_cost_code(refs.titles, self._company)
        return link_shift(refs, self._company, coding)


def _by_columns(pending: Sequence[PendingRow]) -> list[tuple[pa.RecordBatch, list[int]]]:
    """Numbers of `pending` by the columns that hold their rows, which usually are those of one batch."""
    found: dict[int, tuple[pa.RecordBatch, list[int]]] = {}
    for number, (_, _, row) in enumerate(pending):
        known = found.get(id(row.columns))
        if known is None:
            known = found[id(row.columns)] = (row.columns, [])
        known[1].append(number)
    return list(found.values())


def _completed(rows: pa.RecordBatch, versions: list[int], links: Sequence[ShiftLink]) -> pa.RecordBatch:
    linked = [pa.array(column, pa.string()) for column in zip(*links, strict=True)]
    return pa.RecordBatch.from_arrays(
        [*rows.columns, pa.array(versions, pa.int64()), *linked],
        names=[*rows.schema.names, "version", *ShiftLink._fields],
    )
