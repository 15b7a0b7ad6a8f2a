"""Due shifts that were normalised by column as wire bytes: linked, and encoded as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from schemas.batch_codec import BatchEncoder
from streams.link import Coding, ShiftLink, ShiftRefs, code_titles, link_coded
from streams.state.company import Company
from streams.state.due import Row
from streams.state.partition import PartitionState

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
