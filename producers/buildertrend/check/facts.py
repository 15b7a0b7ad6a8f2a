"""The wire facts that a recording can confirm or contradict, by their numbers in docs/wire.md; what each is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from producers.buildertrend.check.places import step

HOLDS, BROKEN, MIXED = "holds", "broken", "mixed"


@dataclass(frozen=True, slots=True)
class Fact:
    """What is expected, in words, and what would be wrong in Protiv if it does not hold.

    Empty where nothing would be, and where only rows would be refused: of them the adapter's own parsers tell.
    """

    expected: str
    otherwise: str = ""


FACTS: dict[str, Fact] = {
    "S8": Fact("answers renew cookies"),
    "S9": Fact("the account states after how many minutes a session times out"),
    "S10": Fact("every shift states the account's builder id"),
    "R2": Fact("answers of /api come in the known envelope", "whole lists would be taken for changed"),
    "G2": Fact("a grid shows shifts of the jobs that were asked for only"),
    "G3": Fact("a grid that is asked for no job shows General only, or nothing"),
    "G4": Fact("shifts of General come only where they are asked for"),
    "G6": Fact("totalPages is computed from what the page itself sends"),
    "G7": Fact("`records` is the number of shifts that all pages show", "shifts would be missing"),
    "G8": Fact("the page's number is sent as text"),
    "G9": Fact("the page size of the answer is the one that was asked for"),
    "G10": Fact("filters are JSON inside a string"),
    "G12": Fact("the time clock's page asks for the captured columns"),
    "G15": Fact("sort column 1 is the shift's start", "reads of recent days would go through all pages"),
    "J1": Fact("jobs have a known status", "closed and open jobs would be mixed up"),
    "J2": Fact("the job picker's first row is no job"),
    "J3": Fact("General is job 0"),
    "J4": Fact("the job list spells its id jobID", "jobs would lack number and street"),
    "T2": Fact("shifts of General have no job id"),
    "T3": Fact("a shift's cost codes have id, title and minutes", "hours would stand at no cost code"),
    "T4": Fact("a cost code's minutes are whole, or off by a rounding"),
    "T5": Fact("a shift's cost codes add up to its hours", "hours of several codes would be split wrongly"),
    "T6": Fact("shifts and budgets name a cost code by the same id", "hours would not meet their budgets"),
    "T8": Fact("out minus in is what was worked and the break", "hours would differ from what people clocked"),
    "T9": Fact("double overtime and paid absence are whole minutes", "double overtime would be lost"),
    "T10": Fact("totalWorkTime is 0"),
    "T12": Fact("tags are texts, or objects with a name", "tags would be lost"),
    "T15": Fact("approval, cost and rate have the known form", "approvals or costs would be lost"),
    "B1": Fact("budgets have categories with cost codes", "budgets would be lost"),
    "B2": Fact("budget lines state revised costs and a cost type"),
    "B3": Fact("worksheet lines are of a known type", "budgeted hours would be lost"),
    "B5": Fact("reports name jobs by id", "changed budgets would be noticed only once a day"),
    "C1": Fact("cost codes have an id and a title", "cost codes would be lost"),
    "C3": Fact("a cost code's title begins with its code"),
    "U1": Fact("a shift names its worker", "hours would stand at no worker"),
    "U3": Fact("the filters list users"),
    "M1": Fact("times have no zone", "hours would be moved by the time zone"),
    "M3": Fact("durations are whole minutes"),
}


class Facts:
    """Observations for and against each fact."""

    def __init__(self) -> None:
        self._seen: dict[str, list[int]] = {}

    def see(self, number: str, holds: object, times: int = 1) -> None:
        """Count an observation; None says nothing."""
        if holds is not None:
            self._seen.setdefault(number, [0, 0])[0 if holds else 1] += times

    def counts(self) -> dict[str, tuple[int, int]]:
        """(for, against) by number, in the order of the table."""
        return {number: (self._seen[number][0], self._seen[number][1]) for number in FACTS if number in self._seen}

    def as_json(self) -> dict[str, Any]:
        """As docs/shape.md has it."""
        return {
            number: {"state": state_of(*seen), "for": step(seen[0]), "against": step(seen[1])}
            for number, seen in self.counts().items()
        }


def state_of(holding: int, against: int) -> str:
    """What the observations say."""
    if not against:
        return HOLDS
    return MIXED if holding else BROKEN
