"""Uses and tells of a connection's recipe: a page that asks in another way is the first sign of a change."""

from __future__ import annotations

from control.connections import Lease, hold_epoch
from control.database import Database
from control.recipes import recipe, take_news
from core.log import get_logger
from producers import metrics
from producers.buildertrend.recipes import TIME_CLOCK, NoRecipeError, Recipe
from producers.sync_events import EventWriter, SyncEvent

log = get_logger(__name__)


def stored_recipe(database: Database, company_id: str) -> Recipe | None:
    """How to ask for shifts; None without one that can be used: the captured default is asked then."""
    with database.transaction() as tx:
        kept = recipe(tx, company_id, TIME_CLOCK)
    try:
        return None if kept is None else Recipe.from_json(kept)
    except NoRecipeError as exc:
        log.warning("recipe_not_usable", reason=str(exc))
        return None


def tell_of_recipes(database: Database, lease: Lease, events: EventWriter, run_id: str) -> None:
    """An event and a metric for each recipe that changed since the last run; after a crash in between again."""
    with database.transaction() as tx:
        hold_epoch(tx, lease)
        for grid, differs in take_news(tx, lease.company_id).items():
            metrics.RECIPES_CHANGED.labels(grid).inc()
            log.warning("recipe_changed", grid=grid, differs=differs)
            message = f"Buildertrend's own page asks for {grid} in another way than before: {', '.join(differs)}."
            events.write(SyncEvent(lease.company_id, "progress", run_id=run_id, message=message))
