"""Shifts that are plainly right as canonical columns: what `normalise_time_entry` makes of each, made of all at once.

Columns that depend on a shift's parents or its company's version are left out: `streams.shifts.encode` adds them.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from streams.normalise.times import quiet_offset_s
from streams.normalise.values import NOTES_LIMIT, money_micros, text
from streams.shifts.plain import DAY_S, by_local_day, fields_of, mapped, wall_seconds

_MICROS = 1_000_000
# An amount of the plain form without currency and commas, of no more decimals than are kept.
_EXACT_AMOUNT = r"\A-?[0-9]{1,9}(?:\.[0-9]{1,6})?\z"


def shift_columns(changes: pa.RecordBatch) -> pa.RecordBatch:
    """The columns of `protiv.time-entries` for change records that `plain_shifts` calls right, row by row."""
    shift = fields_of(changes.column("after"))
    zones = changes.column("time_zone")
    start = wall_seconds(pc.struct_field(shift["timeIn"], "timeStamp"))
    end = wall_seconds(pc.struct_field(shift["timeOut"], "timeStamp"))
    # The end is within a day of the start: the same offset holds.
    ahead = by_local_day(zones, start, quiet_offset_s, pa.int64())
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
        "notes": mapped(shift["notes"], partial(text, what="notes", limit=NOTES_LIMIT), pa.string()),
        "tags": pa.array(map(_tags, shift["tags"].to_pylist()), pa.list_(pa.string())),
    }
    return pa.RecordBatch.from_pydict(columns)


def _tags(tags: list[str] | None) -> list[str]:
    """What `stated_tags` says of tags that need no cleaning."""
    return [tag for tag in tags if tag.strip()] if tags else []


def _micros(wall: pa.Array, ahead: pa.Array) -> pa.Array:
    return pc.multiply(pc.subtract(wall, ahead), _MICROS)


def _total(regular: pa.Array, overtime: pa.Array) -> pa.Array:
    """What `total_minutes` says."""
    return pc.coalesce(pc.add(regular, overtime), regular, pc.if_else(pc.equal(overtime, 0), None, overtime))


def _money(amounts: pa.Array, what: str) -> pa.Array:
    """What `money_micros` says of amounts of the plain form; those that it must round, and blanks, it is asked of."""
    bare = pc.replace_substring_regex(amounts, "[$,]", "")
    is_exact = pc.match_substring_regex(bare, _EXACT_AMOUNT)
    exact = pc.if_else(is_exact, bare, None).cast(pa.decimal128(15, 6))
    micros = pc.multiply(exact, pa.scalar(Decimal(_MICROS), pa.decimal128(7))).cast(pa.int64())
    others = mapped(pc.if_else(is_exact, None, amounts), partial(money_micros, what=what), pa.int64())
    return pc.coalesce(micros, others)
