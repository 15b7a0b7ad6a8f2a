"""Request bodies of the control API. Unknown fields are errors, so that a misspelt one is not silently ignored."""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from sandbox.wall_time import normal_text


def _known_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("is not a time zone name such as America/Denver")
    return ZoneInfo(value).key


def _cents(value: object) -> object:
    """Dollars as a number or as text such as "$1,042.50" become cents."""
    text = re.sub(r"[$,\s]", "", str(value))
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,12}(\.\d{1,2})?", text):
        raise ValueError('must be dollars with at most two decimals, such as 42.5 or "$1,042.50"')
    return int(Decimal(text) * 100)


def _ten_thousandths(value: object) -> object:
    """Minutes, also fractions of one, become ten-thousandths of an hour."""
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,6}(\.\d{1,6})?", text):
        raise ValueError("must be minutes, such as 87 or 43.5")
    return int((Decimal(text) * 10_000 / 60).to_integral_value(ROUND_HALF_UP))


WallTime = Annotated[str, AfterValidator(normal_text)]
WallDate = Annotated[str, AfterValidator(lambda value: f"{date.fromisoformat(value[:10]).isoformat()}T00:00:00")]
Dollars = Annotated[int, BeforeValidator(_cents)]
ZoneName = Annotated[str, AfterValidator(_known_zone)]
CodeMinutes = Annotated[int, BeforeValidator(_ten_thousandths)]
Minutes = Annotated[int, Field(ge=0, le=100_000)]
Text = Annotated[str, Field(max_length=4000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Body(BaseModel):
    """A body of which only required fields must be stated; see `given`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def given(self) -> dict[str, object]:
        """The fields that the sender stated, also those stated as null."""
        return self.model_dump(exclude_unset=True)


class NewCompany(Body):
    seed: int = Field(default=7, ge=0, le=2**31)
    jobs: int = Field(default=60, ge=0, le=5000)
    shifts: int = Field(default=5000, ge=0, le=500_000)
    time_zone: ZoneName = "America/Denver"
    name: Name | None = None
    username: Name | None = None
    password: Name | None = None
    anchor_date: date | None = None
    kind: Literal["projects", "service"] = "projects"
    years: int | None = Field(default=None, ge=1, le=20)


class CompanyChange(Body):
    name: Name = ""
    username: Name = ""
    password: Name = ""
    time_zone: ZoneName = ""


class ShiftChange(Body):
    job_id: int = 0
    user_id: int = 0
    time_in: WallTime = ""
    time_out: WallTime | None = None
    break_minutes: Minutes = 0
    regular_minutes: Minutes = 0
    overtime_minutes: Minutes = 0
    double_overtime_minutes: Minutes = 0
    pto_minutes: Minutes = 0
    rate: Dollars = 0
    cost_code_ids: tuple[int, ...] = ()
    cost_code_minutes: tuple[CodeMinutes, ...] = ()
    is_flat_rate: bool = False
    notes: Text = ""
    tags: tuple[Name, ...] = ()
    is_approved: bool = False
    approved_at: WallTime | None = None


class NewShift(ShiftChange):
    job_id: int
    user_id: int
    time_in: WallTime


class JobChange(Body):
    name: Name = ""
    number: Text = ""
    status: int = Field(default=1, ge=0, le=9)
    is_closed: bool = False
    street: Text = ""
    city: Text = ""
    postal_code: Text = ""
    opened_on: WallDate | None = None
    projected_start_on: WallDate | None = None
    actual_start_on: WallDate | None = None
    projected_close_on: WallDate | None = None
    project_managers: tuple[Name, ...] = ()
    contract: Dollars = 0


class NewJob(JobChange):
    name: Name


class UserChange(Body):
    first_name: Text = ""
    last_name: Text = ""
    email: Text = ""
    phone: Text = ""
    role: Text = ""
    is_active: bool = True
    labor_cost: Dollars = 0


class NewUser(UserChange):
    first_name: Name


class CostCodeChange(Body):
    code: Name = ""
    name: Name = ""
    category: Name = "Other"
    is_listed: bool = True


class NewCostCode(CostCodeChange):
    code: Name
    name: Name


class BudgetLineChange(Body):
    original: Dollars = 0
    revised: Dollars = 0
    committed: Dollars = 0
    actual: Dollars = 0
    projected: Dollars = 0


class NewBudgetLine(BudgetLineChange):
    job_id: int
    cost_code_id: int
    original: Dollars
