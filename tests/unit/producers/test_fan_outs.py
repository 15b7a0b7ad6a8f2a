"""How a command for all companies ends once its parts have their answers."""

from __future__ import annotations

from typing import Any

from control.fan_outs import FanOut, part_id
from producers.commands.command_loop import end_of

WHOLE = "6f1e2a34-9b0c-4d5e-8f70-a1b2c3d4e5f6"


def whole(**changes: Any) -> FanOut:
    known: dict[str, Any] = {
        "command_id": WHOLE,
        "body": {"command_id": WHOLE},
        "total": 2,
        "answered": 2,
        "outcomes": ["completed", "completed"],
        "counts": [],
        "failures": [],
    }
    return FanOut(**(known | changes))


def test_end_of_all_completed_sums_the_counts() -> None:
    found = end_of(whole(counts=[{"read": 3, "created": 1}, {"read": 4, "created": 0}]))
    assert (found.type, found.company_id, found.message) == ("completed", "*", "All 2 companies completed.")
    assert found.counts == {"read": 7, "created": 1}


def test_end_of_some_that_failed_names_them() -> None:
    failures = [f"c{number}: away" for number in range(7)]
    found = end_of(whole(total=8, answered=8, outcomes=["completed", *["failed"] * 7], failures=failures))
    assert found.type == "failed"
    assert found.message == ("1 of 8 companies completed. c0: away; c1: away; c2: away; c3: away; c4: away; and 2 more")
    assert found.counts is None


def test_end_of_no_company_says_so() -> None:
    found = end_of(whole(total=0, answered=0, outcomes=[]))
    assert (found.type, found.message) == ("completed", "No company is connected that this is for.")


def test_part_ids_follow_from_the_whole_and_the_company() -> None:
    assert part_id(WHOLE, "c1") == part_id(WHOLE, "c1")
    assert part_id(WHOLE, "c1") != part_id(WHOLE, "c2")
