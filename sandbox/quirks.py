"""Properties of a simulated account: how it speaks, where observations differ or there are none.

Numbers are those of the facts in docs/wire.md; titles are the words of the page. None of them is a fault: healing
leaves them as they are.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Nothing = Literal["empty", "null", "missing"]


class SignInQuirks(BaseModel):
    """How a session begins, is renewed and ends."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    phone_app: Literal["works", "moved-to-auth0"] = Field(default="works", title="Phone app's sign-in (S11)")
    auth0_grant: Literal["works", "captcha"] = Field(default="works", title="Password grant (S12)")
    edge: Literal["user-agent", "referer", "open"] = Field(default="user-agent", title="Edge refuses without (S13)")
    cookie_renewal_calls: int | None = Field(default=25, ge=1, title="Cookie is renewed after calls (S8)")
    cookie_grace_calls: int | None = Field(default=25, ge=0, title="Calls that an old cookie still works for (S8)")
    session_timeout_minutes: int = Field(default=720, ge=1, title="Session's time-out in minutes (S9)")
    session_timeout: Literal["enforced", "stated"] = Field(default="stated", title="Time-out by idling is (S9)")
    builder_id_in_account: bool = Field(default=True, title="GlobalInfo has builderId (S10)")
    stated_time_zone: Literal["absent", "iana", "windows"] = Field(default="absent", title="GlobalInfo's time zone")


class GridQuirks(SignInQuirks):
    """How grids answer."""

    no_job_ids: Literal["general", "nothing", "everything"] = Field(default="general", title="Empty jobIds show (G3)")
    most_job_ids: int | None = Field(default=None, ge=1, title="Longest list of jobIds (G5)")
    long_list_answer: Literal["400", "500", "refused"] = Field(default="400", title="A longer one is answered (G5)")
    sql_timeout_jobs: int | None = Field(
        default=None, ge=1, title="SQL time-out over so many jobs, or without any (R6)"
    )
    sql_timeout_rows: int | None = Field(default=None, ge=1, title="SQL time-out over so many rows a page (G9)")
    total_pages: Literal["asked", "records"] = Field(default="asked", title="totalPages is computed from what is (G6)")
    page_number: Literal["text", "number"] = Field(default="text", title="pageNumber is taken as (G8)")
    most_page_size: int | None = Field(default=None, ge=1, title="Largest page (G9)")
    custom_range_returns_nothing: bool = Field(default=True, title="A custom date range returns nothing (G10)")
    unselected_columns: Literal["null", "shown"] = Field(default="null", title="Columns that are not selected (G11)")
    filters_shape: Literal["plain", "nested", "listed"] = Field(
        default="plain", title="Option lists of filters are (G13)"
    )
    users_in_filters: bool = Field(default=True, title="Filters list users (U3)")


class EntityQuirks(GridQuirks):
    """How the entities are spelt, and what an account does not have."""

    jobs_row: Literal["none", "0", "-1", "null"] = Field(default="0", title="Id of the row that is no job (J2)")
    general_job: Literal["listed", "absent"] = Field(default="listed", title="General in the job picker is (J3)")
    jobs_grid: bool = Field(default=False, title="The jobs page's grid may be opened (J5)")
    tag_form: Literal["text", "object"] = Field(default="text", title="Tags are (T12)")
    shift_code_minutes: Literal["stated", "missing", "zero"] = Field(
        default="stated", title="Minutes of a shift's codes (T3)"
    )
    double_overtime_in_codes: bool = Field(default=True, title="Codes' minutes include double overtime (T5)")
    pto_in_regular_time: bool = Field(default=False, title="Paid absence is inside regular time (T9)")
    empty_budget: Nothing = Field(default="null", title="costCategories of a job without a budget (B4)")
    empty_worksheet: Literal["empty", "null", "missing", "no-data"] = Field(
        default="null", title="formatData of a job without a worksheet (B4)"
    )
    empty_lines: Nothing = Field(default="null", title="lineItems of a group without lines (B4)")
    empty_codes: Literal["empty", "null", "missing", "no-data"] = Field(
        default="null", title="Cost codes where none are (C1)"
    )
    budget_place: Literal["top", "data"] = Field(default="top", title="Budgets are (R2)")
    cost_code_fields: Literal["id-code-title", "costCodeId-displayCode-name"] = Field(
        default="id-code-title", title="Cost codes' fields (C1)"
    )
    cost_code_place: Literal["top", "data"] = Field(default="top", title="Cost codes are (C1)")
    report_rows: Literal["rowData", "data"] = Field(default="rowData", title="A report's rows are in (B5)")
    report_figures: Literal["budgets", "contract"] = Field(default="budgets", title="A report's figures follow (B5)")
    internal_users_grid: bool = Field(default=False, title="There is a grid of internal users (U2)")
    bills_defaults: bool = Field(default=False, title="Bills' defaults list users (U4)")
    other_time_sheets: bool = Field(default=True, title="Other users' time sheets are shown (U6)")


class Quirks(EntityQuirks):
    """All properties of an account."""

    latency_ms: int = Field(default=5, ge=0, le=60_000, title="Latency, ms")
