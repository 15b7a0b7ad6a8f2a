"""A stored recipe is what shifts are asked by; one that differs from the last is told once: event, metric, status."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from control.recipes import save_recipe
from producers import metrics
from producers.buildertrend.recipes import TIME_CLOCK, Recipe, stated_differences
from producers.recipe_news import stored_recipe
from reports.status import read_status
from tests.integration.producers.fix_runs import Desk

RECIPE = Recipe("/api/TimeClock/Grid?gridType=29", ("1", "2", "11"), options={"hasFooter": True})


def save(desk: Desk, recipe: dict[str, Any]) -> list[str]:
    with desk.database.transaction() as tx:
        place = (desk.company_id, TIME_CLOCK)
        return save_recipe(tx, place, recipe, stated_by="capture", differences=stated_differences)


def told(desk: Desk) -> list[str]:
    """What a run says of recipes."""
    return [event.message or "" for event in desk.run() if "own page" in (event.message or "")]


def footers(desk: Desk) -> set[Any]:
    bodies = [json.loads(one.content) for one in desk.source.requests if one.url.path == "/api/TimeClock/Grid"]
    return {body["gridRequest"]["hasFooter"] for body in bodies}


def changes() -> float:
    return float(metrics.RECIPES_CHANGED.labels(TIME_CLOCK)._value.get())


def test_recipe_is_what_shifts_are_asked_by(desk: Desk) -> None:
    assert save(desk, RECIPE.as_json()) == []
    assert told(desk) == []
    assert footers(desk) == {True}


def test_recipe_that_differs_is_told_once_and_shown(desk: Desk) -> None:
    before = changes()
    save(desk, RECIPE.as_json())
    save(desk, RECIPE.as_json())
    assert told(desk) == []
    differs = save(desk, replace(RECIPE, columns=("1", "2")).as_json())
    assert differs == ["its columns"]
    assert told(desk) == ["Buildertrend's own page asks for shifts in another way than before: its columns."]
    assert told(desk) == []
    assert changes() - before == 1
    with desk.database.transaction() as tx:
        (status,) = read_status(
            tx, now=datetime.now(UTC), poll_interval_s=7200, full_sync_interval_s=86_400, company_ids=[desk.company_id]
        )
    (change,) = status.facts.recipes
    assert (change.grid, list(change.differs)) == (TIME_CLOCK, ["its columns"])


def test_recipe_that_nobody_can_read_is_not_used(desk: Desk) -> None:
    save(desk, RECIPE.as_json() | {"address": "/api/Users/Delete"})
    assert stored_recipe(desk.database, desk.company_id) is None
    desk.run()
    assert footers(desk) == {False}
    assert save(desk, RECIPE.as_json()) == ["its form"]
