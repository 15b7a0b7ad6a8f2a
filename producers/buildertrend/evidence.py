"""What the adapter relies on, fact by fact with its number in docs/wire.md, and how sure each one is.

What nobody has observed (C) and the adapter relies on has a check, which counts at run time how often the fact held and
how often an answer contradicted it: an early warning, not a fault. Counts are all that is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact by its number; `mark` says how sure it is, in the words of docs/wire.md.

    `check`: what notices at run time that it is wrong, empty if nothing does (see producers.buildertrend.checks and
    Evidence); schemas.claims has its words for people. `relied_on`: False for what the adapter does not need.
    """

    number: str
    mark: str
    check: str = ""
    relied_on: bool = True


FACTS: tuple[Fact, ...] = (
    Fact("S1", "A"),
    Fact("S2", "A"),
    Fact("S3", "C", relied_on=False),
    Fact("S4", "B, contested", relied_on=False),
    Fact("S5", "A"),
    Fact("S6", "A"),
    Fact("S7", "A"),
    Fact("S8", "B"),
    Fact("S9", "B raw", "a session that ends between two requests of a read"),
    Fact("S10", "B raw", "the builder id of each GlobalInfo"),
    Fact("S11", "B !"),
    Fact("S12", "B"),
    Fact("S13", "B, contested"),
    Fact("R1", "A"),
    Fact("R2", "A"),
    Fact("R3", "A"),
    Fact("R4", "A"),
    Fact("R5", "B"),
    Fact("R6", "B"),
    Fact("R7", "B"),
    Fact("R8", "B"),
    Fact("G1", "B"),
    Fact("G2", "B raw !"),
    Fact("G3", "B, contested", relied_on=False),
    Fact("G4", "B raw"),
    Fact("G5", "B, contested", "each batch that was refused and split"),
    Fact("G6", "B !"),
    Fact("G7", "A", "ids seen against `records` at the end of each read"),
    Fact("G8", "B"),
    Fact("G9", "A"),
    Fact("G10", "B"),
    Fact("G11", "B"),
    Fact("G12", "B raw"),
    Fact("G13", "B"),
    Fact("G14", "B"),
    Fact("G15", "C", "the days of each read's rows, in their order"),
    Fact("J1", "A"),
    Fact("J2", "B raw"),
    Fact("J3", "A"),
    Fact("J4", "A"),
    Fact("J5", "B", relied_on=False),
    Fact("T1", "A"),
    Fact("T2", "B raw !", "the job's name on each such shift"),
    Fact("T3", "B raw !"),
    Fact("T4", "B raw !"),
    Fact("T5", "B raw", "each shift with stated minutes"),
    Fact("T6", "C", "codes of the same title in shifts and lists"),
    Fact("T7", "B raw"),
    Fact("T8", "B raw", "each shift that has ended"),
    Fact("T9", "B raw", "each ended shift with paid absence"),
    Fact("T10", "B raw"),
    Fact("T11", "B raw"),
    Fact("T12", "B"),
    Fact("T13", "A"),
    Fact("T14", "B raw"),
    Fact("T15", "B raw"),
    Fact("B1", "B"),
    Fact("B2", "B"),
    Fact("B3", "B"),
    Fact("B4", "B"),
    Fact("B5", "A, that it suffices: C", "each budget that was found changed, against its job's row of the report"),
    Fact("C1", "A"),
    Fact("C2", "A"),
    Fact("C3", "A"),
    Fact("U1", "B raw"),
    Fact("U2", "C !", relied_on=False),
    Fact("U3", "B"),
    Fact("U4", "B, its path: C", relied_on=False),
    Fact("U5", "A"),
    Fact("U6", "A"),
    Fact("M1", "A"),
    Fact("M2", "A", "each date of each job"),
    Fact("M3", "A"),
    Fact("M4", "A"),
    Fact("M5", "B raw"),
)
FACTS_BY_NUMBER: Mapping[str, Fact] = {fact.number: fact for fact in FACTS}


@dataclass(slots=True)
class Evidence:
    """How often facts held and were contradicted in one run. Cheap: it only counts."""

    held: Counter[str] = field(default_factory=Counter)
    contradicted: Counter[str] = field(default_factory=Counter)

    def note(self, number: str, *, holds: bool) -> None:
        """Count one observation of a fact."""
        (self.held if holds else self.contradicted)[number] += 1

    def counts(self) -> dict[str, tuple[int, int]]:
        """By number: how often it held, and how often it was contradicted."""
        seen = sorted(self.held.keys() | self.contradicted.keys())
        return {number: (self.held[number], self.contradicted[number]) for number in seen}
