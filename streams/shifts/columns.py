"""Shifts that are plainly right as canonical columns: what `normalise_time_entry` makes of each, made of all at once.

Columns that depend on a shift's parents or its company's version are left out: `streams.shifts.columns` adds them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from schemas.batch_codec import BatchEncoder
from streams.link import Coding, ShiftLink, ShiftRefs, code_titles, link_coded
from streams.normalise.times import quiet_offset_s
from streams.normalise.values import NOTES_LIMIT, money_micros, text
from streams.shifts.checks import DAY_S, by_local_day, fields_of, mapped, wall_seconds
from streams.state.company import Company
from streams.state.partition import PartitionState, Row

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


# The columns of a ShiftLink, in its order.
_LINK_COLUMNS = ("link_status", "link_detail", "job_name", "user_name", "cost_code_id", "cost_code_title")

DueRow = tuple[str, str, Row]


def row_values(state: PartitionState, due: Sequence[DueRow], encoder: BatchEncoder, links: Counter[str]) -> list[bytes]:
    """The values of shifts by company id, entity id and row, in their order, each linked as it is held.

    `links` counts the link status of each.
    """
    values = [b""] * len(due)
    companies = {company_id: _Links(state.company(company_id)) for company_id in {each[0] for each in due}}
    for columns, numbers in _by_columns(due):
        part = due if len(numbers) == len(due) else [due[number] for number in numbers]
        found = [companies[company_id].of(entity_id) for company_id, entity_id, _ in part]
        links.update(link.status for link in found)
        versions = [companies[company_id].version for company_id, _, _ in part]
        rows = columns.take(pa.array([row.number for _, _, row in part], pa.int64()))
        for number, value in zip(numbers, encoder.columns(_completed(rows, versions, found)), strict=True):
            values[number] = value
    return values


class _Links:
    """The links of a company's shifts while its parents stand still: equal titles are looked up once."""

    def __init__(self, company: Company) -> None:
        self.version = company.version
        self._company = company
        self._codings: dict[tuple[str, ...], Coding] = {}

    def of(self, entity_id: str) -> ShiftLink:
        refs = self._company.shifts.held[entity_id].refs
        assert isinstance(refs, ShiftRefs)
        coding = self._codings.get(refs.titles)
        if coding is None:
            coding = self._codings[refs.titles] = code_titles(refs.titles, self._company)
        return link_coded(refs, self._company, coding)


def _by_columns(due: Sequence[DueRow]) -> list[tuple[pa.RecordBatch, list[int]]]:
    """Numbers of `due` by the columns that hold their rows, which are those of one batch as a rule."""
    found: dict[int, tuple[pa.RecordBatch, list[int]]] = {}
    for number, (_, _, row) in enumerate(due):
        known = found.get(id(row.columns))
        if known is None:
            known = found[id(row.columns)] = (row.columns, [])
        known[1].append(number)
    return list(found.values())


def _completed(rows: pa.RecordBatch, versions: list[int], links: Sequence[ShiftLink]) -> pa.RecordBatch:
    linked = [pa.array(column, pa.string()) for column in zip(*links, strict=True)]
    return pa.RecordBatch.from_arrays(
        [*rows.columns, pa.array(versions, pa.int64()), *linked], names=[*rows.schema.names, "version", *_LINK_COLUMNS]
    )
