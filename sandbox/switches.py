"""Per-company switches: how the simulated source misbehaves. Defaults are a healthy source."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SessionEndSignal = Literal["relogin", "401", "302", "html"]


class FailNext(BaseModel):
    """The next `times` requests whose path contains `path_contains` answer with `status`."""

    model_config = ConfigDict(extra="forbid")

    path_contains: str = Field(min_length=1)
    status: int = Field(ge=400, le=599)
    times: int = Field(default=1, ge=0)
    retry_after: int | None = Field(default=None, ge=0)


class Switches(BaseModel):
    """All switches of one company; `fail_next` counts down in place and is not kept over a restart."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    session_end_signal: SessionEndSignal = "relogin"
    session_calls: int | None = Field(default=None, ge=1)
    sign_in: Literal["ok", "mfa", "blocked"] = "ok"
    users_endpoint: Literal["ok", "404", "500"] = "ok"
    custom_range_returns_nothing: bool = True
    cost_code_fields: Literal["id-code-title", "costCodeId-displayCode-name"] = "id-code-title"
    cost_code_place: Literal["top", "data"] = "top"
    latency_ms: int = Field(default=5, ge=0, le=60_000)
    fail_next: list[FailNext] = Field(default_factory=list)
