"""The records of a simulated company: immutable values; money in cents, durations in minutes.

Times are local wall-clock text as Buildertrend states them (`2026-05-20T09:19:00`), which sorts as text.
"""

from __future__ import annotations

from dataclasses import dataclass

FLAT_RATE_TITLE = "Buildertrend Flat Rate"
GENERAL_JOB_ID = 0

STATUS_CLOSED, STATUS_OPEN, STATUS_WARRANTY, STATUS_PRESALE = 0, 1, 3, 4

LINE_COST, LINE_ALLOWANCE, LINE_SELECTION = 10, 7, 5


@dataclass(frozen=True, slots=True)
class Job:
    """One job; `is_closed` disagrees with `status` on some jobs, as in real accounts."""

    id: int
    name: str
    number: str
    status: int
    is_closed: bool
    street: str
    city: str
    postal_code: str
    opened_on: str | None
    projected_start_on: str | None
    actual_start_on: str | None
    projected_close_on: str | None
    project_managers: tuple[str, ...]
    contract_cents: int


@dataclass(frozen=True, slots=True)
class User:
    """One person of the company, in the field or in the office."""

    id: int
    first_name: str
    last_name: str
    email: str
    phone: str
    role: str
    is_active: bool
    labor_cost_cents: int

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class CostCode:
    """One cost code; neither `code` nor `title` is unique in a company, only `id` is.

    One that is not listed stands in no list of a budget's codes: only shifts name it (C2).
    """

    id: int
    code: str
    name: str
    category: str
    is_listed: bool = True

    @property
    def title(self) -> str:
        return f"{self.code} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """The budget of one cost code on one job."""

    id: int
    job_id: int
    cost_code_id: int
    original_cents: int
    revised_cents: int
    committed_cents: int
    actual_cents: int
    projected_cents: int


@dataclass(frozen=True, slots=True)
class WorksheetLine:
    """One line of a job's estimate; `group` is the path of nested group titles that holds it."""

    id: int
    job_id: int
    group: tuple[str, ...]
    line_type: int
    item_title: str
    cost_code_id: int | None
    description: str
    unit: str
    quantity_hundredths: int
    unit_cost_cents: int
    builder_cost_cents: int
    markup_percent: int
    owner_price_cents: int
    internal_notes: str


@dataclass(frozen=True, slots=True)
class Shift:
    """One Time Clock shift; `time_out` is None while the worker is clocked in.

    `code_ten_thousandths` is the time of each cost code (the flat-rate one last) in ten-thousandths of an hour, as
    Buildertrend keeps it (T4); empty where nobody shared the shift out: it is in equal parts then.
    """

    id: int
    job_id: int
    user_id: int
    time_in: str
    time_out: str | None
    break_minutes: int
    regular_minutes: int
    overtime_minutes: int
    rate_cents: int
    cost_code_ids: tuple[int, ...]
    is_flat_rate: bool
    notes: str
    tags: tuple[str, ...]
    is_approved: bool
    was_edited: bool
    double_overtime_minutes: int = 0
    pto_minutes: int = 0
    approved_at: str | None = None
    code_ten_thousandths: tuple[int, ...] = ()

    @property
    def worked_minutes(self) -> int:
        """Paid work; paid absence is apart."""
        return self.regular_minutes + self.overtime_minutes + self.double_overtime_minutes


Record = Job | User | CostCode | BudgetLine | WorksheetLine | Shift


@dataclass(frozen=True, slots=True)
class Profile:
    """Who a company is, how to sign in to it, and what it was generated from."""

    builder_id: int
    name: str
    username: str
    password: str
    time_zone: str
    seed: int
    jobs: int
    shifts: int
    anchor_date: str
    kind: str = "projects"
    years: int | None = None


def labour_cost_cents(shift: Shift) -> int:
    """Cost of a shift in cents, overtime at time and a half, double overtime twice, halves rounded up."""
    weighted_minutes = 2 * shift.regular_minutes + 3 * shift.overtime_minutes + 4 * shift.double_overtime_minutes
    return (shift.rate_cents * weighted_minutes + 60) // 120


def ten_thousandths(minutes: int, *, among: int = 1) -> int:
    """An equal part of some minutes in ten-thousandths of an hour, as Buildertrend keeps them (T4); halves go up."""
    return (20_000 * minutes + 60 * among) // (120 * among)
