"""Rows of the source that are dead letters of the poller: so that each is one once, and is done with when it can be."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from control.arrays import bytes_array, plain_array, text_array
from control.database import Transaction, Writing, statements
from control.runs import RunId

_SQL = statements("refused_rows")


class RefusedRow(msgspec.Struct, frozen=True):
    """`digest` is of what was refused; `letter_offset` is that of its dead letter, None where that is not known."""

    entity_id: str
    digest: bytes
    reason: str
    letter_offset: int | None = None


def refused_rows(tx: Transaction, company_id: str, entity: str) -> dict[str, RefusedRow]:
    """By id."""
    rows = tx.execute(_SQL["refused"], {"company_id": company_id, "entity": entity})
    return {row[0]: RefusedRow(*row) for row in rows}


def put_refused(tx: Writing, run: RunId, entity: str, rows: Sequence[RefusedRow]) -> None:
    """Remember rows that are dead letters now. One row an id."""
    tx.execute(
        _SQL["put"],
        {
            "company_id": run.company_id,
            "entity": entity,
            "run_id": run.run_id,
            "entity_ids": text_array(row.entity_id for row in rows),
            "digests": bytes_array(row.digest for row in rows),
            "reasons": text_array(row.reason for row in rows),
            "letter_offsets": plain_array(row.letter_offset for row in rows),
        },
    )


def drop_refused(tx: Writing, company_id: str, entity: str, entity_ids: Collection[str]) -> None:
    """Forget rows that were understood, or are gone."""
    values = {"company_id": company_id, "entity": entity, "entity_ids": text_array(entity_ids)}
    tx.execute(_SQL["drop"], values)
