"""Pure functions from a change record to a canonical record, one module an entity; nothing here keeps state."""

from __future__ import annotations

from collections.abc import Callable

from schemas.catalogue import BUDGETS, COST_CODES, JOBS, TIME_ENTRIES, USERS
from schemas.codec import Record
from streams.normalise.entities import normalise_budget, normalise_cost_code, normalise_job, normalise_user
from streams.normalise.time_entries import normalise_time_entry

NORMALISE: dict[str, Callable[[Record], Record]] = {
    JOBS.name: normalise_job,
    USERS.name: normalise_user,
    COST_CODES.name: normalise_cost_code,
    BUDGETS.name: normalise_budget,
    TIME_ENTRIES.name: normalise_time_entry,
}
