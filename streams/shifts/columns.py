"""Ordinary shifts by column: which change records of a batch are such, and what their canonical columns and bytes are.

The check is one-sided. A shift that is called ordinary here is never refused by `normalise_time_entry`; one with
anything unusual in it is not called ordinary, valid as it may be, and goes the way of one record at a time. Columns and
bytes are what `normalise_time_entry` and `streams.outputs.linked` make of each shift, made of all at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial, reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.batch_codec import BatchEncoder
from streams.coding import Coding, find_coding
from streams.link import ShiftLink, ShiftRefs, link_shift
from streams.normalise.named_codes import NamedCode
from streams.normalise.times import is_clock_steady, steady_offset_s
from streams.normalise.values import (
    CONTROLS,
    LIST_LIMIT,
    MINUTES_LIMIT,
    NOTES_LIMIT,
    TAG_LIMIT,
    TEXT_LIMIT,
    money_micros,
    text,
)
from streams.state.company import Company
from streams.state.partition import PartitionState, Row

_DAY_S = 86_400
_LISTS = ("tags", "costCodes")
# A day and a zone's number in one whole number.
_DAYS = 2**20
# Days that exist in every year, of years without a sentinel value and without irregular clocks.
_STAMP = (
    r"\A20(?:0[7-9]|[1-4][0-9]|5[0-4])-"
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
)
_ORDINARY_STAMP = _STAMP + r"\z"
_ORDINARY_APPROVAL = _STAMP + r"(?:\.[0-9]{1,6})?\z"
_ORDINARY_MONEY = r"\A(?:-?\$?(?:[0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,2})(?:\.[0-9]{1,20})?)?\z"
_MICROS = 1_000_000
# Of a wall time without fractions of a second.
_STAMP_LENGTH = 19
# An amount of the ordinary form without currency and commas, with no more decimals than are kept.
_EXACT_AMOUNT = r"\A-?[0-9]{1,9}(?:\.[0-9]{1,6})?\z"


def are_ordinary(batch: pa.RecordBatch) -> pa.BooleanArray:
    """True for each change record of a time entry that is an ordinary shift whose own id is its `entity_id`."""
    shift = fields_of(batch.column("after"))
    start, end = (pc.struct_field(shift[name], "timeStamp") for name in ("timeIn", "timeOut"))
    checks = [
        pc.not_equal(batch.column("op"), "DELETE"),
        pc.equal(shift["id"].cast(pa.string()), batch.column("entity_id")),
        *(pc.greater_equal(shift[name], 0) for name in ("id", "jobId", "userID")),
        *(_is_clean(shift[name], TEXT_LIMIT) for name in ("jobName", "name")),
        _is_clean(shift["notes"], NOTES_LIMIT),
        *(_or_null(shift[name], pc.less_equal(pc.list_value_length(shift[name]), LIST_LIMIT)) for name in _LISTS),
        _all_of_list(shift["tags"], lambda tags: _is_clean(tags, TAG_LIMIT)),
        _all_of_list(shift["costCodes"], lambda named: _is_clean(pc.struct_field(named, "costCodeTitle"), TEXT_LIMIT)),
        _is_minutes(pc.struct_field(shift["breakTime"], "breakTime")),
        *(_is_minutes(shift[name]) for name in ("regularTime", "overTime", "doubleOverTime", "personalTimeOff")),
        _is_money(pc.struct_field(shift["builderCost"], "value")),
        _is_money(shift["rate"]),
        _is_steady_day(batch.column("time_zone"), _seconds(start), _seconds(end), pc.is_null(end)),
        _is_ordinary_approval(batch.column("time_zone"), _approvals(shift["approvalStatus"])),
    ]
    return pc.fill_null(reduce(pc.and_kleene, checks), fill_value=False)


def fields_of(column: pa.StructArray) -> dict[str, pa.Array]:
    """The fields of nested records by name; null where there is no record."""
    return dict(zip((field.name for field in column.type), column.flatten(), strict=True))


def map_distinct(column: pa.Array, make: Callable[[Any], Any], kind: pa.DataType) -> pa.Array:
    """`make` of each value, called once for each distinct one; null for null."""
    encoded = column.dictionary_encode()
    return pa.array([make(value) for value in encoded.dictionary.to_pylist()], kind).take(encoded.indices)


def _or_null(column: pa.Array, is_ordinary: pa.BooleanArray) -> pa.BooleanArray:
    return pc.or_kleene(pc.is_null(column), is_ordinary)


def _is_clean(column: pa.Array, limit: int) -> pa.BooleanArray:
    """Without control characters, and not longer than is kept."""
    is_clean = pc.invert(pc.match_substring_regex(column, CONTROLS))
    return _or_null(column, pc.and_(is_clean, pc.less_equal(pc.binary_length(column), limit)))


def _all_of_list(column: pa.ListArray, are_right: Callable[[pa.Array], pa.BooleanArray]) -> pa.BooleanArray:
    unusual = pc.list_parent_indices(column).filter(pc.invert(are_right(pc.list_flatten(column))))
    rows = pa.array(range(len(column)), unusual.type)
    return pc.invert(pc.is_in(rows, unusual))


def _is_minutes(column: pa.Array) -> pa.BooleanArray:
    return _or_null(column, pc.and_(pc.greater_equal(column, 0), pc.less(column, MINUTES_LIMIT)))


def _is_money(column: pa.Array) -> pa.BooleanArray:
    return _or_null(column, pc.match_substring_regex(column, _ORDINARY_MONEY))


def _seconds(stamps: pa.Array) -> pa.Array:
    """Wall times as seconds; null for what has not the ordinary form."""
    return _wall_seconds(pc.if_else(pc.match_substring_regex(stamps, _ORDINARY_STAMP), stamps, None))


def _wall_seconds(stamps: pa.Array) -> pa.Array:
    """Seconds from 1970-01-01 to each wall time of the ordinary form, as if all were in one zone that never changes."""
    return stamps.cast(pa.timestamp("s")).cast(pa.int64())


def _map_local_days(zones: pa.Array, start: pa.Array, make: Callable[[str, int], Any], kind: pa.DataType) -> pa.Array:
    """`make` of each zone's name and day since 1970-01-01, called once for each pair; null without a start."""
    encoded = zones.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    number = pc.multiply(encoded.indices.cast(pa.int64()), _DAYS)
    pairs = pc.add(number, pc.divide(start, _DAY_S))
    return map_distinct(pairs, lambda pair: make(names[pair // _DAYS], pair % _DAYS), kind)


def _is_steady_day(zones: pa.Array, start: pa.Array, end: pa.Array, is_open: pa.BooleanArray) -> pa.BooleanArray:
    """Whether a shift is open or ends within a day of its start, on days when the zone's clock does not change."""
    length = pc.subtract(end, start)
    within_a_day = pc.and_(pc.greater_equal(length, 0), pc.less_equal(length, _DAY_S))
    return pc.and_(pc.or_kleene(is_open, within_a_day), _map_local_days(zones, start, is_clock_steady, pa.bool_()))


def _approvals(status: pa.StructArray) -> pa.Array:
    """The wall times of approvals that stand."""
    is_approved = pc.fill_null(pc.struct_field(status, "isApproved"), fill_value=False)
    return pc.if_else(is_approved, pc.struct_field(status, "updatedDate"), None)


def _is_ordinary_approval(zones: pa.Array, stamps: pa.Array) -> pa.BooleanArray:
    stated = pc.if_else(pc.match_substring_regex(stamps, _ORDINARY_APPROVAL), stamps, None)
    is_steady = _map_local_days(zones, _whole_seconds(stated), is_clock_steady, pa.bool_())
    return pc.or_kleene(pc.is_null(stamps), is_steady)


def _whole_seconds(stamps: pa.Array) -> pa.Array:
    return _wall_seconds(pc.utf8_slice_codeunits(stamps, 0, _STAMP_LENGTH))


def _approved_at(zones: pa.Array, stamps: pa.Array) -> pa.Array:
    ahead = _map_local_days(zones, _whole_seconds(stamps), steady_offset_s, pa.int64())
    micros = stamps.cast(pa.timestamp("us")).cast(pa.int64())
    return pc.subtract(micros, pc.multiply(ahead, _MICROS))


def shift_columns(changes: pa.RecordBatch) -> pa.RecordBatch:
    """The columns of `protiv.time-entries` for change records of ordinary shifts, row by row.

    Columns that depend on a shift's parents or its company's version are left out: `encode_rows` adds them.
    """
    shift = fields_of(changes.column("after"))
    zones = changes.column("time_zone")
    start = _wall_seconds(pc.struct_field(shift["timeIn"], "timeStamp"))
    end = _wall_seconds(pc.struct_field(shift["timeOut"], "timeStamp"))
    # The end is within a day of the start: the same offset holds.
    ahead = _map_local_days(zones, start, steady_offset_s, pa.int64())
    regular, overtime, double_overtime = shift["regularTime"], shift["overTime"], shift["doubleOverTime"]
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
        "work_date": pc.divide(start, _DAY_S).cast(pa.int32()),
        "break_minutes": pc.struct_field(shift["breakTime"], "breakTime"),
        "regular_minutes": regular,
        "overtime_minutes": overtime,
        "total_minutes": total_of(regular, overtime, double_overtime),
        "double_overtime_minutes": double_overtime,
        "pto_minutes": shift["personalTimeOff"],
        "hourly_cost_micros": _money(shift["rate"], "rate"),
        "labor_cost_micros": _money(pc.struct_field(shift["builderCost"], "value"), "labor cost"),
        "approved": pc.struct_field(shift["approvalStatus"], "isApproved"),
        "approved_at": _approved_at(zones, _approvals(shift["approvalStatus"])),
        "notes": map_distinct(shift["notes"], partial(text, what="notes", limit=NOTES_LIMIT), pa.string()),
        "tags": pa.array(map(_tags, shift["tags"].to_pylist()), pa.list_(pa.string())),
    }
    return pa.RecordBatch.from_pydict(columns)


def _tags(tags: list[str] | None) -> list[str]:
    """`stated_tags` of tags that need no cleaning."""
    return [tag for tag in tags if tag.strip()] if tags else []


def _micros(wall: pa.Array, ahead: pa.Array) -> pa.Array:
    return pc.multiply(pc.subtract(wall, ahead), _MICROS)


def total_of(regular: pa.Array, overtime: pa.Array, double_overtime: pa.Array) -> pa.Array:
    """`worked_minutes` of each row (see schemas.worked_minutes)."""
    beyond = pc.add(pc.fill_null(overtime, 0), pc.fill_null(double_overtime, 0))
    return pc.coalesce(pc.add(regular, beyond), pc.if_else(pc.equal(beyond, 0), None, beyond))


def _money(amounts: pa.Array, what: str) -> pa.Array:
    """`money_micros` of amounts of the ordinary form; it is called only for blanks and amounts that must be rounded."""
    bare = pc.replace_substring_regex(amounts, "[$,]", "")
    is_exact = pc.match_substring_regex(bare, _EXACT_AMOUNT)
    exact = pc.if_else(is_exact, bare, None).cast(pa.decimal128(15, 6))
    micros = pc.multiply(exact, pa.scalar(Decimal(_MICROS), pa.decimal128(7))).cast(pa.int64())
    others = map_distinct(pc.if_else(is_exact, None, amounts), partial(money_micros, what=what), pa.int64())
    return pc.coalesce(micros, others)


# The types of a link's columns that are no text.
_LINKED = {"split_cost_code_ids": pa.list_(pa.string()), "split_minutes": pa.list_(pa.int64())}

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
    """The links of a company's shifts as long as its parents do not change: equal cost codes are looked up once."""

    def __init__(self, company: Company) -> None:
        self.version = company.version
        self._company = company
        self._codings: dict[tuple[NamedCode, ...], Coding] = {}

    def of(self, entity_id: str) -> ShiftLink:
        refs = self._company.shifts.held[entity_id].refs
        assert isinstance(refs, ShiftRefs)
        if refs.minutes is not None:
            return refs.link(self._company)
        coding = self._codings.get(refs.codes)
        if coding is None:
            coding = self._codings[refs.codes] = find_coding(refs.codes, None, self._company)
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
    columns = zip(ShiftLink._fields, zip(*links, strict=True), strict=True)
    linked = [pa.array(column, _LINKED.get(name, pa.string())) for name, column in columns]
    return pa.RecordBatch.from_arrays(
        [*rows.columns, pa.array(versions, pa.int64()), *linked],
        names=[*rows.schema.names, "version", *ShiftLink._fields],
    )
