"""What streams know of each entity: how its records are normalised and, where it has parents, what refers to these.

Everything else about an entity is declared in `schemas.entities`. An entity without a line here fails at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.codec import Record
from schemas.entities import BUDGETS, COST_CODES, JOBS, TIME_ENTRIES, USERS, Entity
from streams.link import Refs, budget_refs, shift_refs
from streams.normalise.entities import normalise_budget, normalise_cost_code, normalise_job, normalise_user
from streams.normalise.time_entries import normalise_time_entry


@dataclass(frozen=True, slots=True)
class Rules:
    """`normalise` makes a canonical record of a change record; `refs` finds in both what a child refers to."""

    normalise: Callable[[Record], Record]
    refs: Callable[[Record, Record], Refs] | None = None


RULES = {
    JOBS.name: Rules(normalise_job),
    USERS.name: Rules(normalise_user),
    COST_CODES.name: Rules(normalise_cost_code),
    BUDGETS.name: Rules(normalise_budget, budget_refs),
    TIME_ENTRIES.name: Rules(normalise_time_entry, shift_refs),
}


def rules_of(entity: Entity, rules: Mapping[str, Rules] = RULES) -> Rules:
    """The rules of an entity; ValueError where they are missing or do not fit its declaration."""
    found = rules.get(entity.name)
    if found is None or (found.refs is None) != (not entity.parents):
        raise ValueError(f"streams/rules.py needs a line for {entity.name}, with `refs` if it has parents.")
    return found
