"""The trade knowledge: phases in building order, the cost codes each uses, and the kinds of jobs builders take."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import Enum
from random import Random

from sandbox.model import CostCode


class Phase(Enum):
    """A stage of a job; the order of the members is the order on site."""

    SITE = "Site Work"
    FOUNDATION = "Foundation"
    FRAMING = "Framing"
    ROOFING = "Roofing & Exterior"
    ELECTRICAL = "Electrical"
    PLUMBING = "Plumbing & HVAC"
    INSULATION = "Insulation"
    DRYWALL = "Drywall"
    TRIM = "Trim & Cabinets"
    PAINT = "Paint & Floors"
    PUNCH = "Punch & Closeout"


GENERAL_CATEGORY = "General Conditions"

# phase or None for general conditions; code; name; material dollars for each labour dollar (None: bought, not worked)
_ROWS: tuple[tuple[Phase | None, str, str, float | None], ...] = (
    (None, "01.01", "Supervision", 0.0),
    (None, "01.02", "General Carpentry", 0.4),
    (None, "01.05", "Daily Cleanup", 0.1),
    (None, "01.08", "Permits & Fees", None),
    (None, "01.10", "Dumpsters & Hauling", None),
    (Phase.SITE, "02.1010", "Demolition", 0.2),
    (Phase.SITE, "02.1020", "Clearing & Excavation", 0.5),
    (Phase.SITE, "02.2010", "Backfill & Grading", 0.4),
    (Phase.FOUNDATION, "02.3070.", "Concrete Footings", 1.1),
    (Phase.FOUNDATION, "02.3070.", "Footings & Piers", 1.0),
    (Phase.FOUNDATION, "03.01", "Foundation Walls", 1.3),
    (Phase.FOUNDATION, "03.02", "Concrete Flatwork", 1.2),
    (Phase.FOUNDATION, "03.05.", "Waterproofing & Drainage", 0.8),
    (Phase.FRAMING, "05.01", "Floor Framing", 1.2),
    (Phase.FRAMING, "05.02", "Wall Framing", 1.2),
    (Phase.FRAMING, "05.03", "Roof Framing", 1.3),
    (Phase.FRAMING, "05.04", "Sheathing & House Wrap", 1.1),
    (Phase.FRAMING, "05.06", "Structural Steel", None),
    (Phase.ROOFING, "06.01", "Roofing", 1.4),
    (Phase.ROOFING, "06.02", "Flashing & Gutters", 0.9),
    (Phase.ROOFING, "06.05", "Windows & Exterior Doors", 2.5),
    (Phase.ROOFING, "06.07", "Siding", 1.3),
    (Phase.ELECTRICAL, "07.01", "Electrical Rough-In", 0.9),
    (Phase.ELECTRICAL, "07.02", "Electrical Finish", 0.8),
    (Phase.ELECTRICAL, "07.03", "Low Voltage", 0.7),
    (Phase.PLUMBING, "08.01", "Plumbing Rough-In", 1.0),
    (Phase.PLUMBING, "08.02", "Plumbing Finish", 1.6),
    (Phase.PLUMBING, "08.05.", "Gas Piping", 0.7),
    (Phase.PLUMBING, "08.20", "HVAC Ductwork", 1.1),
    (Phase.INSULATION, "10.01", "Insulation", 1.2),
    (Phase.INSULATION, "10.02", "Air Sealing", 0.5),
    (Phase.DRYWALL, "11.01", "Drywall Hang", 0.7),
    (Phase.DRYWALL, "11.02", "Drywall Tape & Texture", 0.3),
    (Phase.TRIM, "12.01", "Interior Trim", 0.8),
    (Phase.TRIM, "12.02", "Doors & Hardware", 1.5),
    (Phase.TRIM, "12.03", "Cabinet Installation", 2.2),
    (Phase.TRIM, "12.04", "Countertops", None),
    (Phase.TRIM, "12.05", "Stairs & Railings", 1.1),
    (Phase.PAINT, "13.01", "Interior Paint", 0.4),
    (Phase.PAINT, "13.02", "Exterior Paint", 0.4),
    (Phase.PAINT, "14.01", "Tile", 1.3),
    (Phase.PAINT, "14.02", "Hardwood Flooring", 1.6),
    (Phase.PUNCH, "15.01", "Punch List", 0.2),
    (Phase.PUNCH, "15.02", "Warranty Work", 0.3),
    (Phase.PUNCH, "15.03", "Final Clean", 0.1),
)

_AMBIGUOUS = "13.01"  # the code whose title a second id may share


@dataclass(frozen=True, slots=True)
class Trade:
    """One cost code, with what the generator needs to know about its work."""

    code: CostCode
    phase: Phase | None
    material_ratio: float | None

    @property
    def is_worked(self) -> bool:
        return self.material_ratio is not None


def make_trades(rng: Random, *, most_a_phase: int | None = None) -> list[Trade]:
    """The company's cost codes. In about half of all companies two ids share one title.

    With `most_a_phase` a company has few: so many of each phase that are worked.
    """
    trades: list[Trade] = []
    code_id = rng.randint(1_000_000, 6_000_000)
    taken: Counter[Phase | None] = Counter()
    for phase, code, name, ratio in _ROWS:
        if most_a_phase is not None and (ratio is None or taken[phase] >= most_a_phase):
            continue
        taken[phase] += 1
        code_id += rng.randint(1, 40)
        category = phase.value if phase else GENERAL_CATEGORY
        trades.append(Trade(CostCode(code_id, code, name, category), phase, ratio))
    twin = next((trade for trade in trades if trade.code.code == _AMBIGUOUS), None)
    if rng.random() >= 0.5 and twin is not None:
        second = replace(twin.code, id=code_id + rng.randint(1, 40), category="Allowances")
        trades.append(replace(twin, code=second))
    return trades


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of contract: its name, its phases with their share of the time, and its price."""

    name_patterns: tuple[str, ...]
    phases: tuple[tuple[Phase, int], ...]
    size: float
    thousands_low: int
    thousands_high: int


_ALL_PHASES = tuple(zip(Phase, (8, 12, 18, 10, 9, 9, 4, 8, 11, 8, 3), strict=True))
_INTERIOR = (
    (Phase.SITE, 8), (Phase.FRAMING, 10), (Phase.ELECTRICAL, 12), (Phase.PLUMBING, 14), (Phase.INSULATION, 4),
    (Phase.DRYWALL, 12), (Phase.TRIM, 20), (Phase.PAINT, 14), (Phase.PUNCH, 6),
)  # fmt: skip
_SHELL = (
    (Phase.SITE, 14), (Phase.FOUNDATION, 22), (Phase.FRAMING, 28), (Phase.ROOFING, 18), (Phase.ELECTRICAL, 8),
    (Phase.PAINT, 6), (Phase.PUNCH, 4),
)  # fmt: skip
_DECK = ((Phase.SITE, 10), (Phase.FOUNDATION, 25), (Phase.FRAMING, 50), (Phase.PAINT, 10), (Phase.PUNCH, 5))
_ROOF = ((Phase.SITE, 10), (Phase.FRAMING, 15), (Phase.ROOFING, 65), (Phase.PUNCH, 10))

JOB_KINDS: tuple[tuple[JobKind, int], ...] = (
    (JobKind(("{lot}", "{family} Residence", "{street}", "{family} Custom Home"), _ALL_PHASES, 2.0, 420, 1400), 26),
    (JobKind(("{family} Addition", "{street} - Addition"), _ALL_PHASES, 1.3, 160, 420), 14),
    (JobKind(("{street} - Kitchen Remodel", "{family} Kitchen"), _INTERIOR, 0.8, 48, 160), 20),
    (JobKind(("{family} Primary Bath", "{street} - Bath Remodel"), _INTERIOR, 0.6, 28, 80), 14),
    (JobKind(("{family} Garage", "{family} Barn", "{street} - Garage & ADU"), _SHELL, 0.9, 70, 240), 12),
    (JobKind(("{family} Deck", "{street} - Deck & Pergola"), _DECK, 0.5, 18, 70), 9),
    (JobKind(("{street} - Reroof", "{family} Roof"), _ROOF, 0.4, 16, 60), 5),
)
