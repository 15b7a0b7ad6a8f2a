"""What a run's end says, and what is shown on the way."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from cli.run_display import sentence, show_run

NO_COUNTS = {"read": 0, "created": 0, "updated": 0, "deleted": 0, "unchanged": 0, "dead_lettered": 0}


def event(kind: str, **values: Any) -> dict[str, Any]:
    defaults = {"entity": None, "counts": None, "pages_done": None, "pages_total": None, "message": None}
    return defaults | {"type": kind} | values


def test_sentence_completed_counts_changes_by_kind() -> None:
    counts = NO_COUNTS | {"read": 5000, "created": 3, "updated": 1200, "unchanged": 3797}
    assert (
        sentence(event("completed", counts=counts))
        == "Done: 5,000 records read, 1,203 changes published (3 created, 1,200 updated)."
    )


def test_sentence_completed_without_changes_is_short() -> None:
    assert sentence(event("completed", counts=NO_COUNTS)) == "Done: 0 records read, 0 changes published."


def test_sentence_failed_gives_the_reason() -> None:
    assert sentence(event("failed", message="Buildertrend does not answer.")) == "Failed: Buildertrend does not answer."


def test_show_run_off_a_terminal_prints_a_line_an_entity_and_returns_the_last_event() -> None:
    out = io.StringIO()
    counts = NO_COUNTS | {"read": 60, "created": 2}
    events = [
        event("accepted"),
        event("progress", entity="jobs", counts=counts, pages_done=1, pages_total=1),
        event("entity-complete", entity="jobs", counts=counts, pages_done=1, pages_total=1),
        event("held", entity="users", message="30 of 40 users are no longer shown."),
        event("completed", counts=counts),
    ]
    last = show_run(events, Console(file=out, width=200))
    assert last["type"] == "completed"
    assert out.getvalue().splitlines() == [
        "  Jobs: 60 read, 2 published",
        "  Held: 30 of 40 users are no longer shown.",
    ]


def test_show_run_of_an_entity_without_pages_ends_its_bar() -> None:
    out = io.StringIO()
    done = event("entity-complete", entity="users", counts=NO_COUNTS, pages_done=0, pages_total=0)
    show_run([done], Console(file=out, width=200, force_terminal=True))
    assert "Users" in out.getvalue()
