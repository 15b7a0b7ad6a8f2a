"""How Buildertrend's own page asks for a grid, as it was last seen for a connection, and whether that has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from control.database import Transaction, statements

_SQL = statements("recipes")

Recipe = Mapping[str, Any]


def recipe(tx: Transaction, company_id: str, grid: str) -> Recipe | None:
    """The newest one; None if none was ever seen."""
    return _recipe(tx, "get", company_id, grid)


def save_recipe(
    tx: Transaction,
    place: tuple[str, str],
    new: Recipe,
    *,
    stated_by: str,
    differences: Callable[[Recipe, Recipe], Sequence[str]],
) -> list[str]:
    """Store what was seen for (company, grid) now; returns in what it differs from the one before, in words."""
    company_id, grid = place
    before = _recipe(tx, "lock", company_id, grid)
    differs = [] if before is None else list(differences(before, new))
    values = {"company_id": company_id, "grid": grid, "recipe": Jsonb(new), "stated_by": stated_by, "differs": differs}
    tx.execute(_SQL["put"], values)
    return differs


def take_news(tx: Transaction, company_id: str) -> dict[str, list[str]]:
    """In what the recipes differ, by grid, where nobody was told yet; committed with this transaction they are told."""
    return dict(tx.execute(_SQL["tell"], {"company_id": company_id}).fetchall())


def _recipe(tx: Transaction, statement: str, company_id: str, grid: str) -> Recipe | None:
    row = tx.execute(_SQL[statement], {"company_id": company_id, "grid": grid}).fetchone()
    return None if row is None else row[0]
