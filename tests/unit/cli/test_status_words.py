"""What status says of the requests of a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cli.status import recipe_sentence, requests_sentence
from reports.company_status import RecipeChange, RequestsToday


@pytest.mark.parametrize(
    ("by_read", "sentence"),
    [
        ({}, "Requests today: 0."),
        ({"glance": 12, "full": 1200}, "Requests today: 1,212 (full 1,200, glance 12)."),
    ],
)
def test_requests_are_said_with_the_read_that_sent_most_first(by_read: dict[str, int], sentence: str) -> None:
    assert requests_sentence(RequestsToday(by_read)) == sentence


def test_recipe_that_changed_is_said_with_what_differs() -> None:
    change = RecipeChange("shifts", datetime.now(UTC) - timedelta(hours=3), ["its columns", "its filters"])
    assert recipe_sentence(change).startswith(
        "Buildertrend's own page asks for shifts in another way than before (seen 3 h ago): its columns, its filters."
    )
