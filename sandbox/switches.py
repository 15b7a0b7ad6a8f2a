"""The registry of all switches of a company: how the simulated source misbehaves. Defaults are a healthy source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from sandbox.quirks import Quirks
from sandbox.rules import Burst, FailNext, FieldRule, MissingRows, OnRequest, PagingRule, Rule, SpoilNext

SessionEndSignal = Literal["relogin", "401", "302", "html"]
Endpoint = Literal["ok", "404", "500", "403", "no-permission"]

# Properties of an account rather than faults: `healed` leaves these alone unless they are named.
QUIRKS = frozenset(Quirks.model_fields)
# These count down, so they do not outlive a restart.
COUNTING = frozenset({"fail_next", "spoil_next", "on_request"})


class Switches(Quirks):
    """All switches of one company."""

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
    reports_endpoint: Endpoint = "ok"
    filters_endpoint: Endpoint = "ok"
    silent_jobs: list[int] = Field(default_factory=list)
    job_list: Literal["ok", "half", "empty"] = "ok"

    burst: Burst | None = None
    fail_next: list[FailNext] = Field(default_factory=list)
    spoil_next: list[SpoilNext] = Field(default_factory=list)
    fields: list[FieldRule] = Field(default_factory=list)
    missing_rows: list[MissingRows] = Field(default_factory=list)
    paging: list[PagingRule] = Field(default_factory=list)
    grid_sort: Literal["as-asked", "ascending", "random"] = "as-asked"
    on_request: list[OnRequest] = Field(default_factory=list)

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
