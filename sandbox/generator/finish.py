"""Turns the simulated work into shifts: exactly the number asked for, the newest ones, with approvals and oddities."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from sandbox.generator.catalogue import Trade
from sandbox.generator.plan import Plan, Shares
from sandbox.generator.walk import Draft
from sandbox.model import Shift, User, ten_thousandths
from sandbox.wall_time import wall_text

NOTES = (
    "Left early for dentist", "Waited on concrete truck 45 min", "Owner's change order - moved outlet",
    "Picked up materials @ Home Depot", "Rain delay 🌧️", "Punch list w/ homeowner", "Señor Delgado asked about the deck",
    "Inspector didn't show", "Worked through lunch", "Finished 2nd floor 👍", "Crew at Lot 12, then O'Dell's place",
    "Forgot to clock out — fixed by office", "Cut list: 2×10 @ 14'-6\"", "Nivelación del terreno, lado norte",
    "Façade trim, café side", "Training: José", "⚠️ short on 5/8\" drywall", "Half-day (approved by PM)",
)  # fmt: skip
TAGS = ("Change Order", "Warranty", "Rework", "Prevailing Wage", "Travel")


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes that a shift may name, and how often it names several or none."""

    ids: list[int]
    shares: Shares


def finish_shifts(plan: Plan, drafts: list[Draft], *, crane: User, trades: list[Trade]) -> list[Shift]:
    """The newest drafts of the plan's number as shifts, with ids, approvals, corrections, notes and odd codes."""
    rng = plan.random("finish")
    chosen = drafts[len(drafts) - plan.shifts :]
    shift_id = rng.randint(9_000_000, 60_000_000)
    monday = plan.anchor.toordinal() - plan.anchor.weekday()
    codes = Codes([trade.code.id for trade in trades if trade.is_worked], plan.shares)
    shifts = []
    for index, draft in enumerate(chosen):
        shift_id += rng.randint(1, 5)
        if draft.time_out is not None and (rng.random() < 0.001 or index == len(chosen) // 3):
            draft.user_id, draft.rate_cents = crane.id, crane.labor_cost_cents
        shifts.append(_finished(rng, shift_id, draft=draft, approved_before=monday - 7, codes=codes))
    return shifts


def _finished(rng: Random, shift_id: int, *, draft: Draft, approved_before: int, codes: Codes) -> Shift:
    code_ids, flat_rate = _codes(rng, draft.trade, codes)
    worked = draft.minutes + draft.overtime_minutes + draft.double_overtime_minutes
    is_open = draft.time_out is None
    approval_odds = 0.985 if draft.day < approved_before else 0.15 if draft.day < approved_before + 7 else 0.0
    is_approved = not is_open and rng.random() < approval_odds
    return Shift(
        id=shift_id,
        job_id=draft.job_id,
        user_id=draft.user_id,
        time_in=draft.time_in,
        time_out=draft.time_out,
        break_minutes=draft.break_minutes,
        regular_minutes=draft.minutes,
        overtime_minutes=draft.overtime_minutes,
        rate_cents=draft.rate_cents,
        cost_code_ids=code_ids,
        is_flat_rate=flat_rate,
        notes=rng.choice(NOTES) if rng.random() < 0.07 else "",
        tags=(rng.choice(TAGS),) if rng.random() < 0.04 else (),
        is_approved=is_approved,
        was_edited=not is_open and rng.random() < 0.06,
        double_overtime_minutes=draft.double_overtime_minutes,
        pto_minutes=480 if not is_open and rng.random() < 0.006 else 0,
        approved_at=f"{wall_text(date.fromordinal(draft.day + 3), rng.randint(960, 1080))}.66" if is_approved else None,
        code_ten_thousandths=_parts(rng, worked, len(code_ids) + flat_rate),
    )


def _parts(rng: Random, minutes: int, count: int) -> tuple[int, ...]:
    """The time of two codes, parted at whole minutes as a worker states them; none needs to be stated of one code."""
    if count < 2:
        return ()
    first = minutes * rng.randint(1, 9) // 10
    return ten_thousandths(first), ten_thousandths(minutes - first)


def _codes(rng: Random, trade: Trade | None, codes: Codes) -> tuple[tuple[int, ...], bool]:
    """The shift's cost codes, and whether it fell to the flat-rate catch-all, alone or beside a code."""
    draw, shares = rng.random(), codes.shares
    if trade is None or draw < 0.02:
        return (), False
    if draw < 0.02 + shares.flat_rate:
        return ((trade.code.id,), True) if rng.random() < 0.02 else ((), True)
    if draw < 0.02 + shares.flat_rate + shares.several_codes:
        second = rng.choice([code_id for code_id in codes.ids if code_id != trade.code.id])
        return (trade.code.id, second), False
    return (trade.code.id,), False
