"""What is due for publication, and a delivered shift with all that follows from it."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from schemas.codec import Record
from streams.state.company import Child, EntityRef


class Row(NamedTuple):
    """A canonical shift as a row of `shift_columns`."""

    columns: pa.RecordBatch
    number: int


class Due(NamedTuple):
    """An entity to publish: its own new canonical record, or its deletion, or (neither) as it is held.

    `row` stands for `canonical` where the record was normalised by column.
    """

    run_id: str
    canonical: Record | None = None
    deleted_at: int | None = None
    row: Row | None = None


class PlainShift(NamedTuple):
    """A delivered shift that is known to be right: what is held of it, and what is published."""

    company_id: str
    ref: EntityRef
    child: Child
    due: Due
