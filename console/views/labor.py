"""Budget against work as shapes: bars in per cent of the longest one, with the words beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from console.reading.records import Labor
from console.words import hours


@dataclass(frozen=True, slots=True)
class Bar:
    """One cost code. Widths are per cent with two decimals; `over` is the part of the work beyond the budget."""

    title: str
    budget: str
    worked: str
    left: str
    is_over: bool
    has_budget: bool
    budget_width: str
    worked_width: str
    over_from: str
    over_width: str


def bars_of(lines: Sequence[Labor]) -> list[Bar]:
    """A bar a line, all to one scale."""
    longest = max((max(line.budgeted_hours or Decimal(0), line.actual_hours) for line in lines), default=Decimal(0))
    return [_bar(line, longest or Decimal(1)) for line in lines]


def total_of(lines: Sequence[Labor]) -> Bar | None:
    """All of a job, to a scale of its own; None where nothing is known."""
    if not lines:
        return None
    budgets = [line.budgeted_hours for line in lines if line.budgeted_hours is not None]
    whole = Labor(
        "Whole job",
        sum(budgets, Decimal(0)) if budgets else None,
        sum((line.actual_hours for line in lines), Decimal(0)),
        None,
        sum((line.actual_dollars for line in lines), Decimal(0)),
        sum(line.shifts for line in lines),
        sum(line.open_shifts for line in lines),
        sum((line.hours_not_linked for line in lines), Decimal(0)),
    )
    return bars_of([whole])[0]


def _bar(line: Labor, longest: Decimal) -> Bar:
    budget, worked = line.budgeted_hours, line.actual_hours
    known = budget or Decimal(0)
    is_over = budget is not None and worked > budget
    within = min(worked, known) if budget is not None else worked
    return Bar(
        title=line.title,
        budget=_hours(budget),
        worked=_hours(worked),
        left=""
        if budget is None
        else f"{_hours(worked - budget)} over"
        if is_over
        else f"{_hours(budget - worked)} left",
        is_over=is_over,
        has_budget=budget is not None,
        budget_width=_percent(known, longest),
        worked_width=_percent(within, longest),
        over_from=_percent(known, longest),
        over_width=_percent(worked - known, longest) if is_over else "0%",
    )


def _hours(value: Decimal | None) -> str:
    return "not stated" if value is None else hours(float(value * 60))


def _percent(value: Decimal, longest: Decimal) -> str:
    return f"{value / longest * 100:.2f}%"
