"""What Buildertrend keeps, one declaration an entity; whatever differs only by entity is derived from these tables.

What a new entity needs besides its declaration stands in CONTRIBUTING.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core import topics


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """One kind of record that Buildertrend keeps; compared by identity, since each is declared once.

    `name` is used in topics, commands and pages, `title` and `singular` are shown to people ("Time entries", "time
    entry"), `id_field` is the canonical record's own id, and `raw_id` the fields that state it in Buildertrend's terms.
    `label` is the canonical field by which people call a record. `parents` are the entities whose ids its canonical
    record has. `read_rank` orders the reads of a run.

    `worked_minutes` names the canonical field whose minutes are hours worked, `local_day` the one of the day by which
    the dates of a backfill go; None where the entity has neither.
    """

    name: str
    title: str
    singular: str
    id_field: str
    raw_id: tuple[str, ...]
    label: str
    read_rank: int
    parents: tuple[Entity, ...] = ()
    worked_minutes: str | None = None
    local_day: str | None = None

    @property
    def table(self) -> str:
        """Its table in schema `protiv`."""
        return self.name.replace("-", "_")

    @property
    def raw_topic(self) -> str:
        return topics.RAW_PREFIX + self.name

    @property
    def canonical_topic(self) -> str:
        return topics.CANONICAL_PREFIX + self.name

    def counted(self, count: int) -> str:
        """As in `3 time entries` and `1 budget line`."""
        return f"{count:,} {self.singular if count == 1 else self.plural}"

    @property
    def plural(self) -> str:
        """Several of them in a sentence: `time entries`, `budget lines`."""
        return f"{self.singular[:-1]}ies" if self.singular.endswith("y") else f"{self.singular}s"

    def stated_id(self, after: Mapping[str, Any]) -> str:
        """The id as Buildertrend's own fields state it; several are joined by a colon, `<job id>:<cost code id>`."""
        if len(self.raw_id) == 1:
            return str(after[self.raw_id[0]])
        return ":".join(str(after[field]) for field in self.raw_id)


JOBS = Entity(
    name="jobs",
    title="Jobs",
    singular="job",
    id_field="job_id",
    raw_id=("jobId",),
    label="name",
    read_rank=1,
)
USERS = Entity(
    name="users",
    title="Users",
    singular="user",
    id_field="user_id",
    raw_id=("userId",),
    label="name",
    read_rank=3,
)
COST_CODES = Entity(
    name="cost-codes",
    title="Cost codes",
    singular="cost code",
    id_field="cost_code_id",
    raw_id=("id",),
    label="title",
    read_rank=5,
)
BUDGETS = Entity(
    name="budgets",
    title="Budgets",
    singular="budget line",
    id_field="budget_id",
    raw_id=("jobId", "id"),
    label="cost_code_title",
    read_rank=4,
    parents=(JOBS, COST_CODES),
)
TIME_ENTRIES = Entity(
    name="time-entries",
    title="Time entries",
    singular="time entry",
    id_field="time_entry_id",
    raw_id=("id",),
    label="user_name",
    read_rank=2,
    parents=(JOBS, USERS, COST_CODES),
    worked_minutes="total_minutes",
    local_day="work_date",
)

# Parents before their children.
ENTITIES = (JOBS, USERS, COST_CODES, BUDGETS, TIME_ENTRIES)
ENTITY_BY_NAME = {entity.name: entity for entity in ENTITIES}
READ_ORDER = tuple(sorted(ENTITIES, key=lambda entity: entity.read_rank))
