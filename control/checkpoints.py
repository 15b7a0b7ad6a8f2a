"""Where each entity's read of a run stands, and which ids its pages showed: what a read goes on from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from control.arrays import text_array
from control.database import Transaction, Writing, statements
from control.runs import RunId

_SQL = statements("runs")

READING = "reading"
READ = "read"
COMPLETE = "complete"
HELD = "held"
INCOMPLETE = "incomplete"
# In the cursor of a read that ended incomplete: why, as a sentence.
INCOMPLETE_REASON = "shortfall"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a read has come. `state`: reading, read (deletions to be looked for), complete, incomplete or held.

    `cursor` is what the source's adapter wants to know again; `began_at` is the start of the first attempt.
    """

    entity: str
    began_at: datetime
    pages_done: int = 0
    pages_total: int | None = None
    state: str = READING
    cursor: Mapping[str, Any] = field(default_factory=dict)


def checkpoints(tx: Transaction, run: RunId) -> dict[str, Checkpoint]:
    """The run's checkpoints by entity."""
    with tx.cursor(row_factory=class_row(Checkpoint)) as cursor:
        rows = cursor.execute(_SQL["checkpoints"], {"run_id": run.run_id}).fetchall()
    return {row.entity: row for row in rows}


def begin_read(tx: Writing, run: RunId, *, entity: str, began_at: datetime) -> None:
    """Note that an entity's read begins; does nothing if it began before."""
    tx.execute(_SQL["begin_read"], {"run_id": run.run_id, "entity": entity, "began_at": began_at})


def save_checkpoint(tx: Writing, run: RunId, checkpoint: Checkpoint) -> None:
    """Store how far a read has come; the number of pages done never goes down, `began_at` stays."""
    tx.execute(
        _SQL["save_checkpoint"],
        {
            "run_id": run.run_id,
            "entity": checkpoint.entity,
            "pages_done": checkpoint.pages_done,
            "pages_total": checkpoint.pages_total,
            "cursor": Jsonb(dict(checkpoint.cursor)),
            "state": checkpoint.state,
        },
    )


def set_read_state(tx: Writing, run: RunId, *, entity: str, state: str, incomplete_reason: str | None = None) -> None:
    """`incomplete_reason`: why the read ended incomplete."""
    values = {"run_id": run.run_id, "entity": entity, "state": state}
    cursor = {INCOMPLETE_REASON: incomplete_reason} if incomplete_reason else {}
    tx.execute(_SQL["set_read_state"], values | {"cursor": Jsonb(cursor)})


def save_page(tx: Writing, run: RunId, *, entity: str, page: int, entity_ids: Collection[str]) -> None:
    """Remember which ids page number `page` showed, beside those that it showed before."""
    values = {"run_id": run.run_id, "entity": entity, "page": page, "entity_ids": text_array(entity_ids)}
    tx.execute(_SQL["save_page"], values)


def seen_ids(tx: Transaction, run: RunId, *, entity: str, among: Collection[str] | None = None) -> set[str]:
    """Ids that the run's pages showed: all, or those among some."""
    rows = tx.execute(
        _SQL["seen"],
        {
            "run_id": run.run_id,
            "entity": entity,
            "entity_ids": None if among is None else text_array(among),
        },
    )
    return {entity_id for (entity_id,) in rows}
