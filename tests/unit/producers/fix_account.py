"""An account that answers from memory, in the shapes of the wire; anything may be made to fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from producers.buildertrend.account import Account, AccountIdentity
from producers.buildertrend.answers import GridPage, ModuleMissingError
from producers.buildertrend.bodies import JobBatch, PageAsk
from producers.buildertrend.evidence import Evidence

Rows = list[Any]


def missing_module(*_: object) -> None:
    raise ModuleMissingError("status 500")


@dataclass(slots=True)
class MemoryAccount:
    """`fail` maps a method's name to what is called before it answers, with the number of the call."""

    jobs: Rows = field(default_factory=list)
    listed: Rows = field(default_factory=list)
    shift_rows: Rows = field(default_factory=list)
    user_rows: Rows = field(default_factory=list)
    codes: dict[int, Rows] = field(default_factory=dict)
    budgets: dict[int, Rows] = field(default_factory=dict)
    worksheets: dict[int, Rows] = field(default_factory=dict)
    fail: dict[str, Callable[..., None]] = field(default_factory=dict)
    page_size: int = 3
    calls: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[str, int]] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)

    def as_account(self) -> Account:
        return cast(Account, self)

    def identity(self) -> AccountIdentity:
        return AccountIdentity("69084", "Tighe Builders")

    def picker_jobs(self) -> Rows:
        self._called("picker_jobs", 0)
        return self.jobs

    def listed_jobs(self) -> Rows:
        self._called("listed_jobs", 0)
        return self.listed

    def shifts(self, _batch: JobBatch, ask: PageAsk) -> GridPage:
        self._called("shifts", ask.number)
        return self._page(self.shift_rows, ask)

    def listed_users(self) -> Rows:
        self._called("listed_users", 0)
        return self.user_rows

    def cost_codes(self, job_id: int) -> Rows:
        self._called("cost_codes", job_id)
        return self.codes.get(job_id, [])

    def budget_categories(self, job_id: int) -> Rows:
        self._called("budget_categories", job_id)
        return self.budgets.get(job_id, [])

    def worksheet_groups(self, job_id: int) -> Rows:
        self._called("worksheet_groups", job_id)
        return self.worksheets.get(job_id, [])

    def _called(self, name: str, argument: int) -> None:
        self.calls[name] += 1
        self.asked.append((name, argument))
        if name in self.fail:
            self.fail[name](argument)

    def _page(self, rows: Sequence[Any], ask: PageAsk) -> GridPage:
        start = (ask.number - 1) * ask.size
        return GridPage(list(rows[start : start + ask.size]), len(rows), ask.size)
