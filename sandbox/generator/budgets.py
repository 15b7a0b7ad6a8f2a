"""Budgets of somewhat more than half of the jobs, worksheets of some of these (M5): those most worked on have both.

Budgeted hours are plausible beside the hours worked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from random import Random

from sandbox.generator.catalogue import Trade
from sandbox.generator.jobs import JobPlan
from sandbox.generator.plan import Plan
from sandbox.model import LINE_ALLOWANCE, LINE_COST, LINE_SELECTION, BudgetLine, Shift, WorksheetLine

_HOURLY_CENTS = 5_800
_PURCHASES_CENTS = (90_000, 1_400_000)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one cost code on one job is expected to take."""

    trade: Trade
    half_hours: int
    material_cents: int
    worked_minutes: int

    @property
    def labour_cents(self) -> int:
        return self.half_hours * _HOURLY_CENTS // 2


def make_budgets(
    plan: Plan, job_plans: list[JobPlan], *, trades: list[Trade], shifts: Iterable[Shift]
) -> tuple[list[BudgetLine], list[WorksheetLine]]:
    """Budget and worksheet lines. Every cost code is in the budget of at least one job, if there is any job."""
    rng = plan.random("budgets")
    worked = _worked_minutes(shifts)
    anchor = plan.anchor.toordinal()
    minutes: Counter[int] = Counter()
    for (job_id, _), of_code in worked.items():
        minutes[job_id] += of_code
    most_worked = max(job_plans, key=lambda job: minutes[job.job_id], default=None)
    budgeted = [job for job in job_plans if rng.random() < plan.shares.budgets or job is most_worked]
    estimates = {job.job_id: _estimates(rng, job, trades=trades, worked=worked, anchor=anchor) for job in job_plans}
    _place_unused_codes(rng, [estimates[job.job_id] for job in budgeted], trades)
    line_ids = count(rng.randint(100_000, 900_000), 3)
    lines = [
        _budget_line(rng, next(line_ids), job=job, estimate=estimate, anchor=anchor)
        for job in budgeted
        for estimate in estimates[job.job_id]
    ]
    with_budget = {job.job_id for job in budgeted}
    sheet: list[WorksheetLine] = []
    for job in job_plans:
        has_worksheet = rng.random() < plan.shares.worksheets_of_budgets or job is most_worked
        if has_worksheet and job.job_id in with_budget:
            for estimate in estimates[job.job_id]:
                sheet += _worksheet_lines(rng, line_ids, job_id=job.job_id, estimate=estimate)
    return lines, sheet


def _worked_minutes(shifts: Iterable[Shift]) -> dict[tuple[int, int], int]:
    worked: dict[tuple[int, int], int] = defaultdict(int)
    for shift in shifts:
        if shift.cost_code_ids:
            worked[shift.job_id, shift.cost_code_ids[0]] += shift.worked_minutes
    return worked


def _estimates(
    rng: Random, job: JobPlan, *, trades: list[Trade], worked: dict[tuple[int, int], int], anchor: int
) -> list[Estimate]:
    phases = {phase for phase, _ in job.kind.phases}
    progress = max(0.3, job.progress_on(anchor))
    estimates = []
    for trade in trades:
        minutes = worked.get((job.job_id, trade.code.id), 0)
        expected = minutes >= 120 or (trade.phase in phases and rng.random() < 0.7)
        if expected or (trade.phase is None and rng.random() < 0.6):
            estimates.append(_estimate(rng, trade, minutes=minutes, progress=progress))
    return estimates


def _estimate(rng: Random, trade: Trade, *, minutes: int, progress: float) -> Estimate:
    """The budget is 0.75 to 1.4 times the hours worked, so that some jobs are over and some under it."""
    if trade.material_ratio is None:
        return Estimate(trade, 0, rng.randrange(*_PURCHASES_CENTS, 2_500), minutes)
    hours = minutes / 60 / progress if minutes >= 120 else rng.uniform(6, 40)
    half_hours = max(4, round(hours * rng.triangular(0.75, 1.4, 1.02) * 2))
    material = int(half_hours * _HOURLY_CENTS / 2 * trade.material_ratio * rng.uniform(0.7, 1.3))
    return Estimate(trade, half_hours, material // 125 * 125, minutes)


def _place_unused_codes(rng: Random, estimates: list[list[Estimate]], trades: list[Trade]) -> None:
    used = {estimate.trade.code.id for of_job in estimates for estimate in of_job}
    for trade in trades:
        if estimates and trade.code.id not in used:
            rng.choice(estimates).append(_estimate(rng, trade, minutes=0, progress=1.0))


def _budget_line(rng: Random, line_id: int, *, job: JobPlan, estimate: Estimate, anchor: int) -> BudgetLine:
    original = estimate.labour_cents + estimate.material_cents
    revised = original + (rng.randint(-8, 30) * original // 100 if rng.random() < 0.2 else 0)
    progress = job.progress_on(anchor)
    spent = int(estimate.material_cents * progress * rng.uniform(0.85, 1.1))
    actual = spent + estimate.worked_minutes * _HOURLY_CENTS // 60
    committed = int(estimate.material_cents * rng.uniform(0.5, 1.0)) if progress > 0 else 0
    return BudgetLine(
        line_id, job.job_id, estimate.trade.code.id, original, revised, committed, actual, max(revised, actual)
    )


def _worksheet_lines(rng: Random, ids: count[int], *, job_id: int, estimate: Estimate) -> list[WorksheetLine]:
    code, lines = estimate.trade.code, []

    def add(group: str, line_type: int, *, title: str, unit: str, quantity: int, cost: int, price: int) -> None:
        markup = rng.choice((15, 18, 20, 25))
        builder_cost = quantity * cost // 100
        description = f"{code.name} per plans" if rng.random() < 0.25 else ""
        lines.append(
            WorksheetLine(
                next(ids), job_id, (code.category, group), line_type, title, code.id, description, unit, quantity,
                cost, builder_cost, markup, price or builder_cost * (100 + markup) // 100,
                "Check w/ sub" if rng.random() < 0.05 else "",
            )
        )  # fmt: skip

    for half_hours in _parts(rng, estimate.half_hours):
        add("Labor", LINE_COST, title=f"{code.name} labor", unit="HR", quantity=half_hours * 50,
            cost=_HOURLY_CENTS, price=0)  # fmt: skip
    if estimate.material_cents:
        unit, quantity = rng.choice((("LS", 100), ("SF", 24_000), ("EA", 1_200), ("LF", 16_050)))
        add("Materials", LINE_COST, title=f"{code.name} materials", unit=unit, quantity=quantity,
            cost=estimate.material_cents * 100 // quantity, price=0)  # fmt: skip
    if rng.random() < 0.04:
        add("Allowances", LINE_ALLOWANCE, title=f"{code.name} allowance", unit="LS", quantity=100, cost=0,
            price=rng.randrange(50_000, 900_000, 5_000))  # fmt: skip
    if rng.random() < 0.03:
        add("Selections", LINE_SELECTION, title=f"{code.name} selection", unit="EA", quantity=100, cost=0,
            price=rng.randrange(20_000, 400_000, 5_000))  # fmt: skip
    return lines


def _parts(rng: Random, half_hours: int) -> list[int]:
    """Hours on one line, or on two for the larger items; none without labour."""
    if half_hours > 60 and rng.random() < 0.3:
        first = half_hours * rng.randint(3, 7) // 10
        return [first, half_hours - first]
    return [half_hours] if half_hours else []
