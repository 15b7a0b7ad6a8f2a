"""The people: office staff, and crews whose positions are held by one worker after another."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from sandbox.generator import names
from sandbox.generator.catalogue import Phase
from sandbox.generator.plan import Plan
from sandbox.model import User

_CREW_SIZE = 3.5
_SHIFTS_A_YEAR = 225
CRANE_CENTS = 104_250


@dataclass(frozen=True, slots=True)
class CrewKind:
    """A crew's trade and the roles of its workers; the first role is the lead's."""

    phases: frozenset[Phase]
    roles: tuple[str, ...]


_SITE = CrewKind(frozenset({Phase.SITE, Phase.FOUNDATION}), ("Concrete Foreman", "Operator", "Laborer", "Laborer"))
_FRAMING = CrewKind(
    frozenset({Phase.FRAMING, Phase.ROOFING}), ("Lead Carpenter", "Carpenter", "Carpenter", "Apprentice")
)
_MECHANICAL = CrewKind(
    frozenset({Phase.ELECTRICAL, Phase.PLUMBING}), ("Electrician", "Plumber", "HVAC Technician", "Helper")
)
_FINISH = CrewKind(
    frozenset({Phase.INSULATION, Phase.DRYWALL, Phase.TRIM, Phase.PAINT, Phase.PUNCH}),
    ("Finish Carpenter", "Painter", "Drywaller", "Helper"),
)
_KINDS = (_FRAMING, _FINISH, _SITE, _MECHANICAL)

_HOURLY_DOLLARS = {
    "Concrete Foreman": 41.0, "Operator": 36.0, "Laborer": 23.5, "Lead Carpenter": 42.0, "Carpenter": 33.0,
    "Apprentice": 22.0, "Electrician": 44.0, "Plumber": 45.5, "HVAC Technician": 38.0, "Helper": 22.5,
    "Finish Carpenter": 39.0, "Painter": 29.0, "Drywaller": 30.5,
}  # fmt: skip
_OFFICE_ROLES = ("Owner", "Project Manager", "Project Manager", "Estimator", "Bookkeeper")


@dataclass(frozen=True, slots=True)
class Tenure:
    """A worker's time in one position of a crew: from `starts_at` until the day before `ends_at` (ordinals)."""

    user: User
    starts_at: int
    ends_at: int

    def rate_cents_in(self, year: int, this_year: int) -> int:
        """The rate of an earlier year: raises of about 3 % a year, in steps of 25 cents."""
        cents = self.user.labor_cost_cents * 0.97 ** (this_year - year)
        return max(1500, round(cents / 25) * 25)


@dataclass(frozen=True, slots=True)
class Crew:
    """One crew; each position lists its tenures in order of time."""

    kind: CrewKind
    places: tuple[tuple[Tenure, ...], ...]


@dataclass(frozen=True, slots=True)
class People:
    crews: tuple[Crew, ...]
    office: tuple[User, ...]
    crane: User

    def users(self) -> list[User]:
        field = [tenure.user for crew in self.crews for place in crew.places for tenure in place]
        return sorted([*self.office, *field, self.crane], key=lambda user: user.id)


def worker_places(plan: Plan) -> int:
    """How many workers a company has at a time: 4 to 40, growing with its history; fewer for a long one."""
    if plan.years is not None:
        return min(40, max(1, round(plan.shifts / (plan.years * _SHIFTS_A_YEAR))))
    return min(40, max(4, round(math.sqrt(plan.shifts) / 5)))


def crew_count(plan: Plan) -> int:
    return max(1, round(worker_places(plan) / _CREW_SIZE))


def make_people(plan: Plan, *, first_day: int) -> People:
    """Everybody who ever worked there; those who left before the anchor date are inactive."""
    rng = plan.random("people")
    places, crews = worker_places(plan), crew_count(plan)
    anchor = plan.anchor.toordinal()
    spans = [_spans(rng, first_day, anchor, leaves=place == 0) for place in range(places)]
    pairs = iter(names.person_names(rng, sum(map(len, spans)) + len(_OFFICE_ROLES)))
    user_id = rng.randint(300_000, 800_000)
    domain = rng.choice(("fieldmail.example", "sitecrew.example"))
    office = []
    for role in _OFFICE_ROLES:
        user_id += rng.randint(1, 30)
        office.append(_user(rng, user_id, name=next(pairs), role=role, domain=domain))
    filled: list[list[tuple[Tenure, ...]]] = [[] for _ in range(crews)]
    for place, spans_of_place in enumerate(spans):
        kind = _KINDS[place % crews % len(_KINDS)]
        role = kind.roles[place // crews % len(kind.roles)]
        tenures = []
        for starts_at, ends_at in spans_of_place:
            user_id += rng.randint(1, 30)
            user = _user(rng, user_id, name=next(pairs), role=role, domain=domain)
            tenures.append(Tenure(replace(user, is_active=ends_at > anchor), starts_at, ends_at))
        filled[place % crews].append(tuple(tenures))
    crane = User(
        user_id + 7, "Summit Crane", "& Operator", "", "", "Equipment", is_active=True, labor_cost_cents=CRANE_CENTS
    )
    made = tuple(Crew(_KINDS[index % len(_KINDS)], tuple(places)) for index, places in enumerate(filled))
    return People(made, tuple(office), crane)


def _spans(rng: Random, first_day: int, anchor: int, *, leaves: bool) -> list[tuple[int, int]]:
    """Successive tenures of one position; with `leaves` the first worker has certainly left before the anchor date."""
    spans, start = [], first_day
    if leaves and anchor - first_day > 10:
        start = first_day + int((anchor - first_day) * 0.4)
        spans.append((first_day, start))
    while True:
        end = start + 120 + int(rng.expovariate(1 / 1100))
        if end >= anchor - 20 or len(spans) == 9:
            spans.append((start, date.max.toordinal()))
            return spans
        spans.append((start, end))
        start = end


def _user(rng: Random, user_id: int, *, name: tuple[str, str], role: str, domain: str) -> User:
    first, last = name
    plain = "".join(letter for letter in f"{first[0]}{last}".lower() if letter.isascii() and letter.isalpha())
    dollars = _HOURLY_DOLLARS.get(role)
    cents = 0 if dollars is None else round((dollars + rng.randint(-8, 12) * 0.5) * 100)
    phone = f"({rng.choice((303, 720, 970))}) 555-{rng.randint(100, 199):04d}"
    return User(
        user_id, first, last, f"{plain}{user_id % 97}@{domain}", phone, role, is_active=True, labor_cost_cents=cents
    )
