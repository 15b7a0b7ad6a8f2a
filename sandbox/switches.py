"""The registry of all switches of a company: how the simulated source misbehaves. Defaults are a healthy source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.rules import FailNext, FieldRule, MissingRows, OnRequest, PagingRule, Rule, SpoilNext

SessionEndSignal = Literal["relogin", "401", "302", "html"]
Endpoint = Literal["ok", "404", "500", "403", "no-permission"]

# Properties of an account rather than faults: `healed` leaves these alone unless they are named.
QUIRKS = frozenset(
    {
        "latency_ms",
        "custom_range_returns_nothing",
        "cost_code_fields",
        "cost_code_place",
        "tag_form",
        "shift_code_minutes",
        "double_overtime_in_codes",
        "pto_in_regular_time",
    }
)
# These count down, so they do not outlive a restart.
COUNTING = frozenset({"fail_next", "spoil_next", "on_request"})


class Switches(BaseModel):
    """All switches of one company."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    sign_in: Literal["ok", "mfa", "mfa-once", "blocked"] = "ok"
    account: Literal["open", "locked"] = "open"
    lock_after: int | None = Field(default=None, ge=1)

    session_end_signal: SessionEndSignal = "relogin"
    session_calls: int | None = Field(default=None, ge=1)
    fresh_session: Literal["ok", "refused"] = "ok"

    jobs_endpoint: Endpoint = "ok"
    time_clock_endpoint: Endpoint = "ok"
    users_endpoint: Endpoint = "ok"
    budgets_endpoint: Endpoint = "ok"
    cost_codes_endpoint: Endpoint = "ok"
    worksheets_endpoint: Endpoint = "ok"
    silent_jobs: list[int] = Field(default_factory=list)
    job_list: Literal["ok", "half", "empty"] = "ok"

    fail_next: list[FailNext] = Field(default_factory=list)
    spoil_next: list[SpoilNext] = Field(default_factory=list)
    fields: list[FieldRule] = Field(default_factory=list)
    missing_rows: list[MissingRows] = Field(default_factory=list)
    paging: list[PagingRule] = Field(default_factory=list)
    grid_sort: Literal["as-asked", "ascending", "random"] = "as-asked"
    on_request: list[OnRequest] = Field(default_factory=list)

    custom_range_returns_nothing: bool = True
    cost_code_fields: Literal["id-code-title", "costCodeId-displayCode-name"] = "id-code-title"
    cost_code_place: Literal["top", "data"] = "top"
    tag_form: Literal["text", "object"] = "text"
    shift_code_minutes: Literal["stated", "missing", "zero"] = "stated"
    double_overtime_in_codes: bool = True
    pto_in_regular_time: bool = False
    latency_ms: int = Field(default=5, ge=0, le=60_000)

    def healed(self, names: Iterable[str] = ()) -> Switches:
        """These switches with the named ones, or all except the quirks, as on a healthy source."""
        healthy = set(names) or type(self).model_fields.keys() - QUIRKS
        return Switches(**{name: value for name, value in self if name not in healthy})

    def changed(self) -> list[str]:
        """Names of the switches that make the source misbehave now, without the quirks."""
        healthy = Switches()
        return [name for name, value in self if name not in QUIRKS and _is_on(value, getattr(healthy, name))]


def _is_on(value: object, healthy: object) -> bool:
    """Whether a switch has an effect: it differs from a healthy source; a list needs a rule that is not used up."""
    if isinstance(value, list):
        return any(rule.is_on if isinstance(rule, Rule) else True for rule in value)
    return value != healthy
