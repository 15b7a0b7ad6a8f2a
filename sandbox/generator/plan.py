"""The inputs that determine a generated company, and the identity that follows from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Literal

from sandbox.model import Profile


def seeded(text: str) -> Random:
    """A random source that gives the same numbers for the same text, on every machine."""
    return Random(text)


Kind = Literal["projects", "service"]


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of a company's shifts and jobs, and how many of the trades it has codes for (None: all)."""

    general: float
    flat_rate: float
    several_codes: float
    budgets: float
    worksheets_of_budgets: float
    trades_a_phase: int | None


# Seen (M5, T2): 53 of 72 shifts were General's, 160 of 281 jobs had a budget and 53 a worksheet.
SHARES: dict[Kind, Shares] = {
    "projects": Shares(0.27, 0.10, 0.03, 0.57, 0.5, None),
    "service": Shares(0.70, 0.25, 0.02, 0.57, 0.33, 1),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole input of the generator; `jobs` counts the General job too.

    `years` is how far back the shifts go; without it as far as a full crew needs for that many.
    """

    seed: int
    jobs: int
    shifts: int
    anchor: date
    time_zone: str
    kind: Kind = "projects"
    years: int | None = None

    @property
    def shares(self) -> Shares:
        """How the kind of company differs from the other."""
        return SHARES[self.kind]

    def random(self, part: str) -> Random:
        """A random source of its own for each part, so that changing one part leaves the others unchanged."""
        return seeded(f"{self.seed}/{self.jobs}/{self.shifts}/{part}")


_FIRST = (
    "Blue Spruce", "Ridgeline", "Cottonwood", "Fox Hollow", "Granite Peak", "Hearthstone", "Juniper", "Keystone",
    "Larkspur", "Mesa Verde", "North Fork", "Old Mill", "Prairie Oak", "Red Barn", "Stillwater", "Timberline",
)  # fmt: skip
_SECOND = ("Builders", "Custom Homes", "Construction", "Design + Build", "Homes & Remodeling", "Contracting")
_WORDS = ("Anvil", "Cedar", "Dormer", "Gable", "Harbor", "Joist", "Lantern", "Mortar", "Rafter", "Trestle")


def profile_of(plan: Plan) -> Profile:
    """The company's identity. Its password depends on the seed alone."""
    named = seeded(f"{plan.seed}/name")
    name = f"{named.choice(_FIRST)} {named.choice(_SECOND)}"
    slug = re.sub(r"[^a-z]+", "-", name.lower()).strip("-")
    first, second = named.sample(_WORDS, 2)
    return Profile(
        builder_id=plan.random("builder-id").randint(20_000, 999_999),
        name=name,
        username=f"integration+s{plan.seed}-{plan.jobs}-{plan.shifts}@{slug}.example",
        password=f"{first}-{named.randint(1000, 9999)}-{second}!",
        time_zone=plan.time_zone,
        seed=plan.seed,
        jobs=plan.jobs,
        shifts=plan.shifts,
        anchor_date=plan.anchor.isoformat(),
        kind=plan.kind,
        years=plan.years,
    )
