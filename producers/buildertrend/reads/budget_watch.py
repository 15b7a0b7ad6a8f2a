"""Which jobs' budgets a recent read asks for: those whose row of the company-wide report moved, or whose shifts did.

That the report shows every move of a budget is nobody's observation (B5): the daily read of all budgets counts those
that moved without it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from producers.source import SourceRow, UnreadableRowError

# A job whose row moves while its budget stays (hours, invoices) is asked for ever more rarely, up to once a day.
_FIRST_WAIT = timedelta(hours=4)
_LONGEST_WAIT = timedelta(hours=23)
# Shifts move a budget's actual costs, which are not published: half a day later is early enough to look. So it is for
# jobs that the report leaves out.
_DOUBTFUL_WAIT = timedelta(hours=12)
_MOST_DOUBLINGS = 10
_NEVER_USED = b""
_SORTED = msgspec.json.Encoder(order="sorted", decimal_format="string")


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A job's budget when it was read last: the report's row just before, and the newest version of its shifts then.

    `row` is None where the report had no row of it. `fruitless`: reads in a row that its row alone had moved for.
    """

    row: bytes | None
    budget: bytes
    shifts: int
    read_at: datetime
    fruitless: int = 0

    @property
    def wait(self) -> timedelta:
        """How long a row that moves is not believed."""
        doublings = min(self.fruitless - 1, _MOST_DOUBLINGS)
        return min(_FIRST_WAIT * 2**doublings, _LONGEST_WAIT) if self.fruitless else timedelta(0)


@dataclass(slots=True)
class BudgetWatch:
    """What is known of the budgets of a company's jobs, and what a read finds out about them.

    `known` and `shifts` (the newest version of a job's shifts) are by job id. `rows` are the report's, None where the
    account has none. `moved` is told of each budget that moved: whether the report had said so (None: it had no row).
    `in_use`: budgets of the account were published at all.
    """

    known: Mapping[int, BudgetState]
    shifts: Mapping[int, int]
    now: datetime
    rows: Mapping[int, bytes] | None = None
    moved: Callable[[bool | None], None] = lambda _: None
    in_use: bool = True
    found: dict[int, BudgetState] = field(default_factory=dict)
    forgotten: set[int] = field(default_factory=set)

    def due(self, job_ids: Iterable[int]) -> list[int]:
        """Those of some jobs whose budget is to be read now; one that never was always is."""
        return [job_id for job_id in job_ids if self._is_due(job_id)]

    def note(self, job_id: int, lines: Sequence[SourceRow] | None) -> None:
        """A budget was read; None where it did not answer: the next read tries again if the account has budgets."""
        budget = budget_hash(lines) if lines is not None else None if self.in_use else _NEVER_USED
        if budget is None:
            self.forgotten.add(job_id)
            return
        before, row = self.known.get(job_id), (self.rows or {}).get(job_id)
        fruitless = 0
        if before is not None:
            row_moved = None if row is None or before.row is None else row != before.row
            if budget != before.budget:
                self.moved(row_moved)
            else:
                fruitless = before.fruitless + bool(row_moved)
        self.found[job_id] = BudgetState(row, budget, self.shifts.get(job_id, 0), self.now, fruitless)

    def _is_due(self, job_id: int) -> bool:
        before, row = self.known.get(job_id), (self.rows or {}).get(job_id)
        if before is None:
            return True
        waited = self.now - before.read_at
        moved = row is not None and row != before.row
        # Of a job that the report leaves out it tells nothing.
        doubtful = self.shifts.get(job_id, 0) > before.shifts or (self.rows is not None and row is None)
        return (moved and waited >= before.wait) or (doubtful and waited >= _DOUBTFUL_WAIT)


def budget_hash(lines: Collection[SourceRow]) -> bytes | None:
    """A hash of all that is published of a job's budget; None where a part of it could not be read."""
    hashed = blake2b(digest_size=16)
    for line in sorted(lines, key=lambda one: one.entity_id):
        try:
            record = line.read()
        except UnreadableRowError as error:
            hashed.update(error.value)
            continue
        if record.incomplete:
            return None
        known = {name: value for name, value in record.after.items() if name != "extras"}
        hashed.update(_SORTED.encode([line.entity_id, known]))
    return hashed.digest()


def report_rows(rows: Iterable[Any]) -> dict[int, bytes]:
    """The hash of each job's row of the report; rows of another form are passed over."""
    found: dict[int, bytes] = {}
    for row in rows:
        job_id = (row.get("jobID") or row.get("jobId")) if isinstance(row, dict) else None
        if isinstance(job_id, int) and not isinstance(job_id, bool) and job_id not in found:
            found[job_id] = blake2b(_SORTED.encode(row), digest_size=16).digest()
    return found
