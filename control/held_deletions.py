"""Records that Buildertrend no longer shows and that the brake keeps, until an operator lets them go or they return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from control.database import Transaction, Writing, statements
from control.runs import RunId

_SQL = statements("held_deletions")


@dataclass(frozen=True, slots=True)
class HeldDeletion:
    """One held record; `released_at` is set once an operator let it go and it is still to be deleted."""

    entity: str
    entity_id: str
    run_id: str
    held_at: datetime
    released_at: datetime | None
    released_by: str | None


def hold(tx: Writing, run: RunId, entity: str, entity_ids: Sequence[str]) -> None:
    """Keep these records from being deleted; one that is held already keeps its time and release."""
    values = {"company_id": run.company_id, "entity": entity, "entity_ids": list(entity_ids), "run_id": run.run_id}
    tx.execute(_SQL["hold"], values)


def drop_held(tx: Writing, company_id: str, entity: str, entity_ids: Collection[str]) -> None:
    """Forget records whose deletion is published."""
    tx.execute(_SQL["drop"], {"company_id": company_id, "entity": entity, "entity_ids": list(entity_ids)})


def drop_returned(tx: Writing, run: RunId, entity: str) -> None:
    """Forget those that pages of the run showed again."""
    tx.execute(_SQL["drop_returned"], {"company_id": run.company_id, "run_id": run.run_id, "entity": entity})


def released(tx: Transaction, company_id: str, entity: str) -> set[str]:
    """Ids whose deletion an operator released."""
    return _ids(tx, company_id, entity, released=True)


def unreleased(tx: Transaction, company_id: str, entity: str) -> set[str]:
    """Ids whose deletion nobody has released yet."""
    return _ids(tx, company_id, entity, released=False)


def release(tx: Transaction, company_id: str, *, entities: Collection[str], released_by: str) -> dict[str, int]:
    """Let held records go (of all entities if none is named), those held now and no later ones; how many of each."""
    values = {"company_id": company_id, "entities": list(entities), "released_by": released_by}
    return dict(Counter(entity for (entity,) in tx.execute(_SQL["release"], values)))


def list_held(tx: Transaction, company_id: str) -> list[HeldDeletion]:
    """All held records of a company."""
    with tx.cursor(row_factory=class_row(HeldDeletion)) as cursor:
        return cursor.execute(_SQL["list"], {"company_id": company_id}).fetchall()


def _ids(tx: Transaction, company_id: str, entity: str, *, released: bool) -> set[str]:
    values = {"company_id": company_id, "entity": entity, "released": released}
    return {entity_id for (entity_id,) in tx.execute(_SQL["ids"], values)}
