"""One simulated company in memory. Every write goes through `put` or `remove`, which also journals it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar, cast

from sandbox.model import BudgetLine, CostCode, Job, Profile, Record, Shift, User, WorksheetLine
from sandbox.switches import Switches

T = TypeVar("T")

_MOST_DERIVED = 64


class Journal(Protocol):
    """Stores writes so that they survive a restart."""

    def put(self, builder_id: int, record: Record) -> None: ...

    def remove(self, builder_id: int, record: Record) -> None: ...

    def save_profile(self, profile: Profile) -> None: ...

    def save_switches(self, builder_id: int, switches: Switches) -> None: ...


@dataclass(slots=True)
class BurstState:
    """When the last requests came, and until when the company refuses more (R7)."""

    recent: deque[datetime] = field(default_factory=deque)
    refused_until: datetime | None = None


@dataclass(slots=True)
class Tables:
    """The records of one company by kind and id."""

    jobs: dict[int, Job] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    cost_codes: dict[int, CostCode] = field(default_factory=dict)
    budget_lines: dict[int, BudgetLine] = field(default_factory=dict)
    worksheet_lines: dict[int, WorksheetLine] = field(default_factory=dict)
    shifts: dict[int, Shift] = field(default_factory=dict)
    retired_ids: dict[type[Record], int] = field(default_factory=dict)

    def of(self, kind: type[Record]) -> dict[int, Record]:
        """The table that holds records of `kind`."""
        tables: dict[type[Record], object] = {
            Job: self.jobs,
            User: self.users,
            CostCode: self.cost_codes,
            BudgetLine: self.budget_lines,
            WorksheetLine: self.worksheet_lines,
            Shift: self.shifts,
        }
        return cast(dict[int, Record], tables[kind])

    def add_all(self, records: Iterable[Record]) -> None:
        for record in records:
            self.of(type(record))[record.id] = record


class Company:
    """Records, switches and derived views of one company."""

    def __init__(self, profile: Profile, tables: Tables, *, switches: Switches, journal: Journal) -> None:
        self.profile = profile
        self.switches = switches
        self._tables = tables
        self._journal = journal
        self._derived: dict[Hashable, object] = {}
        self.burst = BurstState()

    @property
    def jobs(self) -> dict[int, Job]:
        return self._tables.jobs

    @property
    def users(self) -> dict[int, User]:
        return self._tables.users

    @property
    def cost_codes(self) -> dict[int, CostCode]:
        return self._tables.cost_codes

    @property
    def budget_lines(self) -> dict[int, BudgetLine]:
        return self._tables.budget_lines

    @property
    def worksheet_lines(self) -> dict[int, WorksheetLine]:
        return self._tables.worksheet_lines

    @property
    def shifts(self) -> dict[int, Shift]:
        return self._tables.shifts

    def table(self, kind: type[Record]) -> Mapping[int, Record]:
        """The records of a kind by id, for reading only."""
        return self._tables.of(kind)

    def put(self, record: Record) -> None:
        """Add the record, or replace the one with its id."""
        self._tables.of(type(record))[record.id] = record
        self._derived.clear()
        self._journal.put(self.profile.builder_id, record)

    def remove(self, record: Record) -> None:
        kind = type(record)
        del self._tables.of(kind)[record.id]
        self._tables.retired_ids[kind] = max(record.id, self._tables.retired_ids.get(kind, 0))
        self._derived.clear()
        self._journal.remove(self.profile.builder_id, record)

    def next_id(self, kind: type[Record]) -> int:
        """An id that no record of the kind has or had: Buildertrend never gives an id twice."""
        return max(max(self._tables.of(kind), default=1000), self._tables.retired_ids.get(kind, 0)) + 1

    def rewrite_profile(self, profile: Profile) -> None:
        self.profile = profile
        self._journal.save_profile(profile)

    def rewrite_switches(self, switches: Switches) -> None:
        self.switches = switches
        self._journal.save_switches(self.profile.builder_id, switches)

    def derived(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The value computed for `key` since the last write; computed once, dropped at the next write."""
        if key not in self._derived:
            if len(self._derived) >= _MOST_DERIVED:
                self._derived.clear()
            self._derived[key] = compute()
        return cast(T, self._derived[key])
