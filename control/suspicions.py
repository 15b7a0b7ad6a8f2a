"""What looked wrong in the reads of a company, until it looks right again or an operator says that it is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from psycopg.rows import class_row

from control.arrays import text_array
from control.database import Transaction, Writing, statements
from control.runs import RunId

_SQL = statements("suspicions")


@dataclass(frozen=True, slots=True)
class OpenSuspicion:
    """What looked wrong in an entity's newest read, and what to look at, as sentences."""

    entity: str
    message: str


def put_suspicions(tx: Writing, run: RunId, entity: str, found: Mapping[str, str], *, whole: bool) -> None:
    """Keep what a read that reached its end looked like: sentences by rule. What looks right again is forgotten."""
    values = {"company_id": run.company_id, "run_id": run.run_id, "entity": entity, "whole": whole}
    tx.execute(_SQL["drop_others"], values | {"rules": list(found)})
    if found:
        messages = text_array(found.values())
        tx.execute(_SQL["put"], values | {"rules": text_array(found), "messages": messages})


def accepted(tx: Transaction, company_id: str, entity: str) -> set[str]:
    """Rules of which an operator said that what they found is true."""
    return {rule for (rule,) in tx.execute(_SQL["accepted"], {"company_id": company_id, "entity": entity})}


def accept(tx: Transaction, company_id: str, *, entities: Collection[str], accepted_by: str) -> dict[str, int]:
    """Take what looks wrong now for true (of all entities if none is named); how many of each entity."""
    values = {"company_id": company_id, "entities": list(entities), "accepted_by": accepted_by}
    return dict(Counter(entity for (entity,) in tx.execute(_SQL["accept"], values)))


def open_suspicions(tx: Transaction, company_id: str) -> list[OpenSuspicion]:
    """Those of which no operator has said that they are true."""
    with tx.cursor(row_factory=class_row(OpenSuspicion)) as cursor:
        return cursor.execute(_SQL["open"], {"company_id": company_id}).fetchall()
