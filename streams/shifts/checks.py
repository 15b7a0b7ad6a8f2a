"""Finds the ordinary shifts of a batch by column: change records that `normalise_time_entry` is certain to accept.

The check is one-sided. What is called ordinary here is never refused there; whatever has anything unusual in it is not
called ordinary, valid as it may be, and goes the way of one record at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from streams.normalise.times import is_clock_steady
from streams.normalise.values import CONTROLS, LIST_LIMIT, MINUTES_LIMIT, NOTES_LIMIT, TAG_LIMIT, TEXT_LIMIT

DAY_S = 86_400
_LISTS = ("tags", "costCodes")
# A day and a zone's number in one whole number.
_DAYS = 2**20
# Days that exist in every year, of years without a sentinel value and without irregular clocks.
_ORDINARY_STAMP = (
    r"\A20(?:0[7-9]|[1-4][0-9]|5[0-4])-"
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\z"
)
_ORDINARY_MONEY = r"\A(?:-?\$?(?:[0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,2})(?:\.[0-9]{1,20})?)?\z"


def are_ordinary(batch: pa.RecordBatch) -> pa.BooleanArray:
    """True for each change record of a time entry that is an ordinary shift whose own id is its `entity_id`."""
    shift = fields_of(batch.column("after"))
    start, end = (pc.struct_field(shift[name], "timeStamp") for name in ("timeIn", "timeOut"))
    checks = [
        pc.not_equal(batch.column("op"), "DELETE"),
        pc.equal(shift["id"].cast(pa.string()), batch.column("entity_id")),
        *(pc.greater_equal(shift[name], 0) for name in ("id", "jobId", "userID")),
        *(_clean(shift[name], TEXT_LIMIT) for name in ("jobName", "name")),
        _clean(shift["notes"], NOTES_LIMIT),
        *(_or_null(shift[name], pc.less_equal(pc.list_value_length(shift[name]), LIST_LIMIT)) for name in _LISTS),
        _all_of_list(shift["tags"], lambda tags: _clean(tags, TAG_LIMIT)),
        _all_of_list(shift["costCodes"], lambda named: _clean(pc.struct_field(named, "costCodeTitle"), TEXT_LIMIT)),
        _minutes(pc.struct_field(shift["breakTime"], "breakTime")),
        *(_minutes(shift[name]) for name in ("regularTime", "overTime")),
        _money(pc.struct_field(shift["builderCost"], "value")),
        _money(shift["rate"]),
        _times(batch.column("time_zone"), _seconds(start), _seconds(end), pc.is_null(end)),
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


def _clean(column: pa.Array, limit: int) -> pa.BooleanArray:
    """Without control characters, and not longer than is kept."""
    is_clean = pc.invert(pc.match_substring_regex(column, CONTROLS))
    return _or_null(column, pc.and_(is_clean, pc.less_equal(pc.binary_length(column), limit)))


def _all_of_list(column: pa.ListArray, are_right: Callable[[pa.Array], pa.BooleanArray]) -> pa.BooleanArray:
    unusual = pc.list_parent_indices(column).filter(pc.invert(are_right(pc.list_flatten(column))))
    rows = pa.array(range(len(column)), unusual.type)
    return pc.invert(pc.is_in(rows, unusual))


def _minutes(column: pa.Array) -> pa.BooleanArray:
    return _or_null(column, pc.and_(pc.greater_equal(column, 0), pc.less(column, MINUTES_LIMIT)))


def _money(column: pa.Array) -> pa.BooleanArray:
    return _or_null(column, pc.match_substring_regex(column, _ORDINARY_MONEY))


def _seconds(stamps: pa.Array) -> pa.Array:
    """Wall times as seconds; null for what has not the ordinary form."""
    return wall_seconds(pc.if_else(pc.match_substring_regex(stamps, _ORDINARY_STAMP), stamps, None))


def wall_seconds(stamps: pa.Array) -> pa.Array:
    """Seconds from 1970-01-01 to each wall time of the ordinary form, as if all were in one zone that never changes."""
    return stamps.cast(pa.timestamp("s")).cast(pa.int64())


def map_local_days(zones: pa.Array, start: pa.Array, make: Callable[[str, int], Any], kind: pa.DataType) -> pa.Array:
    """`make` of each zone's name and day since 1970-01-01, called once for each pair; null without a start."""
    encoded = zones.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    number = pc.multiply(encoded.indices.cast(pa.int64()), _DAYS)
    pairs = pc.add(number, pc.divide(start, DAY_S))
    return map_distinct(pairs, lambda pair: make(names[pair // _DAYS], pair % _DAYS), kind)


def _times(zones: pa.Array, start: pa.Array, end: pa.Array, is_open: pa.BooleanArray) -> pa.BooleanArray:
    """Whether a shift is open or ends within a day of its start, on days when the zone's clock does not change."""
    length = pc.subtract(end, start)
    within_a_day = pc.and_(pc.greater_equal(length, 0), pc.less_equal(length, DAY_S))
    return pc.and_(pc.or_kleene(is_open, within_a_day), map_local_days(zones, start, is_clock_steady, pa.bool_()))
